"""What is known of staleness: from metadata alone, whoever wrote it, and however old it is."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, CorruptData, InvalidInput
from catalog.flow.refresh import plan
from catalog.repository import repository as stored
from catalog.storage.local import LocalStore
from tests.effort import effort
from tests.repository.forge import Forgery, forge
from tests.samples.test_samples import SAMPLE
from tests.storage.wrappers import CountingStore

from .conftest import Put, run

SQL = "SELECT d, sum(v) AS s FROM t GROUP BY d"
NEXT = "SELECT d, s + 1 AS s FROM a"
ROWS = "SELECT range % 5 AS d, range AS v FROM range(50)"


def stale(cat: Catalog, ref: str = "main") -> dict[str, bool]:
    return {one.table: one.is_stale for one in cat.stale(ref)}


def agree(cat: Catalog, table: str, sql: str) -> bool:
    texts = "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({})"
    with cat.connect("main") as session:
        both = (f"FROM {table}", sql)
        found, wanted = (session.sql(texts.format(one)).fetchall() for one in both)
    return sorted(map(str, found)) == sorted(map(str, wanted))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a catalog with a derived table and another of it, refreshed at once."""
    root = tmp_path_factory.mktemp("template") / "lake"
    cat = Catalog.create(str(root))
    with cat.transaction() as tx:
        tx.write("t", duckdb.sql(ROWS), mode="append", partition_by=["d"])
    cat.derive("a", SQL, partition_by=["d"])
    cat.derive("b", NEXT, partition_by=["d"])
    run(cat, "INSERT INTO t VALUES (1, 7)")
    cat.refresh()
    return root


@pytest.fixture
def two(template: Path, tmp_path: Path) -> Catalog:
    """A copy of it."""
    shutil.copytree(template, tmp_path / "lake")
    return Catalog.open(str(tmp_path / "lake"))


@pytest.mark.invariant("What is stale, and what a refresh would do, is known without data files")
def test_staleness_and_plans_open_no_data_file(two: Catalog, tmp_path: Path) -> None:
    run(two, "UPDATE t SET v = v + 1 WHERE d = 3", "DELETE FROM t WHERE d = 1")
    shutil.rmtree(tmp_path / "lake" / "data")
    counting = CountingStore(LocalStore(str(tmp_path / "lake")))
    cat = Catalog("lake", stored.open_existing(counting), author="tester")
    assert stale(cat) == {"a": True, "b": True}
    (a, b) = cat.stale()
    assert [(one.table, one.partitions, one.since) for one in a.inputs] == [
        ("t", 2, two.log()[0].id)
    ]
    assert [(one.table, one.behind) for one in b.inputs] == [("a", True)]
    planned = cat.refresh(dry_run=True)
    assert [(one.table, one.how, one.parts) for one in planned.tables] == [
        ("a", "incremental", ("1", "3")),
        ("b", "incremental", ("1", "3")),
    ]
    assert [one.how for one in cat.refresh(dry_run=True, full=True).tables] == ["full", "full"]
    touched = [about for _, about in counting.calls if str(about).startswith("data/")]
    assert touched == []


def test_an_input_whose_rows_came_back_is_no_change(two: Catalog) -> None:
    first = two.log()[0].id
    run(two, "UPDATE t SET v = v + 1 WHERE d = 3")
    assert stale(two) == {"a": True, "b": True}
    two.revert(two.log()[0].id, branch="main")
    assert stale(two) == {"a": False, "b": False}
    assert first != two.log()[0].id
    assert two.refresh().commit is None


def test_a_refreshed_input_with_equal_rows_makes_nothing_stale(two: Catalog) -> None:
    run(two, "INSERT INTO t VALUES (2, 0)")
    report = two.refresh()
    assert [(one.table, one.updated, one.inserted) for one in report.tables] == [("a", 0, 0)]
    assert stale(two) == {"a": False, "b": False}
    assert two.refresh().commit is None


