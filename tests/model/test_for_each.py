"""What a fix is repeated for: ranges, lists and queries, and what is refused."""

import datetime

import pytest

from catalog.errors import CatalogError, CorruptData
from catalog.model.fix import Fix, Output, SqlText, fix_from_json
from catalog.model.for_each import MAX_VALUES, for_each, inferred_kind, listed_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("month=2023-11..2024-02", ("2023-11", "2023-12", "2024-01", "2024-02")),
        ("month=2024-06..2024-06", ("2024-06",)),
        ("n=8..11", ("8", "9", "10", "11")),
        ("n=08..11", ("08", "09", "10", "11")),
        ("n=-1..1", ("-1", "0", "1")),
        ("n=1..2,9", ("1", "2", "9")),
        ("month=202401..202403", ("202401", "202402", "202403")),
        ("region=EU,US", ("EU", "US")),
        (" region = EU , New York ", ("EU", "New York")),
        ("name=O'Brien,'it''s, so','a..b'", ("O'Brien", "it's, so", "a..b")),
        ('name="say ""x""",\' blank \'', ('say "x"', " blank ")),
        ("x=''", ("",)),
        ("x=a=b", ("a=b",)),
        ("x=select,from", ("select", "from")),
    ],
)
def test_ranges_and_lists_name_their_values_in_order(text: str, values: tuple[str, ...]) -> None:
    assert for_each(text).values == values


def test_days_are_those_of_the_calendar() -> None:
    start, end = datetime.date(2023, 12, 30), datetime.date(2024, 3, 2)
    days = [str(start + datetime.timedelta(n)) for n in range((end - start).days + 1)]
    assert list(for_each(f"day={start}..{end}").values) == days


@pytest.mark.parametrize("query", ["SELECT DISTINCT m FROM t", "from t select m", "VALUES (1)"])
def test_a_query_is_told_by_its_first_word(query: str) -> None:
    found = for_each(f"m={query}")
    assert (found.values, found.query) == ((), query)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("month", "no '='"),
        ("month=", "no value"),
        ("=1", "name of a variable"),
        ("1st=1", "name of a variable"),
        ("a-b=1", "name of a variable"),
        ("parquetry_branch=1", "name of a setting"),
        ("n=5..1", "ends before it begins"),
        ("month=2024-06..2024-01", "ends before it begins"),
        ("x=a..c", "count from 'a' to 'c'"),
        ("x=2024-01..2024-01-31", "count from"),
        ("x=1.5..2.5", "count from"),
        ("x=1..", "not a range"),
        ("x=..3", "not a range"),
        ("x=1...3", "not a range"),
        ("x=1..2..3", "not a range"),
        ("n=01..9", "not equally long"),
        ("month=2024-01..2024-13", "not a month"),
        ("day=2024-02-30..2024-03-01", "not a day"),
        ("dt=20240130..20240202", "may count numbers"),
        ("month=202311..202402", "may count numbers"),
        ("x=a,,b", "is empty"),
        ("x=a,", "is empty"),
        ("x=a,b,a", "is there twice"),
        ("n=1..3,2", "is there twice"),
        (f"n=1..{MAX_VALUES + 1}", "more than 10,000 steps"),
        ("n=1..999999999999999999", "more than 10,000 steps"),
        ("x=a\0b", "null character"),
    ],
)
def test_what_names_no_values_is_refused(text: str, why: str) -> None:
    with pytest.raises(CatalogError, match=why):
        for_each(text)


def test_listed_values_are_read_back_from_their_text() -> None:
    values = ["it's", 'a"b', "x..y", " , ", ""]
    found = listed_values("v", values)
    assert for_each(str(found)) == found
    assert found.values == tuple(values)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-20"], "INTEGER"),
        (["1", "3000000000"], "BIGINT"),
        (["01", "02"], "VARCHAR"),
        (["2024-01-01", "2024-02-29"], "DATE"),
        (["2024-01-01", "2024-02-30"], "VARCHAR"),
        (["2024-01"], "VARCHAR"),
        (["1", "EU"], "VARCHAR"),
        (["1e5"], "VARCHAR"),
    ],
)
def test_a_type_is_inferred_from_how_values_are_written(values: list[str], kind: str) -> None:
    assert inferred_kind(values).name == kind


def test_the_identity_of_a_fix_is_what_it_does() -> None:
    one, two = SqlText("a.sql", "UPDATE t SET a = 1"), SqlText("b.sql", "UPDATE t SET b = 1")
    fix = Fix((one, two))
    assert fix.identity == Fix((SqlText("moved/a.sql", one.text), two)).identity
    others = [
        Fix((two, one)),
        Fix((SqlText("a.sql", one.text + two.text),)),
        Fix(command=("job", "a b")),
        Fix(command=("job", "a", "b")),
        Fix(command=("job", "a", "b"), outputs=(Output("t", "out"),)),
    ]
    assert len({one.identity for one in [fix, *others]}) == len(others) + 1


@pytest.mark.parametrize(
    "fix",
    [
        Fix((SqlText("a.sql", "SELECT 'é\n\"'"),), variables=(for_each("m=01..12"),)),
        Fix(
            command=("sh", "-c", "exit 0"),
            outputs=(Output("a.t", "out/$month"),),
            variables=(for_each("month=SELECT 1"), for_each("r='a,b',c")),
        ),
    ],
)
def test_a_fix_is_read_back_as_it_was_stored(fix: Fix) -> None:
    assert fix_from_json(fix.to_json()) == fix


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "[]",
        "{}",
        "[" * 10_000,
        '{"sql":[],"command":[],"outputs":[],"variables":[]}',
        '{"sql":[["a"]],"command":[],"outputs":[],"variables":[]}',
        '{"sql":[],"command":["a",1],"outputs":[],"variables":[]}',
        '{"sql":[],"command":["a"],"outputs":[["../x","y"]],"variables":[]}',
        '{"sql":[],"command":["a"],"outputs":[],"variables":["m=3..1"]}',
        '{"sql":[],"command":["a"],"outputs":[],"variables":["m=1","M=2"]}',
    ],
)
def test_a_stored_fix_of_another_form_is_corrupt_data(stored: str) -> None:
    with pytest.raises(CorruptData):
        fix_from_json(stored)
