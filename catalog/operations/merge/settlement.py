"""Conflicts of a merge under way: which are settled by hand, and a side taken for the rest.

A conflict is settled when its row is deleted from ``parquetry.conflicts``, or when what it names
was changed since on the merge's branch: the cell; the row; without a key, how often the row is
there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from catalog.diff.forms import form
from catalog.engine.connection import connect
from catalog.engine.quoting import type_sql
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.schema import Field
from catalog.model.types import Scalar
from catalog.operations.merge.open_merges import CONFLICT_TABLE, OpenMerge, conflict_error
from catalog.operations.merge.steps import Resolutions, base_of, in_order, merged, resolving
from catalog.repository.commit_writer import Description
from catalog.write.merge.conflicts import CONFLICTS, conflict_table, key_text
from catalog.write.merge.ends import Ends
from catalog.write.merge.rows import Resolution
from catalog.write.merge.table import MergeContext

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.reader import CatalogReader

Changes = dict[str, set[str] | None]
"""Changed columns by the key of a row, as conflicts show it; None is the whole row."""


def unsettled(owner: "CatalogReader", found: OpenMerge) -> pa.Table:
    """Returns the conflicts that are not settled yet."""
    left = conflicts_at(owner, found.head)
    rows = left.to_pylist()
    tables = {str(row["table_name"]) for row in rows}
    settled = {table: dict(_changed_since(owner, found, table)) for table in tables}
    left = [row for row in rows if not _is_settled(row, settled[str(row["table_name"])])]
    return conflict_table(left)


def _is_settled(row: dict[str, str | None], changes: Changes) -> bool:
    key, column = row["key"], row["column_name"]
    if key is None or key not in changes:
        return False
    columns = changes[key]
    return columns is None or column is None or column in columns


def conflicts_at(owner: "CatalogReader", commit_id: str) -> pa.Table:
    """Returns the conflicts that a commit of a merge's branch lists, by table and key."""
    if CONFLICT_TABLE not in owner.repository.commits.entries(commit_id):
        return conflict_table(())
    query = f"SELECT {', '.join(CONFLICTS.names)} FROM {CONFLICT_TABLE}"
    with owner.connect(commit_id) as session:
        return in_order(session.sql(query).to_arrow_table().cast(CONFLICTS))


def _changed_since(
    owner: "CatalogReader", found: OpenMerge, table: str
) -> Iterator[tuple[str, set[str] | None]]:
    """Yields the keys of rows changed on the merge's branch, with the columns; None is all.

    Without a key these are the rows of which there are more or fewer copies.
    """
    entries = owner.repository.commits.entries
    if table not in entries(found.head) or table not in entries(found.start):
        return
    compared = owner.diff(found.start, found.head, tables=[table], level="rows")[table]
    if not (compared.rows.inserted or compared.rows.deleted or compared.rows.updated):
        return
    shape = owner.table(table, found.head)
    if not shape.key:
        if shape.schema == owner.table(table, found.start).schema:
            for batch in compared.changes():
                for key in _rows_of(batch, shape.schema.fields):
                    yield key, None
        return
    fields = shape.fields(shape.key)
    with connect() as con:
        con.register("changes", compared.changes())
        keys = [f"k{n}" for n, _ in enumerate(fields)]
        names = ", ".join([*keys, "change", "columns", "f", "t"])
        query = f"SELECT {_shown(fields, keys)}, change, columns FROM changes AS q({names})"
        for key, change, columns in con.sql(query).fetchall():
            yield key, set(columns or ()) if change == "updated" else None


def _rows_of(changes: pa.RecordBatch, fields: tuple[Field, ...]) -> Iterator[str]:
    """Yields the rows inserted and deleted, as conflicts show them."""
    names = [f"v{n}" for n, _ in enumerate(fields)]
    for side, change in (("_from", "deleted"), ("_to", "inserted")):
        rows = changes.filter(pc.equal(changes.column("_change"), change)).column(side)
        with connect() as con:
            con.register("changes", pa.Table.from_arrays(rows.flatten(), names=names))
            for (key,) in con.sql(f"SELECT {_shown(fields, names)} FROM changes").fetchall():
                yield key


