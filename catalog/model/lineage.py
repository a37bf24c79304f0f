"""Lineage: what a commit says about where the rows of a table that it wrote come from.

A commit keeps the short part: operation, inputs, code, engine. What is long lies in a node of its
pack, which only a reader of lineage opens: SQL over 200 bytes, columns, the steps of a
transaction that did several things to a table.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from catalog.dataclasses import dataclass, field, replace
from catalog.model.ids import are_ids

LINEAGE_VERSION = 1
"""Of the stored form; what has none is the free form of older releases."""

SHORT_STATEMENT = 200
"""Bytes of SQL that a commit itself holds: ``log`` reads commits whole."""

LONGEST_STATEMENT = 256 << 10
"""Bytes of SQL that are kept of a statement: one that is longer holds data, not logic."""

MOST_STEPS = 500
"""Steps that are kept of a transaction that did more than that to one table."""

MOST_ORIGINS = 100
"""Commits that a change is said to have been taken from: a branch is rebased again and again."""

MOST_COLUMN_INPUTS = 50_000
"""Inputs of columns that one entry lists: a stored node must stay below 4 MiB."""


CHECK = "check"
"""The operation that adds, changes or drops checks of a table, and writes none of its rows."""


def is_about_checks(stored: object) -> bool:
    """Returns whether what a commit keeps about a table says that only its checks changed."""
    return isinstance(stored, dict) and stored.get("operation") == CHECK


class Influence(StrEnum):
    """How a column of an input takes part in one of the result; OpenLineage has the same words.

    The first three are direct: the value is made from it. The others decide which rows there are,
    in which order, and which of several values one gets.
    """

    IDENTITY = "IDENTITY"
    TRANSFORMATION = "TRANSFORMATION"
    AGGREGATION = "AGGREGATION"
    FILTER = "FILTER"
    JOIN = "JOIN"
    GROUP_BY = "GROUP_BY"
    SORT = "SORT"
    WINDOW = "WINDOW"
    CONDITIONAL = "CONDITIONAL"

    @property
    def is_direct(self) -> bool:
        """Returns whether values are made from the column."""
        return self in (Influence.IDENTITY, Influence.TRANSFORMATION, Influence.AGGREGATION)


@dataclass(frozen=True, slots=True)
class Input:
    """A table that was read.

    Attributes:
        table: Its name.
        commit: The commit that it was read at; None if it was read as the same transaction had
            changed it.
        snapshot: Id of the table's snapshot there; None if it was read as the same transaction
            had changed it, or if an older release recorded it.
    """

    table: str
    commit: str | None = None
    snapshot: str | None = None

    def __str__(self) -> str:
        return self.table if self.commit is None else f"{self.table}@{self.commit}"


@dataclass(frozen=True, slots=True)
class ColumnInput:
    """A column that takes part in something.

    Attributes:
        input: Position of its table among the inputs of the entry.
        column: Its name.
        kinds: In which ways it takes part.
    """

    input: int
    column: str
    kinds: tuple[Influence, ...]


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column that was written, and those its values are made from or chosen by.

    Attributes:
        approximate: Whether it could not be followed, so that every column that was read counts.
    """

    name: str
    inputs: tuple[ColumnInput, ...] = ()
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """Which columns went into which.

    Attributes:
        columns: The columns written.
        rows: What decides which rows there are and in which order: it concerns every column.
        everything: All columns of all inputs, if some column could not be followed.
    """

    columns: tuple[OutputColumn, ...] = ()
    rows: tuple[ColumnInput, ...] = ()
    everything: tuple[tuple[int, str], ...] = ()

    @property
    def size(self) -> int:
        """Returns how many inputs of columns it lists."""
        return sum(1 + len(c.inputs) for c in self.columns) + len(self.rows) + len(self.everything)

    def inputs_of(self, name: str) -> tuple[ColumnInput, ...]:
        """Returns all that a column may depend on; of one that was not written, only ``rows``."""
        folded = name.casefold()
        own = [column for column in self.columns if column.name.casefold() == folded]
        return united([*(one for column in own for one in self.made_from(column)), *self.rows])

    def made_from(self, column: OutputColumn) -> tuple[ColumnInput, ...]:
        """Returns the inputs of a column that was written, without what decides rows."""
        if not column.approximate:
            return column.inputs
        kinds = (Influence.TRANSFORMATION,)
        every = [ColumnInput(at, name, kinds) for at, name in self.everything]
        return united([*column.inputs, *every])

    def to_json(self) -> dict[str, object]:
        """Returns the stored form."""
        outputs = [
            {
                "name": c.name,
                "inputs": [_input_json(one) for one in c.inputs],
                **({"approximate": True} if c.approximate else {}),
            }
            for c in self.columns
        ]
        stored: dict[str, object] = {"outputs": outputs}
        if self.rows:
            stored["rows"] = [_input_json(one) for one in self.rows]
        if self.everything:
            stored["everything"] = [list(one) for one in self.everything]
        return stored


