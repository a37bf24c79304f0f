"""Derived tables: how one is defined, and what it was last computed from; pure values."""

import json
from collections.abc import Mapping

from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData
from catalog.model.ids import canonical_json, content_id, excerpt, is_id, is_id_or_none
from catalog.model.table_names import checked_table_name

SQL = "derive.sql"
"""Property of a table: the SELECT that it is the result of."""

COMMAND = "derive.command"
"""Property of a table: the command, a JSON list of words, whose output it is."""

INPUTS = "derive.inputs"
"""Property of a table: the tables that the command reads, a JSON list of names."""

OUTPUT = "derive.output"
"""Property of a table: the directory or file that the command leaves the table in."""

PROPERTIES = (SQL, COMMAND, INPUTS, OUTPUT)
"""The properties that define a table."""

MAX_SQL = 1 << 20
"""Most characters of a definition's SQL."""

MAX_WORDS = 10_000
"""Most words of a command, and most tables that it reads."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a derived table is computed by: either a SELECT or a command.

    Attributes:
        sql: A SELECT over tables of the same branch, without refs; empty for a command.
        command: The words of a command; none for a SELECT.
        inputs: The tables that the command reads.
        output: Where the command leaves the table, relative to where it runs.
    """

    sql: str = ""
    command: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    output: str = ""

    def properties(self) -> dict[str, str]:
        """Returns the properties in which a table keeps it."""
        if self.sql:
            return {SQL: self.sql}
        return {
            COMMAND: json.dumps(self.command, ensure_ascii=False),
            INPUTS: json.dumps(self.inputs, ensure_ascii=False),
            OUTPUT: self.output,
        }

    @property
    def digest(self) -> str:
        """Returns an id of the definition: two that are equal have the same."""
        return content_id(canonical_json(self.properties()))


def is_derived(properties: Mapping[str, str]) -> bool:
    """Returns whether the properties of a table say that it is derived."""
    return SQL in properties or COMMAND in properties


def definition_of(properties: Mapping[str, str]) -> Definition | None:
    """Returns the definition among the properties of a table, None if it is not derived.

    Raises:
        CorruptData: The properties contradict each other, or are not of their form.
    """
    if not is_derived(properties):
        return None
    if SQL in properties and COMMAND in properties:
        raise CorruptData("a derived table is defined both by SQL and by a command")
    if SQL in properties:
        sql = properties[SQL]
        if not sql.strip() or len(sql) > MAX_SQL:
            raise CorruptData(f"not the SQL of a derived table: {excerpt(sql)}")
        return Definition(sql=sql)
    command = _words(properties[COMMAND], COMMAND)
    if not command:
        raise CorruptData("the command of a derived table is empty")
    inputs = _words(properties.get(INPUTS, "[]"), INPUTS)
    return Definition(
        command=command,
        inputs=tuple(map(checked_table_name, inputs)),
        output=properties.get(OUTPUT, ""),
    )


def definition_text(properties: Mapping[str, str]) -> str | None:
    """Returns what defines a table, as text for people; None if it is not derived.

    It is the SQL, or the command with its inputs and its output.
    """
    if SQL in properties:
        return properties[SQL]
    if COMMAND not in properties:
        return None
    reads, writes = properties.get(INPUTS, ""), properties.get(OUTPUT, "")
    return f"command {properties[COMMAND]} of {reads} into {writes}"


def without_definition(properties: Mapping[str, str]) -> dict[str, str]:
    """Returns properties without those that define a table."""
    return {name: text for name, text in properties.items() if name not in PROPERTIES}


def _words(text: str, name: str) -> tuple[str, ...]:
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"the property {name} of a table is not JSON: {excerpt(text)}") from error
    match stored:
        case [*words] if len(words) <= MAX_WORDS and all(isinstance(w, str) for w in words):
            return tuple(words)
    raise CorruptData(f"the property {name} of a table is no list of texts: {excerpt(text)}")


@dataclass(frozen=True, slots=True)
class ComputedInput:
    """A table that a derived table was computed from, as it was then.

    Attributes:
        snapshot: The id of its table snapshot.
        content: The id of its columns and rows; see ``TableSnapshot.rows_id``.
        commit: A commit that has that snapshot; None if it is the one that wrote the derived
            table, whose id was not known yet.
    """

    snapshot: str
    content: str
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """What the rows of a derived table were computed from.

    Attributes:
        definition: The digest of the definition.
        engine: The engine and its version: ``duckdb 1.4.0``.
        inputs: The tables read, by name.
    """

    definition: str
    engine: str
    inputs: Mapping[str, ComputedInput] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Returns the stored form."""
        return {
            "definition": self.definition,
            "engine": self.engine,
            "inputs": {
                name: [one.snapshot, one.content, one.commit] for name, one in self.inputs.items()
            },
        }


def computed_from_json(stored: object) -> Computed | None:
    """Reads the stored form; None is that of a table that no refresh left as it is.

    Raises:
        CorruptData: It is of another form.
    """
    match stored:
        case None:
            return None
        case {"definition": definition, "engine": str(engine), "inputs": dict(inputs)} if is_id(
            definition
        ):
            read = {checked_table_name(name): _input(one) for name, one in inputs.items()}
            return Computed(definition, engine, read)
    raise CorruptData(f"unknown origin of a derived table: {excerpt(stored)}")


def _input(stored: object) -> ComputedInput:
    match stored:
        case [snapshot, content, commit] if (
            is_id(snapshot) and is_id(content) and is_id_or_none(commit)
        ):
            return ComputedInput(snapshot, content, commit)
    raise CorruptData(f"unknown input of a derived table: {excerpt(stored)}")
