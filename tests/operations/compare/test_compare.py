"""Places, frames and tables compared in any mix: the same answer, and nothing left behind."""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb
import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

import catalog
from catalog import CatalogError, CorruptData, ErrorKind, InvalidInput, NotFound, Unsupported
from catalog.operations.compare.comparison import Comparison
from tests.operations.compare.conftest import everything_below

Counts = tuple[int | None, int | None, int | None]


def counts(found: Comparison) -> Counts:
    return found.rows.inserted, found.rows.deleted, found.rows.updated


def arrow(path: str) -> pa.Table:
    return pq.read_table(path)


MAKERS: dict[str, Callable[[str], object]] = {
    "directory": lambda name: name,
    "path": Path,
    "file": lambda name: f"{name}.parquet",
    "pattern": lambda name: f"{name}/part=*/*.parquet",
    "arrow": lambda name: arrow(f"{name}.parquet"),
    "reader": lambda name: arrow(f"{name}.parquet").to_reader(),
    "dataset": lambda name: ds.dataset(f"{name}.parquet"),
    "polars": lambda name: pl.read_parquet(f"{name}.parquet"),
    "lazy": lambda name: pl.scan_parquet(f"{name}.parquet"),
    "pandas": lambda name: pd.read_parquet(f"{name}.parquet"),
    "relation": lambda name: duckdb.connect().sql(f"FROM '{name}.parquet'"),
    "dictionaries": lambda name: arrow(f"{name}.parquet").to_pylist(),
}


@pytest.mark.parametrize(
    ("old", "new"),
    [(kind, [*MAKERS][(n + 5) % len(MAKERS)]) for n, kind in enumerate(MAKERS)],
)
def test_any_mix_gives_the_same_answer(old: str, new: str, places: Path) -> None:
    before = everything_below(places)
    with catalog.compare(MAKERS[old]("old"), MAKERS[new]("new"), key=["id"]) as found:
        assert counts(found) == (1, 1, 2)
        assert (found.columns["amount"].corrected, found.columns["name"].cleared) == (1, 1)
        assert not found.schema_changes
        rows = found.changes(change="updated").read_all().to_pylist()
        assert [row["id"] for row in sorted(rows, key=lambda row: row["id"])] == [4, 7]
    assert everything_below(places) == before


@pytest.mark.invariant("A comparison leaves nothing behind: no file, no directory, no cache.")
def test_nothing_is_left_behind(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, temporary = places / "home", places / "tmp"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    before = everything_below(places)
    with catalog.compare("old", arrow("new.parquet"), key=["id"]) as found:
        assert found.differs
    with pytest.raises(InvalidInput):
        catalog.compare(arrow("old.parquet"), "new", key=["nope"])
    catalog.compare("old", "new", level="cells")
    assert everything_below(places) == before


def test_files_of_the_same_bytes_are_not_read(places: Path) -> None:
    found = catalog.compare("old", "new", key=["id"])
    assert (found.coverage.files_kept, found.coverage.files_added) == (2, 1)
    assert found.coverage.partitions_skipped == 2


def test_a_place_compared_with_itself_is_equal(places: Path) -> None:
    found = catalog.compare("old", "old", key=["id"])
    assert not found.differs and found.coverage.files_added == 0


def test_a_hard_link_is_the_same_file(places: Path) -> None:
    os.link("old.parquet", "link.parquet")
    found = catalog.compare("old.parquet", "link.parquet")
    assert not found.differs and found.coverage.files_kept == 1


def test_equal_size_time_and_inode_number_prove_nothing(places: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2]}), "x.parquet", compression="none")
    pq.write_table(pa.table({"a": [1, 3]}), "y.parquet", compression="none")
    assert os.path.getsize("x.parquet") == os.path.getsize("y.parquet")
    for name in ("x.parquet", "y.parquet"):
        os.utime(name, ns=(1, 1))
    assert counts(catalog.compare("x.parquet", "y.parquet")) == (1, 1, 0)


def test_files_are_paired_whatever_they_are_called(places: Path) -> None:
    shutil.copytree("old", "moved")
    for number, path in enumerate(Path("moved").rglob("*.parquet")):
        path.rename(path.with_name(f"renamed-{number}.parquet"))
    found = catalog.compare("old", "moved")
    assert not found.differs and found.coverage.files_kept == 3


def test_no_key_matches_whole_rows_and_says_so(places: Path) -> None:
    found = catalog.compare("old", "new")
    assert counts(found) == (3, 3, 0)
    assert "a key, such as id, pairs them" in " ".join(str(found).split())
    assert not catalog.compare("old", "new", key=["id"]).warnings