@dataclass(frozen=True, slots=True)
class StoredLineage:
    """An entry of a commit's lineage as stored, and the content of the node it points to."""

    entry: Mapping[str, object]
    detail: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class LineageEntry:
    """Where the rows of a table in a commit come from.

    Attributes:
        operation: What was done: ``sql``, ``write``, ``snapshot``, ``merge``, ``several`` …
        inputs: The tables that were read.
        origins: The commits that a change was taken from: what a merge merged, the one that was
            made again by a rebase, picked, or reverted.
        facts: What else there is to say, by name: ``mode``, ``rows``, ``source``, ``how`` …
        code: The code that did it, by name: ``commit``, ``file``, ``remote`` … or as given.
        engine: The engine that computed it, with its version.
        statement: The SQL; None if there is none, or if only its beginning is kept.
        columns: Which columns went into which; None if that is not known.
        steps: What was done in order, if it was several things.
        steps_left_out: How many steps are not in ``steps``, since there were too many.
    """

    operation: str
    inputs: tuple[Input, ...] = ()
    origins: tuple[str, ...] = ()
    facts: Mapping[str, str | int] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    engine: str | None = None
    statement: str | None = None
    columns: ColumnLineage | None = None
    steps: tuple["LineageEntry", ...] = ()
    steps_left_out: int = 0

    def stored(self) -> StoredLineage:
        """Returns the entry as a commit stores it, and the detail that goes to a node."""
        entry: dict[str, object] = {"version": LINEAGE_VERSION, **self._short()}
        detail: dict[str, object] = {}
        kept = _statement_json(self.statement)
        if len(str(kept.get("statement", "")).encode()) <= SHORT_STATEMENT:
            entry |= kept
        else:
            detail |= kept
        if self.columns is not None and self.columns.size <= MOST_COLUMN_INPUTS:
            detail["columns"] = self.columns.to_json()
        if self.steps:
            detail |= self._steps_json()
        if not detail:
            return StoredLineage(entry)
        return StoredLineage(entry, {"version": LINEAGE_VERSION, **detail})

    def _short(self) -> dict[str, object]:
        """Returns the stored form of everything that is short; what is empty is left out."""
        reserved = {name for name, _ in RESERVED}
        short: dict[str, object] = {k: v for k, v in self.facts.items() if k not in reserved}
        short |= {"operation": self.operation, "inputs": [_table_json(i) for i in self.inputs]}
        if self.origins:
            short["from"] = list(self.origins)
        if self.code:
            short["code"] = dict(self.code)
        if self.engine is not None:
            short["engine"] = self.engine
        return short

    def _steps_json(self) -> dict[str, object]:
        room_bytes, room_inputs = LONGEST_STATEMENT * 4, MOST_COLUMN_INPUTS
        steps: list[object] = []
        for step in self.steps[:MOST_STEPS]:
            stored = {**step._short(), **_statement_json(step.statement)}
            room_bytes -= len(str(stored.get("statement", "")).encode())
            if room_bytes < 0:
                break
            if step.columns is not None and step.columns.size <= room_inputs:
                room_inputs -= step.columns.size
                stored["columns"] = step.columns.to_json()
            steps.append(stored)
        left_out = self.steps_left_out + len(self.steps) - len(steps)
        return {"steps": steps, **({"steps_left_out": left_out} if left_out else {})}


