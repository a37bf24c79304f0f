"""Tables of Delta that are not taken: messages name the file or the feature, and nothing stays."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

import catalog
from catalog import Catalog
from catalog.errors import CatalogError, Unsupported
from catalog.formats.delta.table import DeltaSource
from catalog.formats.table_state import LiveFile

from .delta_logs import HandWritten, column, deleted, metadata, protocol, remove

FIELDS = [column("id", "long")]
ROWS = pa.table({"id": [1, 2, 3]})


@pytest.fixture
def table(tmp_path: Path) -> HandWritten:
    """Is a table of three versions, each of which adds a file."""
    found = HandWritten(tmp_path / "delta")
    first = found.file("part%200.parquet", ROWS, path="part%25200.parquet")
    found.commit(protocol(), metadata(FIELDS), first)
    found.commit(found.file("part-1.parquet", ROWS))
    found.commit(found.file("part-2.parquet", ROWS))
    return found


def log(table: HandWritten, version: int) -> Path:
    return table.root / f"_delta_log/{version:020}.json"


def checkpoint(table: HandWritten) -> Path:
    return table.root / "_delta_log/00000000000000000002.checkpoint.parquet"


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def overwrite_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-12] + b"x" * 12)


def added_as(table: HandWritten, path: str) -> None:
    """Lets the newest version name another file."""
    lines = [json.loads(line) for line in log(table, 2).read_text().splitlines()]
    for line in lines:
        line.get("add", {}).update(path=path)
    log(table, 2).write_text("\n".join(map(json.dumps, lines)))


def vacuumed(table: HandWritten) -> None:
    table.commit(remove("part-1.parquet"))
    (table.root / "part-1.parquet").unlink()


def partitioned(table: HandWritten, kind: str, value: str) -> None:
    """Makes the table anew, with a partition."""
    gone = [remove(name) for name in ("part%25200.parquet", "part-1.parquet", "part-2.parquet")]
    about = metadata([*FIELDS, column("p", kind)], partition_by=["p"])
    table.commit(about, *gone, table.file("p.parquet", ROWS, partitionValues={"p": value}))


def no_versions(table: HandWritten) -> None:
    shutil.rmtree(table.root / "_delta_log")
    (table.root / "_delta_log").mkdir()


def newest(reader: int) -> dict[str, Any]:
    return {"protocol": {"minReaderVersion": reader, "minWriterVersion": reader}}


VARIANT = metadata([column("v", "variant")])

Change = Callable[[HandWritten], object]

BAD: dict[str, tuple[Change, dict[str, Any], str, str]] = {
    "a gap": (lambda t: log(t, 1).unlink(), {}, "log-damaged", "gap: _delta_log/0{19}1.json"),
    "no beginning": (lambda t: log(t, 0).unlink(), {}, "log-damaged", "_delta_log/0{20}.json"),
    "a cut log": (lambda t: cut(log(t, 2), 150), {}, "log-damaged", "0{19}2.json is not JSON"),
    "an empty log": (lambda t: cut(log(t, 1), 0), {}, "log-damaged", "0{19}1.json is empty"),
    "a cut checkpoint": (
        lambda t: (DeltaTable(str(t.root)).create_checkpoint(), cut(checkpoint(t), 300)),
        {},
        "log-damaged",
        "_delta_log/0{19}2.checkpoint.parquet is damaged",
    ),
    "a line that is no object": (
        lambda t: log(t, 1).write_text("[]\n"),
        {},
        "log-damaged",
        r"0{19}1.json has a line that is no action: \[\]",
    ),
    "a file without a size": (
        lambda t: log(t, 1).write_text('{"add":{"path":"x","partitionValues":{}}}\n'),
        {},
        "log-damaged",
        "0{19}1.json has a line that is no action",
    ),
    "no versions": (no_versions, {}, "log-damaged", "no versions"),
    "a newer reader": (
        lambda t: t.commit(newest(9)),
        {},
        "unsupported-feature",
        "reader version 9",
    ),
    "an unknown feature": (
        lambda t: t.commit(protocol("rowSorcery")),
        {},
        "unsupported-feature",
        "rowSorcery",
    ),
    "type widening": (
        lambda t: t.commit(protocol("typeWidening")),
        {},
        "unsupported-feature",
        "feature typeWidening",
    ),
    "vacuum check": (
        lambda t: t.commit(protocol("vacuumProtocolCheck")),
        {},
        "unsupported-feature",
        "vacuumProtocolCheck",
    ),
    "a variant": (
        lambda t: t.commit(protocol("variantType"), VARIANT),
        {},
        "unsupported-feature",
        "variantType",
    ),
    "a feature that has the library ask for more": (
        lambda t: t.commit(protocol("catalogManaged")),
        {},
        "unsupported-feature",
        "feature catalogManaged",
    ),
    "names of columns that the protocol does not allow": (
        lambda t: t.commit(
            metadata([column("id", "long", "id", 1)], **{"delta.columnMapping.mode": "name"})
        ),
        {},
        "unsupported-feature",
        "without columnMapping",
    ),
    "no columns": (
        lambda t: t.commit(metadata([])),
        {},
        "unsupported-feature",
        "without columns",
    ),
    "a file twice": (
        lambda t: t.commit(t.add("part-1.parquet", path="./part-1.parquet")),
        {},
        "log-damaged",
        "part-1.parquet twice",
    ),
    "a file twice, encoded": (
        lambda t: t.commit(t.add("part-1.parquet", path="part%2D1.parquet")),
        {},
        "log-damaged",
        "parquet twice",
    ),
    "a file twice, with other rows deleted": (
        lambda t: t.commit(
            protocol("deletionVectors"), t.add("part-1.parquet", deletionVector=deleted([1]))
        ),
        {},
        "log-damaged",
        "part-1.parquet twice",
    ),
    "rows deleted by another name": (
        lambda t: t.commit(t.file("a\\b.parquet", ROWS, deletionVector=deleted([1]))),
        {},
        "log-damaged",
        "deletes rows of .*a/b.parquet",
    ),
    "another machine": (
        lambda t: added_as(t, f"file://elsewhere{t.root}/part-2.parquet"),
        {},
        "unsupported-feature",
        "file://elsewhere/",
    ),
    "a partition before the first year": (
        lambda t: partitioned(t, "date", "-0001-01-01"),
        {},
        "unsupported-feature",
        "partition value that is out of range",
    ),
    "a partition of minus nothing": (
        lambda t: partitioned(t, "double", "-0.0"),
        {},
        "unsupported-feature",
        "partition value -0.0",
    ),
    "a file of another type": (
        lambda t: t.commit(t.file("x.parquet", pa.table({"id": [1.5]}))),
        {},
        "unsupported-feature",
        "'id' is double in .*x.parquet, and BIGINT in the table",
    ),
    "a file of numbers that are too great": (
        lambda t: t.commit(t.file("x.parquet", pa.table({"id": pa.array([2**63], pa.uint64())}))),
        {},
        "unsupported-feature",
        "'id' is uint64 in .*x.parquet, and BIGINT",
    ),
    "a missing file": (
        lambda t: (t.root / "part-1.parquet").unlink(),
        {},
        "live-file-missing",
        "part-1.parquet is missing",
    ),
    "a cut file": (
        lambda t: cut(t.root / "part-1.parquet", 100),
        {},
        "live-file-missing",
        "part-1.parquet has 100 bytes",
    ),
    "a damaged file": (
        lambda t: overwrite_end(t.root / "part-1.parquet"),
        {},
        "damaged-parquet",
        "part-1.parquet",
    ),
    "a vacuumed version": (
        vacuumed,
        {"at": "2"},
        "live-file-missing",
        "part-1.parquet is missing, and version 2",
    ),
    "out of the table": (
        lambda t: added_as(t, "../x.parquet"),
        {},
        "log-damaged",
        r"\.\./x.parquet",
    ),
    "out of it, encoded": (
        lambda t: added_as(t, "a/%2E%2E/%2e%2e/x"),
        {},
        "log-damaged",
        "leads out of the table",
    ),
    "another scheme": (
        lambda t: added_as(t, "s3://b/x.parquet"),
        {},
        "unsupported-feature",
        "s3://b/x.parquet",
    ),
    "no such version": (
        lambda t: None,
        {"at": "3"},
        "version-not-found",
        "no version 3: the newest is 2",
    ),
    "no such time": (
        lambda t: None,
        {"at": "2001-01-01"},
        "version-not-found",
        "2001-01-01 or before",
    ),
    "no version, but a list": (lambda t: None, {"at": [1]}, "not-text", "version must be text"),
    "no version at all": (lambda t: None, {"at": "soon"}, "invalid-input", "'soon' is neither"),
    "rows added": (lambda t: None, {"scope": "append"}, "invalid-input", "taken whole"),
    "some partitions": (lambda t: None, {"scope": "partitions"}, "invalid-input", "taken whole"),
    "plain Parquet": (lambda t: None, {"format": "parquet"}, "other-format", "table of Delta"),
    "Iceberg": (lambda t: None, {"format": "iceberg"}, "source-not-found", "no table of Iceberg"),
}


def everything(*roots: Path) -> list[tuple[Path, int]]:
    return sorted((path, path.stat().st_size) for root in roots for path in root.rglob("*"))


@pytest.mark.invariant("A Delta table that cannot be taken exactly is refused, and nothing stays")
@pytest.mark.parametrize("case", BAD)
def test_what_is_not_taken_is_named_and_leaves_nothing_behind(
    cat: Catalog, root: Path, table: HandWritten, case: str
) -> None:
    change, options, kind, words = BAD[case]
    change(table)
    before = everything(root, table.root)
    for mode in ("copy", "reference"):
        with pytest.raises(CatalogError, match=words) as caught, cat.transaction("main") as tx:
            tx.snapshot("t", str(table.root), mode=mode, **options)  # type: ignore[arg-type]
        assert caught.value.kind == kind
        assert everything(root, table.root) == before


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_a_file_that_goes_while_the_table_is_read_stops_the_snapshot(
    cat: Catalog, root: Path, table: HandWritten, mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = DeltaSource.settled

    def settle(self: DeltaSource, state: Any, file: LiveFile, **known: Any) -> LiveFile:
        found = settled(self, state, file, **known)
        (table.root / "part-1.parquet").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(DeltaSource, "settled", settle)
    before = everything(root)
    refused = pytest.raises(CatalogError, match=r"part-1\.parquet was changed while it was read")
    with refused, cat.transaction("main") as tx:
        tx.snapshot("t", str(table.root), mode=mode)
    assert everything(root) == before


@pytest.mark.parametrize("below", ["", "/part-*", "/day=1"])
def test_a_plain_snapshot_names_the_command_that_takes_the_table(
    cat: Catalog, table: HandWritten, below: str
) -> None:
    (table.root / "day=1").mkdir()
    around = {"": table.root.parent, "/part-*": table.root, "/day=1": table.root}[below]
    source = str(around) if not below else f"{table.root}{below}"
    refused = pytest.raises(CatalogError, match="is a table of Delta")
    with refused as caught, cat.transaction("main") as tx:
        tx.snapshot("t", source, allow_empty=True)
    assert f"tx.snapshot(TABLE, {str(table.root)!r})" in str(caught.value.hint)


def test_a_pattern_of_files_in_a_table_is_refused_unless_they_are_said_to_be_plain(
    cat: Catalog, table: HandWritten
) -> None:
    pattern = f"{table.root}/*.parquet"
    refused = pytest.raises(Unsupported, match="is a table of Delta")
    with refused as caught, cat.transaction("main") as tx:
        tx.snapshot("t", pattern)
    hint = str(caught.value.hint)
    assert f"tx.snapshot(TABLE, {str(table.root)!r})" in hint
    assert "format='parquet' takes the files as they are" in hint
    with cat.transaction("main") as tx:
        (warning,) = tx.snapshot("t", pattern, format="parquet").warnings
    assert "is a table of Delta" in warning
    one = next(table.root.glob("*.parquet"))
    with cat.transaction("main") as tx:
        assert "is a table of Delta" in tx.snapshot("u", str(one)).warnings[0]
    with catalog.compare(str(one), f"{table.root}/?{one.name[1:]}") as found:
        assert any("is a table of Delta" in text for text in found.warnings) and not found.differs