def test_files_that_change_meanwhile_are_an_error(places: Path) -> None:
    def change(done: int, total: int, rows: int) -> None:
        for path in ("old/part=0", "old/part=1"):
            os.utime(next(Path(path).iterdir()), ns=(done, done))

    for read in ("old", "new"):
        with pytest.raises(CorruptData, match="old was changed while it was compared") as caught:
            catalog.compare("old", "new.parquet" if read == "old" else "new", progress=change)
        assert caught.value.kind == ErrorKind.SOURCE_CHANGED


def test_types_of_paths_are_no_difference(places: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2], "part": pa.array([3, 4], pa.int16())}), "a.parquet")
    for number in (1, 2):
        Path(f"b/part={number + 2}").mkdir(parents=True)
        pq.write_table(pa.table({"id": [number]}), f"b/part={number + 2}/x.parquet")
    assert not catalog.compare("a.parquet", "b", key=["id"]).differs
    assert not catalog.compare("b", "a.parquet").differs


def test_keys_of_unlike_types_that_match_are_compared_as_text(places: Path) -> None:
    pq.write_table(pa.table({"id": ["1", "02"]}), "texts.parquet")
    found = catalog.compare(pa.table({"id": [1, 2]}), "texts.parquet", key=["id"])
    assert counts(found) == (1, 1, 0) and "compared as text" in found.warnings[0]


def test_layout_is_no_difference(places: Path) -> None:
    found = catalog.compare("old", "old.parquet", key=["id"])
    assert not found.differs and found.coverage.files_added


def test_a_table_of_a_catalog_and_a_place(places: Path) -> None:
    cat = catalog.create("lake")
    for name in ("old", "new"):
        with cat.transaction("main") as tx:
            tx.snapshot("t", name, key=["id"])
    before = everything_below(places)
    assert counts(catalog.compare("t@main~1", "t@main", catalog=cat)) == (1, 1, 2)
    assert counts(catalog.compare("t@main~1", "new.parquet", catalog="lake")) == (1, 1, 2)
    assert counts(catalog.compare("old", "t@main", catalog=cat)) == (1, 1, 2)
    same = catalog.compare("old", "t@main~1", catalog=cat)
    assert not same.differs and same.coverage.files_kept == 3 and same.key == ("id",)
    assert same.diff.to_dict()["to"]["commit"] == cat.resolve("main~1").commit_id
    assert same.diff.to_dict()["from"] == {
        **{"ref": "old", "commit": None},
        **{"time": None, "author": None, "message": None},
    }
    assert everything_below(places) == before


def test_a_directory_goes_before_a_table_of_that_name(places: Path) -> None:
    shutil.copytree("new", "t@main")
    assert counts(catalog.compare("old", "t@main", key=["id"])) == (1, 1, 2)


def test_a_query_sees_the_rows_as_data(places: Path) -> None:
    query = "SELECT part, count(*) AS n, sum(amount) AS s FROM data GROUP BY part"
    found = catalog.compare("old", arrow("new.parquet"), query=query, key=["part"])
    assert counts(found) == (0, 0, 1) and found.columns["s"].corrected == 1
    with pytest.raises(InvalidInput, match="means nothing"):
        catalog.compare("old", "new", query="FROM data@main")


ODD: dict[str, object] = {
    "number": 3,
    "bytes": b"x",
    "nothing": "",
    "word": "zzz",
    "numbers": [1, 2],
    "mapping": {"zzz": "zzz"},
    "odd": {3: object()},
    "object": object(),
}
OPTIONS = ("columns", "key", "tolerance", "query", "level", "method", "threads", "catalog")


@pytest.mark.parametrize("what", ODD)
def test_odd_arguments_are_refused_or_taken(what: str) -> None:
    rows = pa.table({"k": [1], "v": [2]})
    for name in (*OPTIONS, "memory_limit_bytes", "progress"):
        with suppress(CatalogError):
            catalog.compare(rows, rows, **{name: ODD[what]})  # type: ignore[arg-type]
    with pytest.raises(CatalogError):
        catalog.compare(ODD[what], rows)


def test_frames_keep_what_their_library_means() -> None:
    nan = float("nan")
    old = pd.DataFrame({"k": [1, 2], "v": [1.0, nan], "c": pd.Categorical(["a", None])})
    new = pl.DataFrame({"k": [1, 2], "v": [1.0, None], "c": ["a", None]})
    kinds = {"c": pl.Categorical()}
    assert not catalog.compare(old, new, key=["k"]).differs
    assert not catalog.compare(old.set_index("k"), new.cast(kinds), key=["k"]).differs  # type: ignore[arg-type]
    assert catalog.compare(old, new.with_columns(v=pl.Series([1.0, nan])), key=["k"]).differs
    moments = pd.Series(pd.to_datetime(["2024-01-01 12:00"])).dt.tz_localize("UTC")
    there = pd.DataFrame({"at": moments.dt.tz_convert("Asia/Tokyo")})
    assert not catalog.compare(pd.DataFrame({"at": moments}), there).differs


