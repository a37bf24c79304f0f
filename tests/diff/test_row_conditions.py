"""Conditions on changed rows, and which columns of these are shown; against plain Python."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.errors import CatalogError, ErrorKind, NotFound

Row = dict[str, Any]

SHAPE = pa.schema(
    {
        "id": pa.int64(),
        "month": pa.string(),
        "channel": pa.string(),
        "amount": pa.float64(),
        "Note": pa.string(),
        'odd "name': pa.int64(),
    }
)


def _row(number: int, month: str, channel: str | None, amount: float | None, note: str) -> Row:
    return dict(zip(SHAPE.names, (number, month, channel, amount, note, number % 3), strict=True))


OLD = [
    _row(n, f"2023-0{1 + n % 4}", ("web", "phone", None)[n % 3], float(n), "n") for n in range(40)
]
NEW = [
    {
        **row,
        "amount": None if row["id"] % 7 == 0 else row["amount"] * (1.5 if row["id"] % 2 else 1),
        "channel": None if row["id"] == 4 else row["channel"],
    }
    for row in OLD[3:]
] + [_row(n, "2023-05", "app", 1.0, "new") for n in (90, 91)]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("conditions")
    lake = catalog.create(str(folder / "lake"))
    for number, rows in enumerate((OLD, NEW)):
        with lake.transaction("main", message=f"v{number}") as tx:
            place = folder / str(number)
            place.mkdir()
            pq.write_table(pa.Table.from_pylist(rows, SHAPE), place / "f.parquet")
            tx.snapshot("t", place, key=["id"])
            other = pa.table({"k": [1], "v": [number]})
            pq.write_table(other, folder / f"o{number}.parquet")
            tx.snapshot("other", folder / f"o{number}.parquet", key=["k"])
    return lake


def changed() -> dict[int, tuple[Row | None, Row | None]]:
    old, new = ({row["id"]: row for row in rows} for rows in (OLD, NEW))
    pairs = {key: (old.get(key), new.get(key)) for key in old.keys() | new.keys()}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def first(pair: tuple[Row | None, Row | None], name: str) -> Any:
    """Returns the newer value, or if there is none, the older."""
    values = [row[name] for row in reversed(pair) if row is not None]
    return next((value for value in values if value is not None), None)


CONDITIONS: dict[str, Callable[[tuple[Row | None, Row | None]], bool]] = {
    "month = '2023-01'": lambda p: first(p, "month") == "2023-01",
    "channel = 'phone'": lambda p: first(p, "channel") == "phone",
    "CHANNEL IS NULL": lambda p: first(p, "channel") is None,
    "amount > 10": lambda p: (first(p, "amount") or 0) > 10,
    "_to.amount > 10": lambda p: p[1] is not None and (p[1]["amount"] or 0) > 10,
    "_from.channel = 'web'": lambda p: p[0] is not None and p[0]["channel"] == "web",
    "id BETWEEN 2 AND 9": lambda p: 2 <= first(p, "id") <= 9,
    "note = 'new'": lambda p: first(p, "Note") == "new",
    '"odd ""name" = 1': lambda p: first(p, 'odd "name') == 1,
    "_change = 'deleted'": lambda p: p[1] is None,
    "list_contains(_changed_columns, 'channel')": lambda p: (
        None not in p and p[0]["channel"] != p[1]["channel"]  # type: ignore[index]
    ),
    "_to IS NULL -- gone": lambda p: p[1] is None,
}


@pytest.mark.parametrize("text", CONDITIONS)
@pytest.mark.parametrize("columns", ["all", "changed", ["Note"]])
def test_a_condition_filters_before_columns_are_left_out(
    lake: Any, text: str, columns: Any
) -> None:
    expected = sorted(key for key, pair in changed().items() if CONDITIONS[text](pair))
    assert expected, "the condition is about some rows"
    with lake.diff("main~1", "main", where=text, tables=["t"]) as diff:
        found = diff["t"].changes(where=text, columns=columns).read_all()
    assert found["id"].to_pylist() == expected
    shown = {"all": SHAPE.names, "changed": ["id", "channel", "amount"]}
    names = ["id", "Note"] if isinstance(columns, list) else shown[columns]
    pairs = changed()
    for row in found.to_pylist():
        for side, whole in zip(("_from", "_to"), pairs[row["id"]], strict=True):
            assert row[side] == (None if whole is None else {name: whole[name] for name in names})


@pytest.mark.parametrize("level", ["cells", "rows"])
def test_context_is_shown_beside_changed_columns(lake: Any, level: str) -> None:
    with lake.diff("main~1", "main", level=level) as diff:
        rows = diff["t"].to_arrow(columns="changed", context=["month", "Note"])
        names = [field.name for field in rows.schema.field("_to").type]
        assert names == ["id", "month", "channel", "amount", "Note"]
        assert rows.num_rows == len(changed())
        with pytest.raises(CatalogError, match="no column 'nope' to show") as error:
            diff["t"].changes(context=["nope"])
        assert error.value.hint


def test_rows_are_flat_with_their_own_types(lake: Any) -> None:
    with lake.diff("main~1", "main") as diff:
        flat = diff["t"].changes(shape="flat").read_all()
        nested = diff["t"].changes().read_all()
    sides = [f"{side}.{name}" for side in ("from", "to") for name in SHAPE.names]
    assert flat.column_names == ["id", "_change", "_changed_columns", *sides]
    assert flat.schema.field("id").type == pa.int64() == flat.schema.field("to.id").type
    for row, cells in zip(nested.to_pylist(), flat.to_pylist(), strict=True):
        for side in ("from", "to"):
            whole = row[f"_{side}"] or dict.fromkeys(SHAPE.names)
            assert {name: cells[f"{side}.{name}"] for name in SHAPE.names} == whole


def test_whole_numbers_stay_whole_in_pandas(lake: Any) -> None:
    pytest.importorskip("pandas")
    with lake.diff("main~1", "main") as diff:
        frame = diff["t"].to_pandas()
    assert str(frame.dtypes["id"]) == "int64"
    assert str(frame.dtypes["to.id"]) == "Int64"
    assert frame["to.id"].isna().sum() == sum(new is None for _, new in changed().values())


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("amuont > 3", "there is no column 'amuont'", "did you mean amount or month?"),
        ("_to.amuont > 3", "there is no column 'amuont'", "did you mean amount or month?"),
        ("chanel = 'a'", "there is no column 'chanel'", "did you mean channel?"),
        ("amount >", 'not valid SQL: syntax error at or near ">", at its end', "one condition"),
        ("amount > 1) OR (true", 'syntax error at or near ")"', ""),
        ("amount > 1; DROP TABLE t", "more than one condition", ""),
        ("max(amount) > 1", "not valid on single rows", ""),
        ("amount > 'much'", "Could not convert string", ""),
        ("'open", "unterminated", ""),
        ("", "not valid SQL", ""),
    ],
)
def test_what_is_wrong_with_a_condition_is_said_in_its_own_words(
    lake: Any, text: str, message: str, hint: str
) -> None:
    def before() -> None:
        lake.diff("main~1", "main", tables=["t"], where=text)

    def later() -> None:
        with lake.diff("main~1", "main") as diff:
            diff["t"].changes(where=text)

    for ask in (before, later):
        with pytest.raises(CatalogError) as error:
            ask()
        assert error.value.kind is ErrorKind.BAD_WHERE
        assert message in error.value.message and repr(text) in error.value.message
        assert hint in (error.value.hint or "")
        assert "\n" not in error.value.message.replace(text, "")


def test_a_condition_counts_in_tables_that_have_its_columns(lake: Any) -> None:
    with lake.diff("main~1", "main", where="channel = 'phone'") as diff:
        assert [table.table for table in diff] == ["t"]
        left_out = [{"table": "other", "reason": "it has no column channel"}]
        assert diff.to_dict()["left_out"] == left_out
        with pytest.raises(NotFound, match="other was not compared"):
            diff["other"]
    with pytest.raises(CatalogError, match="no table has all the columns"):
        lake.diff("main~1", "main", where="channel = 'phone' AND v = 1")


def test_rows_are_read_when_asked_for_until_the_diff_is_closed(lake: Any) -> None:
    for level in ("cells", "rows"):
        with lake.diff("main~1", "main", level=level) as diff:
            table = diff["t"]
            for _ in range(2):
                assert table.changes(limit=3).read_all().num_rows == 3
            assert table.to_arrow()["id"].to_pylist() == sorted(changed())
        with pytest.raises(CatalogError, match="the diff of t is closed") as error:
            table.changes()
        assert error.value.kind is ErrorKind.ROWS_NOT_KEPT


def test_sql_over_a_diff_is_checked_before_it_is_made(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.operations import table_functions

    made: list[object] = []
    compare = table_functions.compare_refs
    monkeypatch.setattr(
        table_functions, "compare_refs", lambda *all_: made.append(1) or compare(*all_)
    )
    for query in (
        "SELECT nope FROM diff('t', 'main~1')",
        "SELECT _to.nope FROM diff('t', 'main~1')",
        "SELECT array_slice(1, 2) FROM diff('t', 'main~1')",
        "FROM diff('t', 'main~1', where := 'nope = 1')",
    ):
        with pytest.raises(CatalogError):
            lake.sql(query)
    assert not made
    rows = lake.sql("SELECT id FROM diff('t', 'main~1', where := 'month = ''2023-01''') ORDER BY 1")
    condition = CONDITIONS["month = '2023-01'"]
    expected = sorted(key for key, pair in changed().items() if condition(pair))
    assert [row[0] for row in rows.fetchall()] == expected
    assert made == [1]
    with_values = lake.sql("SELECT count(*) FROM diff('t', 'main~1') WHERE id > ?", params=[-1])
    assert with_values.fetchall() == [(len(changed()),)]
    union = "SELECT count(*) FROM (FROM diff('t', 'main~1') UNION ALL FROM diff('t', 'main~1'))"
    assert lake.sql(union).fetchall() == [(2 * len(changed()),)]
