"""Conflicts of a merge under way: which are settled by hand, and a side taken for the rest.

A conflict is settled when its row is deleted from ``parquetry.conflicts``, or when what it names
was changed since on the merge's branch: the cell; the row; without a key, how often the row is
there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from catalog.diff.forms import common_forms
from catalog.engine.connection import borrowed
from catalog.engine.quoting import type_sql
from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.hints import Option, hint
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.operations.context import OperationContext
from catalog.operations.diff import compare_refs
from catalog.operations.diff_request import DiffRequest
from catalog.operations.merge.open_merges import OpenMerge, conflict_error
from catalog.operations.merge.steps import Merger, Resolutions, side_for
from catalog.operations.sessions import open_session
from catalog.operations.tables import stored_table
from catalog.repository.resolve import ResolvedRef
from catalog.write.merge.conflicts import (
    CONFLICT_TABLE,
    CONFLICTS,
    conflict_table,
    in_order,
    key_json,
)
from catalog.write.merge.ends import Ends
from catalog.write.merge.merged_schema import Side
from catalog.write.merge.renamed_apart import named_otherwise

Changes = dict[str, set[str] | None]
"""Changed columns by the key of a row, as conflicts show it; None is the whole row."""


def unsettled(context: OperationContext, found: OpenMerge) -> pa.Table:
    """Returns the conflicts that are not settled yet."""
    left = conflicts_at(context, found.head)
    rows = left.to_pylist()
    tables = {str(row["table_name"]) for row in rows}
    settled = {table: dict(_changed_since(context, found, table)) for table in tables}
    left = [row for row in rows if not _is_settled(row, settled[str(row["table_name"])])]
    return conflict_table(left)


def _is_settled(row: dict[str, str | None], changes: Changes) -> bool:
    key, column = row["key"], row["column_name"]
    if key is None or key not in changes:
        return False
    columns = changes[key]
    return columns is None or column is None or column in columns


def conflicts_at(context: OperationContext, commit_id: str) -> pa.Table:
    """Returns the conflicts that a commit of a merge's branch lists, by table and key."""
    if CONFLICT_TABLE not in context.repository.commits.entries(commit_id):
        return conflict_table(())
    query = f"SELECT {', '.join(CONFLICTS.names)} FROM {CONFLICT_TABLE}"
    with open_session(context, commit_id) as session:
        try:
            return in_order(session.sql(query).to_arrow_table().cast(CONFLICTS))
        except pa.ArrowException as error:
            raise CorruptData(f"{CONFLICT_TABLE} holds values that are not texts") from error


def _changed_since(
    context: OperationContext, found: OpenMerge, table: str
) -> Iterator[tuple[str, set[str] | None]]:
    """Yields the keys of rows changed on the merge's branch, with the columns; None is all.

    Without a key these are the rows of which there are more or fewer copies.
    """
    entries = context.repository.commits.entries
    if table not in entries(found.head) or table not in entries(found.start):
        return
    request = DiffRequest(from_ref=found.start, to_ref=found.head, tables=[table], level="rows")
    compared = compare_refs(context, request)[table]
    if not (compared.rows.inserted or compared.rows.deleted or compared.rows.updated):
        return
    shape = _snapshot(context, table, found.head)
    if not shape.key:
        if shape.schema == _snapshot(context, table, found.start).schema:
            for batch in compared.changes():
                for key in _rows_of(batch, shape.schema.fields):
                    yield key, None
        return
    fields = shape.fields(shape.key)
    with borrowed() as con:
        con.register("changes", compared.changes())
        keys = [f"k{n}" for n, _ in enumerate(fields)]
        names = ", ".join([*keys, "change", "columns", "f", "t"])
        query = f"SELECT {_shown(fields, keys)}, change, columns FROM changes AS q({names})"
        for key, change, columns in con.sql(query).fetchall():
            yield key, set(columns or ()) if change == "updated" else None


def _snapshot(context: OperationContext, table: str, commit_id: str) -> TableSnapshot:
    ref = ResolvedRef(commit_id, commit_id)
    return stored_table(context.repository, table, ref).snapshot


def _rows_of(changes: pa.RecordBatch, fields: tuple[Field, ...]) -> Iterator[str]:
    """Yields the rows inserted and deleted, as conflicts show them."""
    names = [f"v{n}" for n, _ in enumerate(fields)]
    for side, change in (("_from", "deleted"), ("_to", "inserted")):
        rows = changes.filter(pc.equal(changes.column("_change"), change)).column(side)
        with borrowed() as con:
            con.register("changes", pa.Table.from_arrays(rows.flatten(), names=names))
            for (key,) in con.sql(f"SELECT {_shown(fields, names)} FROM changes").fetchall():
                yield key


