"""Fixes: what a backfill runs on its branch; pure values."""

import json
import shlex
from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.model.for_each import ForEach, for_each
from catalog.model.ids import canonical_json, content_id, excerpt
from catalog.model.table_names import checked_table_name

MAX_WORDS = 10_000
"""Most words of a stored command, most SQL texts, and most outputs: no command line is longer."""

MAX_STORED = 1 << 20
"""Most characters of a fix that can be read back from a catalog."""


@dataclass(frozen=True, slots=True)
class SqlText:
    """Statements of SQL, and where they were read.

    Attributes:
        name: The file, for messages: ``fix.sql``; it is no part of what a fix is.
        text: The statements.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command leaves a table.

    Attributes:
        table: The table.
        place: A directory, a file or a glob, relative to where the command runs; variables may
            stand in it.
    """

    table: str
    place: str

    def __str__(self) -> str:
        return f"{self.table}={self.place}"


@dataclass(frozen=True, slots=True)
class Fix:
    """What is run on the branch of a backfill: SQL or a command, once or for several values.

    Attributes:
        sql: The SQL, all of which makes one commit.
        command: The words of a command.
        outputs: What the command leaves, to be taken in.
        variables: What it is repeated for: every combination of their values.
    """

    sql: tuple[SqlText, ...] = ()
    command: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    variables: tuple[ForEach, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.sql) == bool(self.command):
            both = "both SQL and a command" if self.sql else "neither SQL nor a command"
            raise InvalidInput(f"a fix is {both}", hint="give the one or the other")
        if self.command and not self.command[0]:
            raise InvalidInput("the command is empty", hint="name a program")
        if self.outputs and not self.command:
            raise InvalidInput(
                "outputs are taken from a command, and the fix is SQL",
                hint="SQL writes tables of the branch itself",
            )
        _check_different([one.table for one in self.outputs], "output of table")
        _check_different([one.name for one in self.variables], "variable")

    @property
    def identity(self) -> str:
        """Returns an id of what it does: two that do the same have the same.

        It covers texts, words and their order, not the names of files. What the fix is repeated
        for is not in it.
        """
        outputs = [[one.table, one.place] for one in self.outputs]
        texts = [one.text for one in self.sql]
        return content_id(
            canonical_json({"sql": texts, "command": self.command, "outputs": outputs})
        )

    @property
    def text(self) -> str:
        """Returns it as text for people."""
        if self.command:
            outputs = [f"output {output}" for output in self.outputs]
            return "\n".join([shlex.join(self.command), *outputs])
        if len(self.sql) == 1:
            return self.sql[0].text
        return "\n".join(f"-- {one.name}\n{one.text}" for one in self.sql)

    @property
    def for_each(self) -> str:
        """Returns what it is repeated for, as it was written: a line for each variable."""
        return "\n".join(map(str, self.variables))

    def to_json(self) -> str:
        """Returns the stored form, from which another machine can go on."""
        stored = {
            "sql": [[one.name, one.text] for one in self.sql],
            "command": self.command,
            "outputs": [[one.table, one.place] for one in self.outputs],
            "variables": [str(one) for one in self.variables],
        }
        return canonical_json(stored).decode()


def fix_from_json(text: str) -> Fix:
    """Reads the stored form of a fix.

    Raises:
        CorruptData: It is of another form.
    """
    if len(text) > MAX_STORED:
        raise CorruptData("the stored fix of a backfill is too long")
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"the fix of a backfill is not JSON: {excerpt(text)}") from error
    match stored:
        case {
            "sql": list(sql),
            "command": list(command),
            "outputs": list(outputs),
            "variables": list(variables),
        } if _are_texts(command) and _are_texts(variables):
            try:
                return Fix(
                    tuple(SqlText(*_pair(one)) for one in sql),
                    tuple(command),
                    tuple(_output(one) for one in outputs),
                    tuple(map(for_each, variables)),
                )
            except InvalidInput as error:
                raise CorruptData(f"the fix of a backfill is not valid: {error.message}") from error
    raise CorruptData(f"not the fix of a backfill: {excerpt(stored)}")


def _are_texts(stored: list[object]) -> bool:
    return len(stored) <= MAX_WORDS and all(isinstance(one, str) for one in stored)


def _pair(stored: object) -> tuple[str, str]:
    match stored:
        case [str(first), str(second)]:
            return first, second
    raise CorruptData(f"not a part of a fix: {excerpt(stored)}")


def _output(stored: object) -> Output:
    table, place = _pair(stored)
    return Output(checked_table_name(table), place)


def _check_different(names: Sequence[str], what: str) -> None:
    folded = [name.casefold() for name in names]
    for at, name in enumerate(names):
        if folded[at] in folded[:at]:
            raise InvalidInput(f"{what} {name!r} is given twice", kind=ErrorKind.INVALID_INPUT)
