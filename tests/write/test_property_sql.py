"""Random statements on random tables give what plain DuckDB gives, whatever files are left out."""

import math
import tempfile

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.query.pending_write import WriteResult
from catalog.storage.local import LocalStore
from tests.effort import effort
from tests.write.conftest import catalog_in
from tests.write.sql_tables import Oracle, Sample, committed, make, multiset, paths

IDS = st.one_of(st.none(), st.integers(0, 9))
GROUPS = st.sampled_from([None, "a", "b", "B", "it's"])
NUMBERS = st.sampled_from([None, math.nan, -1.0, 0.0, 0.5, 3.0, math.inf])
ROWS = st.lists(st.tuples(IDS, GROUPS, NUMBERS), min_size=1, max_size=6)
OPERATORS = st.sampled_from(["=", "<", "<=", ">", ">="])


def table(rows: list[tuple[int | None, str | None, float | None]]) -> pa.Table:
    ids, groups, numbers = zip(*rows, strict=True)
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "grp": pa.array(groups, pa.string()),
            "x": pa.array(numbers, pa.float64()),
        }
    )


def literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case float():
            return f"'{value}'::DOUBLE" if not math.isfinite(value) else repr(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return str(value)


@st.composite
def conditions(draw: st.DrawFn, *, qualified: bool) -> str:
    column, values = draw(st.sampled_from([("id", IDS), ("grp", GROUPS), ("x", NUMBERS)]))
    if qualified or draw(st.booleans()):
        column = f"orders.{column}"
    value = literal(draw(values))
    one = draw(
        st.sampled_from(
            [
                f"{column} {draw(OPERATORS)} {value}",
                f"{column} IN ({value}, {literal(draw(values))})",
                f"{column} BETWEEN {value} AND {literal(draw(values))}",
                f"{column} IS NULL",
                f"{column} IS NOT NULL",
                f"{column} IS DISTINCT FROM {value}",
                f"NOT ({column} = {value})",
            ]
        )
    )
    joined = draw(st.sampled_from(["", "", " AND ", " OR "]))
    return f"({one}{joined}{draw(conditions(qualified=qualified))})" if joined else one


@st.composite
def assignments(draw: st.DrawFn) -> str:
    values = {"id": IDS, "grp": GROUPS, "x": NUMBERS}
    chosen = draw(st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=2, unique=True))
    more = {"id": ["id + 1", "id"], "grp": ["upper(grp)", "grp"], "x": ["x * 2", "id"]}
    return ", ".join(
        f"{c} = {draw(st.one_of(values[c].map(literal), st.sampled_from(more[c])))}" for c in chosen
    )


@st.composite
def statements(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["update", "update", "delete", "insert", "from", "merge"]))
    where = draw(conditions(qualified=kind in ("from", "merge")))
    if kind == "update":
        return f"UPDATE orders SET {draw(assignments())} WHERE {where}"
    if kind == "delete":
        return f"DELETE FROM orders WHERE {where}"
    given = draw(st.lists(st.tuples(IDS, GROUPS, NUMBERS), min_size=1, max_size=4))
    rows = {row[0]: row for row in given if row[0] is not None} or {1: (1, "a", 0.5)}
    values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows.values())
    source = f"(SELECT * FROM (VALUES {values}) v(id, grp, x)) s"
    if kind == "insert":
        return f"INSERT INTO orders SELECT s.id, s.grp, s.x FROM {source}"
    if kind == "from":
        return f"UPDATE orders SET x = s.x FROM {source} WHERE s.id = orders.id AND {where}"
    actions = draw(
        st.lists(
            st.sampled_from(
                [
                    "WHEN MATCHED AND s.x > 0 THEN DELETE",
                    "WHEN MATCHED THEN UPDATE SET grp = s.grp, x = s.x",
                    "WHEN NOT MATCHED THEN INSERT (id, grp, x) VALUES (s.id, s.grp, s.x)",
                    "WHEN NOT MATCHED BY SOURCE AND orders.x > 0 THEN DELETE",
                ]
            ),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    on = draw(st.sampled_from(["orders.id = s.id", f"orders.id = s.id AND {where}"]))
    return f"MERGE INTO orders USING {source} ON {on} {' '.join(sorted(actions))}"


@pytest.mark.invariant(
    "A statement on a branch gives the rows DuckDB gives, whichever files it skips"
)
@settings(max_examples=effort(27, 600))
@given(
    files=st.lists(ROWS, min_size=1, max_size=4),
    partition_by=st.sampled_from([[], ["grp"], ["grp", "id"]]),
    texts=st.lists(statements(), min_size=1, max_size=3),
)
def test_any_statement_gives_the_rows_that_duckdb_gives(
    files: list[list[tuple[int | None, str | None, float | None]]],
    partition_by: list[str],
    texts: list[str],
) -> None:
    sample = Sample("orders", [table(rows) for rows in files], partition_by=partition_by)
    oracle = Oracle(sample)
    with tempfile.TemporaryDirectory() as folder:
        cat = catalog_in(LocalStore(folder))
        make(cat, sample)
        before = multiset(oracle.rows("orders"))
        with cat.transaction("main") as tx:
            for text in texts:
                result = tx.sql(text)
                assert isinstance(result, WriteResult)
                oracle.run(text)
                changed = tx.sql("FROM orders")
                assert not isinstance(changed, WriteResult)
                now = multiset(oracle.rows("orders"))
                assert multiset(changed.fetchall()) == now, text
                assert result.rows > 0 or now == before, text
                before = now
        assert multiset(committed(cat, "orders")) == now
        assert len(set(paths(cat, "orders"))) == len(paths(cat, "orders"))
        (info,) = cat.tables()
        assert info.rows == now.total()