@dataclass(frozen=True, slots=True)
class Origin:
    """What a caller says about the origin of what is written, or what is known of the caller.

    Attributes:
        inputs: Tables that went into it, beside those that are seen to.
        code: The code that wrote it, by name.
    """

    inputs: tuple[Input, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)

    def added(self, entry: LineageEntry) -> LineageEntry:
        """Returns an entry with what it does not say yet."""
        inputs = tuple(dict.fromkeys((*entry.inputs, *self.inputs)))
        return replace(entry, inputs=inputs, code=entry.code or self.code)


def combined(steps: Sequence[LineageEntry]) -> LineageEntry:
    """Returns one entry for all that was done to a table, in order; one step stays as it is."""
    if len(steps) == 1:
        return steps[0]
    codes = {tuple(sorted(step.code.items())) for step in steps if step.code}
    engines = {step.engine for step in steps if step.engine is not None}
    code = dict(codes.pop()) if len(codes) == 1 else {}
    engine = engines.pop() if len(engines) == 1 else None
    return LineageEntry(
        "several",
        tuple(dict.fromkeys(one for step in steps for one in step.inputs)),
        tuple(dict.fromkeys(one for step in steps for one in step.origins)),
        code=code,
        engine=engine,
        steps=tuple(
            replace(
                step,
                code={} if code else step.code,
                engine=None if engine else step.engine,
            )
            for step in steps
        ),
    )


def made_again(stored: StoredLineage, commit_id: str) -> StoredLineage:
    """Returns the lineage of a commit for another that does the same again, as a rebase does."""
    known = origins_of(stored.entry)
    origins = [*(one for one in known if one != commit_id), commit_id][-MOST_ORIGINS:]
    return replace(stored, entry={**stored.entry, "from": origins})


def origins_of(stored: Mapping[str, object]) -> list[str]:
    """Returns the commits that an entry, as stored, says it was taken from."""
    origins = stored.get("from", [])
    return origins if isinstance(origins, list) and are_ids(origins) else []


def united(inputs: Iterable[ColumnInput]) -> tuple[ColumnInput, ...]:
    """Returns inputs of columns, each column once and with all its kinds, in a settled order."""
    kinds: dict[tuple[int, str], set[Influence]] = {}
    for one in inputs:
        kinds.setdefault((one.input, one.column), set()).update(one.kinds)
    return tuple(
        ColumnInput(at, column, tuple(k for k in Influence if k in kinds[at, column]))
        for at, column in sorted(kinds)
    )


RESERVED = (
    ("version", int),
    ("operation", str),
    ("inputs", list),
    ("from", list),
    ("code", dict),
    ("engine", str),
    ("statement", str),
    ("detail", str),
    ("columns", dict),
    ("steps", list),
)
"""The fields with a meaning of their own, and their types; all others are facts."""


def _statement_json(statement: str | None) -> dict[str, str | int]:
    if statement is None:
        return {}
    size_bytes = len(statement.encode())
    if size_bytes <= LONGEST_STATEMENT:
        return {"statement": statement}
    return {"statement_begins": statement[:SHORT_STATEMENT], "statement_bytes": size_bytes}


def _table_json(one: Input) -> dict[str, object]:
    return {"table": one.table, "commit": one.commit, "snapshot": one.snapshot}


def _input_json(one: ColumnInput) -> list[object]:
    return [one.input, one.column, [str(kind) for kind in one.kinds]]
