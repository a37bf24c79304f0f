"""How drift is said: rows before and after with their share, and changes of a schema."""

import pytest

from catalog.diff.plan import SchemaChange
from catalog.report.drift import COLUMNS_NAMED, change_share, rows_drift, schema_drift


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (1000, 10, "1,000 → 10 rows (\N{MINUS SIGN}99.0 %)"),
        (3, 4, "3 → 4 rows (+33.3 %)"),
        (10, 1000, "10 → 1,000 rows (+9,900 %)"),
        (2, 1, "2 → 1 row (\N{MINUS SIGN}50.0 %)"),
        (7, 7, "7 rows"),
        (None, 7, "7 rows"),
        (0, 5, "0 → 5 rows"),
        (5, 0, "5 → 0 rows (\N{MINUS SIGN}100 %)"),
    ],
)
def test_rows_are_said_before_and_after(before: int | None, after: int, said: str) -> None:
    assert rows_drift(before, after) == said


def test_a_change_is_all_or_nothing_only_if_it_is_exactly() -> None:
    for before in (3, 1000, 999_999, 10**9, 10**12):
        for after in (1, 2, before - 1, before + 1):
            text = change_share(before, after)
            assert text[0] == ("+" if after > before else "\N{MINUS SIGN}"), (before, after)
            number = float(text[1:].removesuffix(" %").replace(",", ""))
            assert number > 0, (before, after, text)
            assert after > before or number < 100, (before, after, text)
            assert number == pytest.approx(100 * abs(after - before) / before, rel=0.5)


def test_a_schema_that_lost_columns_says_so_first() -> None:
    changes = [
        SchemaChange("type_changed", "v", "BIGINT", "DOUBLE"),
        SchemaChange("column_added", "name2", None, "VARCHAR"),
        SchemaChange("column_removed", "name", "VARCHAR", None),
        SchemaChange("column_renamed", "b", "a", "b"),
        SchemaChange("key_changed", None, None, "id"),
        SchemaChange("partitioning_changed", None, "day", "month"),
        SchemaChange("definition_changed", None, None, "SELECT 1"),
    ]
    assert schema_drift(changes) == (
        "\N{MINUS SIGN}name, +name2, v BIGINT → DOUBLE, a → b, key none → id, "
        "partitioned by day → month, definition"
    )


def test_many_changes_are_counted_and_odd_names_stay_on_their_line() -> None:
    many = [SchemaChange("column_added", f"f{n}\n", None, "BIGINT") for n in range(300)]
    said = schema_drift(many)
    assert said.startswith("+f0\\n, +f1\\n, ")
    assert said.endswith(f" and {300 - COLUMNS_NAMED} more")
