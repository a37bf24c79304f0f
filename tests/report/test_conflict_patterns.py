"""What conflicts have in common, in a line."""

import pytest

from catalog.report.conflict_patterns import conflict_patterns, pattern_lines


def rows(*pairs: tuple[str | None, str | None], column: str | None = "amount", kind: str = "cell"):  # type: ignore[no-untyped-def]
    names = ("table_name", "kind", "column_name", "ours", "theirs")
    return [dict(zip(names, ("orders", kind, column, *pair), strict=True)) for pair in pairs]


LINES = {
    "orders.amount: 3 cells, theirs \u2212 ours = +1.00": [
        ("1.50", "2.50"), ("0", "1.00"), ("-1", "0.00"),
    ],
    "orders.amount: 3 cells, theirs \u2212 ours = \u22121,000 in 2": [
        ("1000", "0"), ("5000", "4000"), ("1", "x"),
    ],
    "orders.amount: 2 cells, ours 'new', theirs 'returned' in all": [("new", "returned")] * 2,
    "orders.amount: 2 cells, ours NULL, theirs '\\x1b[31m' in all": [(None, "\x1b[31m")] * 2,
    "orders.amount: 3 cells": [("1", "2"), ("1", "3"), ("1", "4")],
    "orders.amount: 2 cells": [("NaN", "1"), ("Infinity", "2")],
    "orders.amount: 2 cells, theirs \u2212 ours = +0.0000000000000000000000000001": [
        ("1e10", "10000000000.0000000000000000000000000001"),
        ("12345678901234567890", "12345678901234567890.0000000000000000000000000001"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_conflicts_of_one_column_are_one_line(line: str) -> None:
    assert [one.line() for one in conflict_patterns(rows(*LINES[line]))] == [line]


def test_kinds_and_columns_are_told_apart_and_single_conflicts_say_it_themselves() -> None:
    found = conflict_patterns(
        [
            *rows(("1", "2"), ("2", "3")),
            *rows(("a", "b"), column="note"),
            *rows((None, None), (None, None), column=None, kind="duplicates"),
        ]
    )
    assert [(one.column, one.kind, one.conflicts) for one in found] == [
        ("amount", "cell", 2),
        ("note", "cell", 1),
        (None, "duplicates", 2),
    ]
    assert pattern_lines(found) == []
    found = conflict_patterns(
        [*rows(("0", "1"), ("1", "2"), ("2", "3")), *rows(("a", "b"), column="note")]
    )
    assert pattern_lines(found) == [
        "orders.amount: 3 cells, theirs \u2212 ours = +1",
        "orders.note: 1 cell, ours 'a', theirs 'b'",
    ]
    assert found[0].to_json() == {
        "table": "orders",
        "kind": "cell",
        "column": "amount",
        "conflicts": 3,
        "difference": "1",
        "with_difference": 3,
        "values": None,
    }