def test_what_an_older_release_writes_is_stale(two: Catalog, tmp_path: Path) -> None:
    """It keeps properties, and drops what it does not know."""
    forge(tmp_path / "lake", Forgery(table=lambda table: table.pop("computed")), name="a")
    cat = Catalog.open(str(tmp_path / "lake"))
    assert stale(cat) == {"a": True, "b": True}
    (a,) = cat.refresh().tables
    assert (a.table, a.how, a.inserted, a.updated, a.deleted) == ("a", "full", 0, 0, 0)
    assert stale(cat) == {"a": False, "b": False}


def changed(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda table: table.update({key: value})


def computed(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda table: table["computed"].update(values)


ID = "ab" * 32

FORGED: dict[str, Callable[[dict[str, Any]], object]] = {
    "computed is a list": changed("computed", [1]),
    "computed is a text": changed("computed", "x"),
    "definition is no id": computed(definition="x"),
    "engine is a number": computed(engine=7),
    "inputs are a list": computed(inputs=[]),
    "an input is a text": computed(inputs={"t": "x"}),
    "an input has no content": computed(inputs={"t": [ID, None, None]}),
    "a commit is a number": computed(inputs={"t": [ID, ID, 7]}),
    "a name is a path": computed(inputs={"../t": [ID, ID, None]}),
    "sql and command": changed("properties", {"derive.sql": SQL, "derive.command": '["x"]'}),
    "empty sql": changed("properties", {"derive.sql": " "}),
    "command is no list": changed("properties", {"derive.command": '{"a": 1}'}),
    "command is deep": changed("properties", {"derive.command": "[" * 100_000}),
    "inputs are numbers": changed(
        "properties", {"derive.command": '["x"]', "derive.inputs": "[1]"}
    ),
}
"""What no release writes."""


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_origin_is_corrupt(two: Catalog, tmp_path: Path, how: str) -> None:
    forge(tmp_path / "lake", Forgery(table=FORGED[how]), name="a")
    cat = Catalog.open(str(tmp_path / "lake"))
    for attempt in (cat.stale, cat.refresh, lambda: cat.refresh(dry_run=True)):
        with pytest.raises(CorruptData):
            attempt()


NOT_ALLOWED = (
    "COPY t TO 'stolen.parquet'",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT 1; DROP TABLE t",
    "SELECT * FROM t@main",
    "SELECT * FROM a",
    "SELECT getenv('HOME') AS d, 1 AS s",
    "(" * 5_000 + "SELECT 1" + ")" * 5_000,
    "SELECT " + "+".join(["1"] * 20_000) + " AS d, 2 AS s",
    "not SQL",
    "SELECT \x00 FROM t",
)


@pytest.mark.parametrize("sql", NOT_ALLOWED, ids=range(len(NOT_ALLOWED)))
def test_a_forged_definition_is_refused_and_never_fresh(
    two: Catalog, tmp_path: Path, sql: str
) -> None:
    forge(tmp_path / "lake", Forgery(table=changed("properties", {"derive.sql": sql})), name="a")
    cat = Catalog.open(str(tmp_path / "lake"))
    head = cat.log()[0].id
    with pytest.raises(CatalogError):
        cat.refresh()
    assert cat.log()[0].id == head
    with suppress(InvalidInput):  # it may say that a definition is not valid
        assert stale(cat) == {"a": True, "b": True}


@pytest.mark.parametrize("lie", ["content", "commit", "snapshot"])
def test_what_a_forged_origin_may_do_is_no_more_than_a_full_refresh_repairs(
    two: Catalog, tmp_path: Path, lie: str
) -> None:
    def forged(table: dict[str, Any]) -> None:
        values = table["computed"]["inputs"]["t"]
        values[{"snapshot": 0, "content": 1, "commit": 2}[lie]] = ID
        if lie == "commit":  # stale, and its former state only among the ancestors
            values[0], values[1] = two.table("t", "main~3").manifest, ID
            values[0] = ID

    forge(tmp_path / "lake", Forgery(table=forged), name="a")
    cat = Catalog.open(str(tmp_path / "lake"))
    cat.refresh()
    assert cat.refresh().commit is None
    assert agree(cat, "a", SQL)
    assert agree(cat, "b", NEXT)


def test_a_former_state_too_far_back_means_full(
    two: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "SEARCHED_COMMITS", 3)
    run(two, "INSERT INTO t VALUES (1, 8)")  # a and b were refreshed in one commit
    two.refresh("a")
    assert [one.how for one in two.refresh(dry_run=True).tables] == ["incremental"]
    for number in range(3):
        run(two, f"CREATE OR REPLACE TABLE aside AS SELECT {number} AS x")
    (planned,) = two.refresh(dry_run=True).tables
    assert (planned.table, planned.how) == ("b", "full")
    assert planned.reason == "the former state of a is no longer known"
    assert [one.since for one in two.stale()[1].inputs] == [two.log()[3].id]
    two.refresh()
    assert agree(two, "b", NEXT)


def test_tables_are_derived_in_a_catalog_of_an_older_release(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "lake")
    cat = Catalog.open(str(tmp_path / "lake"), cache="")
    names = [one.name for one in cat.tables()]
    for number, table in enumerate(names):
        name = ".".join(f'"{part}"' for part in table.split("."))
        cat.derive(f"copy{number}", f"SELECT * FROM {name}")
        cat.derive(f"count{number}", f"SELECT count(*) AS n FROM {name}")
        assert agree(cat, f"copy{number}", f"FROM {name}")
    run(cat, "DELETE FROM grid WHERE p < 100")
    assert sum(stale(cat).values()) == 2
    cat.refresh()
    assert not any(stale(cat).values())
    assert agree(cat, f"copy{names.index('grid')}", "FROM grid")


def test_a_referenced_input_that_changed_is_no_input_any_more(
    cat: Catalog, put: Put, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    duckdb.sql(f"COPY ({ROWS}) TO '{source}' (FORMAT parquet, PARTITION_BY (d))")
    with cat.transaction() as tx:
        tx.snapshot("t", str(source), mode="reference")
    cat.derive("a", "SELECT d, sum(v) AS s FROM t GROUP BY d", partition_by=["d"])
    file = next(source.glob("d=2/*.parquet"))
    duckdb.sql(f"COPY (SELECT 5 AS v) TO '{file}' (FORMAT parquet)")
    with pytest.raises(CorruptData, match="derived table 'a' cannot be computed"):
        cat.refresh(full=True)
    assert stale(cat) == {"a": False}
    with cat.transaction() as tx:
        tx.snapshot("t", str(source), mode="reference")
    assert [(one.how, one.parts) for one in cat.refresh().tables] == [("incremental", ("2",))]
    assert agree(cat, "a", "SELECT d, sum(v) AS s FROM t GROUP BY d")


def test_a_table_of_very_many_columns(cat: Catalog, put: Put) -> None:
    columns = ", ".join(f"{n} AS k{n}" for n in range(effort(200, 1_000)))
    put("t", f"SELECT range % 3 AS d, {columns} FROM range(6)", partition_by=["d"])
    cat.derive("a", "SELECT * FROM t", partition_by=["d"])
    run(cat, "UPDATE t SET k7 = 1000 WHERE d = 1")
    (a,) = cat.refresh().tables
    assert (a.how, a.inserted, a.deleted) == ("incremental", 2, 2)
    assert cat.sql("SELECT sum(k7) FROM a").fetchall() == [(2028,)]


def test_json_of_a_definition_is_read_back(cat: Catalog, put: Put) -> None:
    """Odd texts in a definition stay what they are."""
    put("t", ROWS)
    sql = 'SELECT d AS "é\u202e\'x", \'a\nb\' AS "quo""te" FROM t -- a comment\n'
    cat.derive("a", sql)
    properties = cat.table("a").properties
    assert json.loads(json.dumps(dict(properties)))["derive.sql"] == sql.strip()
    assert stale(cat) == {"a": False}
    assert cat.derive("a", sql).commit is None
