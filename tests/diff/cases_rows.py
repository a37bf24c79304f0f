"""The changed rows that the product lists, beside those of the oracle.

Rows are compared by the common forms of their cells, whatever Arrow types the product
chose to show them in.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any, cast

import pyarrow as pa

from tests.diff.cases_arrow import oracle_type, oracle_values
from tests.diff.cases_check import Answer
from tests.oracle import Row
from tests.oracle.diff import pair_columns
from tests.oracle.equality import form_against
from tests.oracle.text import text_of
from tests.oracle.types import Type

SHOWN_APART = frozenset({"_change", "_changed_columns", "_from", "_to"})
"""Names of the row form: a key column of such a name is shown as ``key.<name>``."""

Cells = frozenset[tuple[str, Hashable]]
"""The compared cells of one side of a row: column and common form."""
Listed = tuple[str, frozenset[str], Cells | None, Cells | None]
"""A change, its changed columns, and both sides."""


def row_differences(answer: Answer) -> list[str]:
    """Lists the changed rows that only one of the two lists."""
    ours, theirs = Counter(_oracle_rows(answer)), Counter(_product_rows(answer))
    found = [f"only the product: {row} x{count}" for row, count in (theirs - ours).items()]
    return found + [f"only the oracle: {row} x{count}" for row, count in (ours - theirs).items()]


def applied_differences(answer: Answer) -> list[str]:
    """Lists the rows by which *from*, changed as the product says, differs from *to*.

    The oracle decides nothing here but which values are equal.
    """
    rows = Counter(_cells(answer, row, to_side=False) for row in answer.from_.rows)
    wanted = Counter(_cells(answer, row, to_side=True) for row in answer.to.rows)
    for change, _, before, after in _product_rows(answer):
        if before is not None:
            if not rows[before]:
                return [f"{change} row is not in the table: {before}"]
            rows[before] -= 1
        if after is not None:
            rows[after] += 1
    left = [f"left over: {row} x{count}" for row, count in (rows - wanted).items()]
    return left + [f"missing: {row} x{count}" for row, count in (wanted - rows).items()]


def _oracle_rows(answer: Answer) -> Iterable[Listed]:
    for change in answer.oracle.changes:
        yield (
            change.change,
            frozenset(change.changed_columns),
            None if change.from_row is None else _cells(answer, change.from_row, to_side=False),
            None if change.to_row is None else _cells(answer, change.to_row, to_side=True),
        )


def _product_rows(answer: Answer) -> list[Listed]:
    table = answer.rows
    before = _struct_cells(answer, table.column("_from"), to_side=False)
    after = _struct_cells(answer, table.column("_to"), to_side=True)
    changes = cast("list[str]", oracle_values(table.column("_change")))
    changed = cast("list[list[str] | None]", oracle_values(table.column("_changed_columns")))
    listed = [
        (change, frozenset(names or ()), old, new)
        for change, names, old, new in zip(changes, changed, before, after, strict=True)
    ]
    for name in answer.oracle.key:
        if len({side.columns[side.position(name)].type for side in (answer.from_, answer.to)}) == 1:
            _check_key_column(answer, name, listed)
    return listed


def _check_key_column(answer: Answer, name: str, listed: list[Listed]) -> None:
    shown = f"key.{name}" if name in SHOWN_APART else name
    column = answer.rows.column(answer.rows.schema.names.index(shown))
    own, values = oracle_type(column.type), oracle_values(column)
    for (change, _, before, after), value in zip(listed, values, strict=True):
        cells = before if after is None else after
        assert cells is not None, f"a {change} row with neither side"
        form = _form(answer, name, own, value, to_side=after is not None)
        assert (name, form) in cells, f"key column {name!r} shows {value!r} beside {cells}"


def _struct_cells(answer: Answer, column: pa.ChunkedArray, *, to_side: bool) -> list[Cells | None]:
    struct = column.combine_chunks()
    children = dict(zip((field.name for field in struct.type), struct.flatten(), strict=True))
    forms: dict[str, list[Hashable]] = {}
    for name in answer.oracle.columns:
        own = oracle_type(children[name].type)
        values = oracle_values(children[name])
        forms[name] = [_form(answer, name, own, value, to_side=to_side) for value in values]
    return [
        frozenset((name, column[i]) for name, column in forms.items()) if present else None
        for i, present in enumerate(struct.is_valid().to_pylist())
    ]


def _cells(answer: Answer, row: Row, *, to_side: bool) -> Cells:
    table = answer.to if to_side else answer.from_
    cells: list[tuple[str, Hashable]] = []
    for pair in pair_columns(answer.from_, answer.to):
        if pair.name in answer.oracle.columns:
            at = pair.to_at if to_side else pair.from_at
            own = table.columns[at].type
            cells.append((pair.name, _form(answer, pair.name, own, row[at], to_side=to_side)))
    return frozenset(cells)


def _form(answer: Answer, name: str, own: Type, value: Any, *, to_side: bool) -> Hashable:
    """Brings a cell of a compared column into the form it shares with the other side.

    Partition values go by their text, as their type is what the product reads from a path.
    """
    if value is None:
        return None
    if name in (*answer.from_.partition_by, *answer.to.partition_by):
        return text_of(own, value)
    other = answer.from_ if to_side else answer.to
    form = form_against(own, other.columns[other.position(name)].type)
    assert form is not None, f"{name!r} is shown as {own}"
    return form(value)