def test_it_prints_itself(places: Path) -> None:
    found = catalog.compare("old", "new", key=["id"])
    assert str(found).startswith("old → new\n\ndata  modified  key id\n")
    assert "| amount |" in found.to_markdown()
    assert repr(found) == "<Comparison old → new: different>"


def bad(places: Path) -> dict[str, tuple[tuple[object, object], dict[str, object]]]:
    (places / "empty").mkdir()
    (places / "text.parquet").write_text("no Parquet")
    (places / "delta/_delta_log").mkdir(parents=True)
    (places / "delta/_delta_log/00000000000000000000.json").write_text("{}")
    shutil.copy("old.parquet", "delta/a.parquet")
    (places / "hudi/.hoodie").mkdir(parents=True)
    shutil.copy("old.parquet", "hudi/a.parquet")
    pq.write_table(pa.table({"zzz": [1]}), "other.parquet")
    pq.write_table(pa.table({"id": ["a"]}), "texts.parquet")
    repeated = pd.DataFrame([[1, 2]], columns=["a", "a"])
    return {
        "no common column": (("old", "other.parquet"), {}),
        "keys of unlike types": (("old", "texts.parquet"), {"key": ["id"]}),
        "key on one side": (("old", "other.parquet"), {"key": ["id"]}),
        "duplicate columns": (("old", repeated), {}),
        "another format": (("old", "hudi"), {}),
        "damaged log": (("old", "delta"), {}),
        "nothing there": (("old", "nowhere"), {}),
        "empty": (("old", "empty"), {}),
        "no Parquet": (("old", "text.parquet"), {}),
        "no catalog": (("old", "t@main"), {}),
        "no frame": (("old", 3), {}),
        "objects": (("old", pl.DataFrame({"id": [object()]})), {}),
    }


EXPECTED: dict[str, tuple[type[CatalogError], ErrorKind, str]] = {
    "no common column": (InvalidInput, ErrorKind.SCHEMA_MISMATCH, "no column in common"),
    "keys of unlike types": (InvalidInput, ErrorKind.BAD_KEY, "BIGINT in old and VARCHAR in texts"),
    "key on one side": (InvalidInput, ErrorKind.BAD_KEY, "'id' is missing in other.parquet"),
    "duplicate columns": (InvalidInput, ErrorKind.BAD_COLUMNS, "several columns 'a'"),
    "another format": (Unsupported, ErrorKind.OTHER_FORMAT, "table of Hudi"),
    "damaged log": (CorruptData, ErrorKind.LOG_DAMAGED, "the log of .*delta cannot be read"),
    "nothing there": (NotFound, ErrorKind.SOURCE_NOT_FOUND, "no file or directory nowhere"),
    "empty": (InvalidInput, ErrorKind.EMPTY_SOURCE, "empty has no Parquet files"),
    "no Parquet": (CorruptData, ErrorKind.DAMAGED_PARQUET, "text.parquet"),
    "no catalog": (NotFound, ErrorKind.CATALOG_NOT_FOUND, "neither a file nor a directory"),
    "no frame": (InvalidInput, ErrorKind.BAD_DATA, "int"),
    "objects": (InvalidInput, ErrorKind.BAD_DATA, "Python objects"),
}


@pytest.mark.parametrize("case", EXPECTED)
def test_bad_input_is_a_clear_error(case: str, places: Path) -> None:
    arguments, options = bad(places)[case]
    kind, code, words = EXPECTED[case]
    before = everything_below(places)
    with pytest.raises(kind, match=words) as caught:
        catalog.compare(*arguments, **options)  # type: ignore[arg-type]
    assert caught.value.kind == code and caught.value.hint
    assert everything_below(places) == before


def test_versions_of_a_table_of_delta_are_compared(places: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "p": ["a", "b", None]})
    write_deltalake("table", table, partition_by=["p"])
    DeltaTable("table").delete("id = 2")
    before = everything_below(places)
    for old in ("delta:table@0", f"delta:{places}/table@0"):
        for new in ("table", "delta:table", "delta:table@1"):
            assert counts(catalog.compare(old, new, key=["id"])) == (0, 1, 0)
    assert counts(catalog.compare(table, "delta:table@1", key=["id"])) == (0, 1, 0)
    with pytest.raises(NotFound, match="has no version 7"):
        catalog.compare("delta:table@7", "table")
    assert everything_below(places) == before
