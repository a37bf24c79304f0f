"""The statements of a fix: their parameters, and values written in the place of these.

Values are written as literals of their type rather than bound: so each statement that is recorded
says what it did, files are left out by them, and they may stand in any statement of a text.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from catalog.dataclasses import dataclass
from catalog.engine.quoting import literal, type_sql
from catalog.errors import CatalogError, Conflict, ErrorKind, InvalidInput
from catalog.hints import hint
from catalog.model.fix import SqlText
from catalog.model.texts import check_text
from catalog.model.types import Scalar, TypeClass
from catalog.model.values import encode, parse, text
from catalog.query.parse.analyse import analyse
from catalog.query.parse.keywords import fold
from catalog.query.parse.lexer import Token, TokenKind, tokenize
from catalog.query.parse.outline import outlines
from catalog.query.splice import splice
from catalog.write.conditions import constant

_LINE = re.compile(r"\bLINE (\d+)(?=: )|\bat line (\d+)(?=, column )")
"""Where the engine and our parser say that something is, in lines of the statement."""


@dataclass(frozen=True, slots=True)
class FixStatement:
    """A statement of a fix.

    Attributes:
        file: Where it was read.
        line: The line in which it begins.
        sql: Its text.
        parameters: Where its parameters are, and their folded names.
    """

    file: str
    line: int
    sql: str
    parameters: tuple[tuple[tuple[int, int], str], ...] = ()

    def with_values(self, literals: Mapping[str, str]) -> "FixStatement":
        """Returns the statement with literals in place of its parameters, by folded name."""
        changes = [(span, literals[name]) for span, name in self.parameters]
        return FixStatement(self.file, self.line, splice(self.sql, changes))

    @property
    def trial(self) -> str:
        """Returns its SQL with NULL in place of each parameter: of the same shape."""
        return self.with_values(_NULLS).sql

    @contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """Has errors of the statement say where it is.

        Raises:
            InvalidInput: The statement failed.
            Conflict: Somebody else's change is in the way.
        """
        try:
            yield
        except Conflict:
            raise
        except CatalogError as error:
            raise InvalidInput(
                f"{self.file}, line {self.line}: {_LINE.sub(self._in_file, error.message)}",
                kind=error.kind,
                hint=error.advice,
            ) from error

    def _in_file(self, found: re.Match[str]) -> str:
        word, number = ("LINE", found[1]) if found[1] else ("at line", found[2])
        return f"{word} {self.line + int(number) - 1}"


def fix_statements(texts: Sequence[SqlText], variables: Sequence[str]) -> tuple[FixStatement, ...]:
    """Returns the statements of a fix, in order.

    Args:
        texts: Its SQL.
        variables: The variables that its parameters may name.

    Raises:
        InvalidInput: It is not text, has no statement, a parameter that no variable gives, or no
            parameter of a variable: it would do the same for each of its values.
    """
    names = {fold(name) for name in variables}
    found = tuple(one for text in texts for one in _statements(text, names))
    used = {name for one in found for _, name in one.parameters}
    for name in variables:
        if fold(name) not in used:
            raise InvalidInput(
                f"the fix is repeated for {name}, but its SQL has no ${name}: it would do the same "
                "each time",
                kind=ErrorKind.SQL_ERROR,
                hint=f"e.g. WHERE {name} = ${name}",
            )
    return found


def _statements(given: SqlText, names: set[str]) -> Iterator[FixStatement]:
    check_text(given.text, "SQL")
    parts = outlines(tokenize(given.text))
    file = given.name or "the SQL"
    if not parts:
        raise InvalidInput(f"{file} has no SQL statement", kind=ErrorKind.SQL_ERROR)
    for part in parts:
        start, end = part.tokens[0].start, part.tokens[-1].end
        line = given.text.count("\n", 0, start) + 1
        parameters = [token for token in part.tokens if token.kind is TokenKind.PARAMETER]
        for token in parameters:
            if fold(token.text.removeprefix("$")) not in names:
                raise _unknown(given, token, names)
        yield FixStatement(
            file,
            line,
            given.text[start:end],
            tuple(
                ((token.start - start, token.end - start), fold(token.text[1:]))
                for token in parameters
            ),
        )


def _unknown(given: SqlText, token: Token, names: set[str]) -> InvalidInput:
    line = given.text.count("\n", 0, token.start) + 1
    known = ", ".join(f"${name}" for name in sorted(names))
    return InvalidInput(
        f"{given.name or 'the SQL'}, line {line}: nothing gives {token.text} a value",
        kind=ErrorKind.SQL_ERROR,
        hint=f"there is {known}" if known else hint("repeat the fix for values of it, or quote it"),
    )


def tables_named(statements: Sequence[FixStatement]) -> tuple[frozenset[str], frozenset[str]]:
    """Returns the dotted names of the tables that statements write, and of those they read."""
    written: set[str] = set()
    read: set[str] = set()
    for one in statements:
        for found in analyse(one.trial):
            read.update(".".join(reference.name) for reference in found.references)
            written.update([".".join(found.target.name)] if found.target is not None else [])
    return frozenset(written), frozenset(read)


class _Nulls(dict[str, str]):
    """Gives every parameter the same value: what matters is the shape of the statement."""

    def __missing__(self, name: str) -> str:
        return "NULL"


_NULLS = _Nulls()


def typed_literal(stated: str, kind: Scalar) -> str:
    """Returns SQL of a value of a type, such that files can be left out by it.

    Raises:
        InvalidInput: The text is not a value of the type.

    Example:
        >>> typed_literal("07", Scalar("INTEGER")), typed_literal("it's", Scalar("VARCHAR"))
        ('7', "'it''s'")
    """
    value = parse(stated, kind)
    plain = str(text(value, kind))
    match kind.type_class:
        case TypeClass.TEXT:
            return literal(stated)
        case TypeClass.INTEGER:
            return plain
        case TypeClass.DATE:
            return f"DATE {literal(plain)}"
        case TypeClass.OTHER:
            return f"CAST({literal(stated)} AS {type_sql(kind)})"
    return constant(encode(value, kind), kind)
