"""MERGE INTO: its source is read once, and then known which files may hold a match."""

from catalog.dataclasses import dataclass, replace
from catalog.engine.connection import single_row
from catalog.engine.quoting import identifier, type_sql
from catalog.engine.settings import UserSettings
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import INTEGER_BITS, is_float
from catalog.query.parse.definitions import merge_spans
from catalog.query.parse.keywords import fold
from catalog.query.pending_write import PendingWrite
from catalog.query.pruning import Pruner
from catalog.query.splice import Replacement
from catalog.write.context import WriteContext
from catalog.write.files.key_pruning import key_pruner
from catalog.write.sql.statement import TableStatement


@dataclass(frozen=True, slots=True)
class SourceRead:
    """How a MERGE goes on once its source is read.

    Attributes:
        pending: The statement, without what it reads in its source if that is read.
        source: What to splice for the source.
        pruner: Selects the files that may hold rows that match; None if all may.
        condition: What such rows meet, over columns ``c<field id>``; empty if all may.
    """

    pending: PendingWrite
    source: tuple[Replacement, ...] = ()
    pruner: Pruner | None = None
    condition: str = ""


def with_source_read(
    statement: TableStatement, settings: UserSettings, shape: TableSnapshot
) -> SourceRead:
    """Reads the source of a MERGE into a table of the engine, if it shows which files matter."""
    pending, context = statement.pending, statement.context
    source, spans = pending.statement.source, merge_spans(pending.statement)
    if source is None or spans is None or pending.params is not None or not settings.are_plain:
        return SourceRead(pending)
    before, span = spans
    con, rows = context.con, context.work.name("source")
    read = f"{pending.part(before)} SELECT * FROM {pending.part(span)}"
    con.execute(f"CREATE TEMP TABLE {rows} AS {read}")
    relation = con.sql(f"SELECT * FROM {rows} LIMIT 0")
    kinds = {fold(n): str(k) for n, k in zip(relation.columns, relation.types, strict=True)}
    known = {fold(field.name): field for field in shape.schema.fields}
    keys: dict[int, str] = {}
    for ours, theirs in () if _collates(context, rows) else source.matches:
        field, kind = known.get(fold(ours)), kinds.get(fold(theirs))
        if field is not None and kind is not None and _comparable(field, kind):
            keys[field.id] = (
                f"TRY_CAST({identifier(theirs)} AS {type_sql(field.type)}) AS c{field.id}"
            )
    inside = pending.within(span)
    outside = tuple(one for one in pending.replacements if one not in inside)
    replaced = (span, f"{rows} AS {identifier(source.alias)}")
    pending = replace(pending, replacements=outside)
    if not keys:
        return SourceRead(pending, (replaced,))
    matches = context.work.name("matches")
    there = " AND ".join(f"c{i} IS NOT NULL" for i in keys)
    con.execute(
        f"CREATE TEMP TABLE {matches} AS SELECT DISTINCT * "
        f"FROM (SELECT {', '.join(keys.values())} FROM {rows}) WHERE {there}"
    )
    columns = ", ".join(f"c{i}" for i in keys)
    condition = f"({columns}) IN (SELECT {columns} FROM {matches})"
    return SourceRead(
        pending, (replaced,), key_pruner(con, shape, matches, fields=tuple(keys)), condition
    )


def _collates(context: WriteContext, rows: str) -> bool:
    """Returns whether texts of a table may be equal though they are not the same."""
    shown = single_row(context.con, "SELECT sql FROM duckdb_tables() WHERE table_name = ?", (rows,))
    return "COLLATE" in str(shown[0])


def _comparable(field: Field, kind: str) -> bool:
    """Returns whether values are equal exactly if they are as values of the target's column."""
    if is_float(field.type):
        return False
    ours = type_sql(field.type)
    return ours == kind or (ours in INTEGER_BITS and kind in INTEGER_BITS)