def _shown(fields: tuple[Field, ...], columns: list[str]) -> str:
    """Returns SQL of a key in the text that conflicts have, which is that of comparing forms."""
    values = []
    for field, column in zip(fields, columns, strict=True):
        forms = common_forms(field.type, field.type)
        kind = field.type
        value = f"CAST({column} AS {type_sql(kind)})" if isinstance(kind, Scalar) else column
        values.append(value if forms is None else forms.before(value))
    return key_json(fields, values)


def take_side(
    merger: Merger, merge: OpenMerge, left: pa.Table, *, resolve: Resolutions
) -> tuple[str, Mapping[str, str]]:
    """Takes one side for what is not settled by hand.

    Returns:
        A commit that has it, and by name the tables that were taken whole from that side.

    Raises:
        InvalidInput: Theirs should be taken for the rest of a table in which some conflicts were
            settled by hand in a way that taking theirs would undo.
    """
    context, sides = merger.context, side_for(resolve)
    wanted: dict[str, Side] = {
        name: sides(name) or "ours" for name in left["table_name"].to_pylist()
    }
    for table, why in _by_hand(context, merge, left):
        if wanted.get(table) == "theirs":
            raise InvalidInput(
                f"conflicts of table {table!r} were settled by {why}",
                kind=ErrorKind.SETTLED_OTHERWISE,
                hint=hint(
                    "settle the table's other conflicts by hand too, or abort and merge with {}",
                    Option("resolve", "theirs"),
                ),
            )
    ours, theirs = merge.ends.ours, merge.ends.theirs
    entries = context.repository.commits.entries
    ends = replace(merge.ends, base=merger.base_of(ours, theirs))
    coming = wanted.keys() & entries(theirs).keys() - entries(ours).keys()
    for name, other in named_otherwise(context.repository.commits, ends, coming=coming, gone=()):
        wanted.setdefault(other, wanted[name])  # ours has it under another name, which may go
    names = {name for commit_id in (ours, theirs) for name in entries(commit_id)}
    others = [CONFLICT_TABLE, *(names - wanted.keys())]
    again = merger.merge(ends, wanted, whole=True, leave_out=others)
    if again.conflicts.num_rows:
        raise conflict_error(merge.source, merge.into, again.conflicts, branch=merge.branch)
    whole = {table.name: table.how for table in again.tables if wanted.get(table.name) == table.how}
    _check_not_by_hand(context, merge, whole)
    about = context.describe(f"{merge.message}: resolved")
    writer = context.repository.writer()
    side = writer.write([ours, theirs], again.updates, about)
    both = merger.merge(Ends(merge.start, merge.head, side), "ours", leave_out=others)
    return writer.write([merge.head, side], both.updates, about), whole


def _check_not_by_hand(context: OperationContext, merge: OpenMerge, tables: Iterable[str]) -> None:
    """Checks that tables taken whole from a side were not changed on the merge's branch.

    Raises:
        InvalidInput: One was.
    """
    start, head = (context.repository.commits.entries(c) for c in (merge.start, merge.head))
    for table in tables:
        before, now = start.get(table), head.get(table)
        if (before and before.entry.snapshot) != (now and now.entry.snapshot):
            raise InvalidInput(
                f"table {table!r} was changed by hand on {merge.branch}: a side can only be taken "
                "for the whole table, and that would undo it",
                kind=ErrorKind.SETTLED_OTHERWISE,
                hint="to keep what was done by hand, delete the table's conflicts from "
                f"{CONFLICT_TABLE} there",
            )


def _by_hand(
    context: OperationContext, merge: OpenMerge, left: pa.Table
) -> Iterator[tuple[str, str]]:
    """Yields tables for whose rest theirs cannot be taken, and why: how some was settled.

    Without a key, rows are counted: what was done to them by hand and what theirs did would
    add up.
    """
    first = Counter(map(_identity, conflicts_at(context, merge.start).to_pylist()))
    now = Counter(map(_identity, conflicts_at(context, merge.head).to_pylist()))
    rest = Counter(map(_identity, left.to_pylist()))
    for table in sorted(set(left["table_name"].to_pylist())):
        if any(name == table for name, *_ in first - now):
            yield (
                table,
                f"deleting their rows from {CONFLICT_TABLE}, which keeps ours: taking theirs "
                "would change that too",
            )
        elif any((name, kind) == (table, "below-zero") for name, kind, *_ in now - rest):
            yield (
                table,
                "changing how many copies of a row there are: taking theirs would add to that",
            )


def _identity(row: dict[str, str | None]) -> tuple[str, ...]:
    return tuple(row[name] or "" for name in ("table_name", "kind", "key", "column_name"))
