"""Many files of one partition, all written anew: none is looked at for each of the others."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff import route
from tests.effort import effort

FILES = effort(150, 600)


def write(folder: Path, *, added: int) -> None:
    """Writes files of two rows each; ``b`` is ``added`` to."""
    folder.mkdir()
    for n in range(FILES):
        rows = {"a": [2 * n, 2 * n + 1], "b": [n + added, n], "same": [7, 7], "void": [None, None]}
        schema = pa.schema([(name, pa.int64()) for name in rows])
        pq.write_table(pa.table(rows, schema), folder / f"{n:05}-{added}.parquet")


@pytest.mark.parametrize("key", [None, ["same", "a"]], ids=["no key", "the first column alike"])
def test_pairs_are_found_without_looking_at_all(
    tmp_path: Path, key: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    for added in (0, 1000):
        write(tmp_path / str(added), added=added)
        with cat.transaction() as tx:
            how = {} if key is None or added else {"key": key}
            tx.snapshot("t", str(tmp_path / str(added)), **how)
    original, calls = route._Pairing._same, [0]

    def same(self: route._Pairing, *files: object) -> bool:
        calls[0] += 1
        return original(self, *files)  # type: ignore[arg-type]

    monkeypatch.setattr(route._Pairing, "_same", same)
    with cat.diff("main~1", "main") as diff:
        found = diff["t"]
        rows = found.rows
        if key is None:
            assert (rows.inserted, rows.deleted) == (FILES, FILES)
        else:
            assert (rows.updated, rows.inserted, found.columns["b"].changed) == (FILES, 0, FILES)
    assert 0 < calls[0] < 3 * FILES * route.MOST_ALIKE
