"""Reads lineage as stored: of this version strictly, of older releases as far as it goes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from catalog.errors import CorruptData
from catalog.model.ids import are_ids, excerpt, is_id, is_id_or_none
from catalog.model.lineage import (
    LINEAGE_VERSION,
    RESERVED,
    ColumnInput,
    ColumnLineage,
    Influence,
    Input,
    LineageEntry,
    OutputColumn,
    origins_of,
)
from catalog.model.table_names import checked_table_name

_INFLUENCES = frozenset(map(str, Influence))


def lineage_entry(
    stored: object, detail: Mapping[str, object] | None = None, *, what: str = "lineage"
) -> LineageEntry:
    """Reads an entry of a commit's lineage, of this version or of the free form before it.

    Args:
        stored: The entry.
        detail: The content of the node it points to, if it does and that is wanted.
        what: Names the entry in errors.

    Raises:
        CorruptData: It is of this version and not readable.
    """
    if not isinstance(stored, Mapping):
        return LineageEntry("unknown")
    if stored.get("version") != LINEAGE_VERSION:
        return _free_form(stored)
    entry = _entry(stored, what)
    if detail is None:
        return entry
    statement = _statement(detail)
    columns = detail.get("columns")
    steps = detail.get("steps")
    left_out = detail.get("steps_left_out", 0)
    if not isinstance(steps, list | None) or not isinstance(left_out, int):
        raise _unreadable(what, detail)
    return replace(
        entry,
        statement=entry.statement if statement is None else statement,
        columns=None if columns is None else _columns(columns, entry.inputs, what),
        steps=tuple(_entry(step, what) for step in steps or ()),
        steps_left_out=max(left_out, 0),
    )


def _entry(stored: object, what: str) -> LineageEntry:
    """Reads what an entry, or a step of one, says by itself."""
    if not isinstance(stored, Mapping):
        raise _unreadable(what, stored)
    if any(name in stored and not isinstance(stored[name], kind) for name, kind in RESERVED):
        raise _unreadable(what, stored)
    inputs = tuple(_input(one, what) for one in stored.get("inputs", ()))
    origins = stored.get("from", [])
    code = stored.get("code", {})
    if not are_ids(origins) or not all(isinstance(text, str) for text in code.values()):
        raise _unreadable(what, stored)
    columns = stored.get("columns")
    return LineageEntry(
        stored.get("operation", "unknown"),
        inputs,
        tuple(origins),
        facts=_facts(stored),
        code=code,
        engine=stored.get("engine"),
        statement=_statement(stored),
        columns=None if columns is None else _columns(columns, inputs, what),
    )


def _facts(stored: Mapping[str, object]) -> dict[str, str | int]:
    reserved = {name for name, _ in RESERVED}
    return {k: v for k, v in stored.items() if k not in reserved and isinstance(v, str | int)}


def _statement(stored: Mapping[str, object]) -> str | None:
    statement = stored.get("statement")
    return statement if isinstance(statement, str) else None


def _input(stored: object, what: str) -> Input:
    match stored:
        case {
            "table": str(table),
            "commit": (str() | None) as commit,
            "snapshot": (str() | None) as snapshot,
        } if is_id_or_none(commit) and is_id_or_none(snapshot):
            return Input(checked_table_name(table), commit, snapshot)
    raise _unreadable(what, stored)


def _columns(stored: object, inputs: Sequence[Input], what: str) -> ColumnLineage:
    parts = stored if isinstance(stored, Mapping) else {}
    outputs, rows = parts.get("outputs"), parts.get("rows", [])
    everything = parts.get("everything", [])
    if not (isinstance(outputs, list) and isinstance(rows, list) and isinstance(everything, list)):
        raise _unreadable(what, stored)
    count = len(inputs)
    columns: list[OutputColumn] = []
    for output in outputs:
        match output:
            case {"name": str(name), "inputs": list(own)}:
                approximate = output.get("approximate") is True
                columns.append(
                    OutputColumn(name, _column_inputs(own, count, what), approximate=approximate)
                )
            case _:
                raise _unreadable(what, output)
    for one in everything:
        match one:
            case [int(at), str()] if 0 <= at < count:
                pass
            case _:
                raise _unreadable(what, one)
    return ColumnLineage(
        tuple(columns),
        _column_inputs(rows, count, what),
        tuple((at, column) for at, column in everything),
    )


def _column_inputs(stored: Sequence[object], count: int, what: str) -> tuple[ColumnInput, ...]:
    found = []
    for one in stored:
        match one:
            case [int(at), str(column), list(kinds)] if 0 <= at < count and all(
                isinstance(kind, str) and kind in _INFLUENCES for kind in kinds
            ):
                found.append(ColumnInput(at, column, tuple(Influence(kind) for kind in kinds)))
            case _:
                raise _unreadable(what, one)
    return tuple(found)


def _free_form(stored: Mapping[str, object], *, is_step: bool = False) -> LineageEntry:
    """Reads the form of older releases, where nothing is certain to be what it should be.

    Steps have no steps of their own.
    """
    operation, statement, engine, source = (
        text if isinstance(text := stored.get(name), str) else None
        for name in ("operation", "statement", "engine", "source")
    )
    texts, steps = (
        found if isinstance(found := stored.get(name), list) else [] for name in ("inputs", "steps")
    )
    origins = origins_of(stored)
    merged = None if operation in (None, "snapshot") else _free_input(source)
    inputs = [one for text in texts if (one := _free_input(text)) is not None]
    steps = [] if is_step else [step for step in steps if isinstance(step, Mapping)]
    done = tuple(_free_form(step, is_step=True) for step in steps)
    inputs += [] if merged is None else [merged]
    inputs += [one for step in done for one in step.inputs]
    return LineageEntry(
        operation or "unknown",
        tuple(dict.fromkeys(inputs)),
        tuple(origins if merged is None or merged.commit is None else [merged.commit, *origins]),
        facts=_facts(stored),
        engine=engine,
        statement=statement,
        steps=done,
    )


def _free_input(stored: object) -> Input | None:
    """Reads ``orders@<commit id>``; None if it is not that."""
    table, _, commit = stored.rpartition("@") if isinstance(stored, str) else ("", "", "")
    try:
        return Input(checked_table_name(table), commit) if table and is_id(commit) else None
    except CorruptData:
        return None


def _unreadable(what: str, stored: object) -> CorruptData:
    return CorruptData(f"{what} is not readable: {excerpt(stored)}")