def _shown(fields: tuple[Field, ...], columns: list[str]) -> str:
    """Returns SQL of a key in the text that conflicts have, which is that of comparing forms."""
    values = []
    for field, column in zip(fields, columns, strict=True):
        compared = form(field.type, field.type)
        kind = field.type
        value = f"CAST({column} AS {type_sql(kind)})" if isinstance(kind, Scalar) else column
        values.append(value if compared is None else compared(value))
    return key_text(fields, values)


def take_side(
    owner: "Catalog",
    context: MergeContext,
    found: OpenMerge,
    left: pa.Table,
    resolve: Resolutions,
) -> tuple[str, Mapping[str, str]]:
    """Takes one side for what is not settled by hand.

    Returns:
        A commit that has it, and by name the tables of which that side was taken whole.

    Raises:
        InvalidInput: Theirs is to be taken for the rest of a table of which some conflicts were
            settled by hand in a way that taking theirs would undo.
    """
    sides = resolving(resolve)
    wanted: dict[str, Resolution] = {
        name: sides(name) or "ours" for name in left["table_name"].to_pylist()
    }
    for table, why in _by_hand(owner, found, left):
        if wanted.get(table) == "theirs":
            raise InvalidInput(
                f"conflicts of table {table!r} were settled by {why}",
                kind=ErrorKind.SETTLED_OTHERWISE,
                hint="settle the other conflicts of the table by hand too, or abort and merge "
                "with --resolve theirs",
            )
    names = {name for c in (found.ends.ours, found.ends.theirs) for name in _names(owner, c)}
    others = [CONFLICT_TABLE, *(names - wanted.keys())]
    ends = replace(found.ends, base=base_of(owner, context, found.ends.ours, found.ends.theirs))
    again = merged(owner, context, ends, wanted, whole=True, leave_out=others)
    if again.conflicts.num_rows:
        raise conflict_error(found.source, found.into, again.conflicts, found.branch)
    whole = {one.name: one.how for one in again.tables if wanted.get(one.name) == one.how}
    _check_not_by_hand(owner, found, whole)
    about = Description(owner.author, owner.clock(), f"{found.message}: resolved")
    writer = owner.repository.writer()
    taken = writer.write([found.ends.ours, found.ends.theirs], again.updates, about)
    both = merged(owner, context, Ends(found.start, found.head, taken), "ours", leave_out=others)
    return writer.write([found.head, taken], both.updates, about), whole


def _check_not_by_hand(owner: "Catalog", found: OpenMerge, tables: Iterable[str]) -> None:
    """Checks that tables that are taken whole were not changed on the merge's branch.

    Raises:
        InvalidInput: One was.
    """
    start, head = (owner.repository.commits.entries(c) for c in (found.start, found.head))
    for table in tables:
        before, now = start.get(table), head.get(table)
        if (before and before.entry.snapshot) != (now and now.entry.snapshot):
            raise InvalidInput(
                f"table {table!r} was changed by hand on {found.branch}: a side can only be taken "
                "of the whole table, and that would undo it",
                kind=ErrorKind.SETTLED_OTHERWISE,
                hint=f"to keep what was done by hand, delete the table's conflicts from "
                f"{CONFLICT_TABLE} there",
            )


def _names(owner: "Catalog", commit_id: str) -> Iterable[str]:
    return owner.repository.commits.entries(commit_id)


def _by_hand(owner: "Catalog", found: OpenMerge, left: pa.Table) -> Iterator[tuple[str, str]]:
    """Yields tables of which theirs cannot be taken for the rest, and why: how some was settled.

    Without a key, rows are counted: what was done to them by hand and what theirs did would
    add up.
    """
    first = Counter(_told(row) for row in conflicts_at(owner, found.start).to_pylist())
    now = Counter(_told(row) for row in conflicts_at(owner, found.head).to_pylist())
    rest = Counter(_told(row) for row in left.to_pylist())
    for table in sorted(set(left["table_name"].to_pylist())):
        if any(told[0] == table for told in first - now):
            yield (
                table,
                f"deleting their rows from {CONFLICT_TABLE}, which keeps ours: taking theirs "
                "would take it there too",
            )
        elif any(told[0] == table and told[1] == "below-zero" for told in now - rest):
            yield (
                table,
                "changing how often rows are there: taking theirs would add to what was changed",
            )


def _told(row: dict[str, str | None]) -> tuple[str, ...]:
    return tuple(row[name] or "" for name in ("table_name", "kind", "key", "column_name"))
