"""Turns tables of the syntax tree into references, by the tokens of the user's text.

Names, spans and refs are read from the tokens, never from the tree; where the two disagree, the
tree is not trusted.
"""

from sqlglot import exp

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import InvalidInput
from catalog.query.parse.arguments import read_arguments
from catalog.query.parse.keywords import RESERVED, fold
from catalog.query.parse.lexer import NAME_KINDS, Token, TokenKind, line_and_column, word_at
from catalog.query.parse.masking import Masked, lists
from catalog.query.parse.outline import DESCRIBE_WORDS, closing
from catalog.query.parse.predicates import Predicate
from catalog.query.parse.statements import FunctionReference, Place, RefText, TableReference

_NAMES = NAME_KINDS | {TokenKind.STRING}


class MisreadError(Exception):
    """The syntax tree does not fit the tokens, so it cannot be trusted.

    Attributes:
        offset: Where in the whole text.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class _Extent:
    """A run of tokens, with what was read beside the name."""

    first: int
    last: int
    ref: RefText | None = None
    alias: str | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads references of one statement.

    Attributes:
        text: The whole text, for messages.
        tokens: The statement's tokens.
        masked: The statement as it was parsed.
        functions: Folded names of the table functions whose calls are wanted.
        by_start: The index of each token, by its offset.
        attached: The indexes of the refs that were found after a table's name.
    """

    text: str
    tokens: tuple[Token, ...]
    masked: Masked
    functions: frozenset[str]
    by_start: dict[int, int]
    attached: set[int] = field(default_factory=set)

    def name_of(self, identifier: exp.Expr) -> str:
        """Returns the name that an identifier of the tree has in the user's text.

        Raises:
            MisreadError: There is no name at its position.
        """
        return self.tokens[self._index_of(identifier)].name

    def start_of(self, identifier: exp.Expr) -> int:
        """Returns the offset of an identifier of the tree in the user's text, as ``name_of``."""
        return self.tokens[self._index_of(identifier)].start

    def table(
        self, node: exp.Table, *, at: Place, predicates: tuple[Predicate, ...] = ()
    ) -> TableReference | None:
        """Reads a reference to a table, which is ``at`` a position according to the tree.

        It is None if it has more than three parts or is a listing (``SHOW TABLES`` in parentheses).

        Raises:
            InvalidInput: It has two refs.
            MisreadError: The tokens show something else.
        """
        parts = [node.args.get("catalog"), node.args.get("db"), node.this]
        present = [part for part in parts if part]
        if not all(isinstance(part, exp.Identifier) for part in present):
            return None
        indexes = [self._index_of(part) for part in present]
        if len(indexes) == 1 and self.tokens[indexes[0]].word in RESERVED:
            raise MisreadError(self.tokens[indexes[0]].start)
        extent = self._extent(node, indexes[0], indexes[-1])
        stands = self._place(extent.first) if at is Place.SOURCE else at
        if stands is Place.DESCRIBE and extent.ref is None and lists(self.tokens, extent.first - 1):
            return None
        first = extent.first
        if at is Place.SOURCE and word_at(self.tokens, first - 1) == "table":
            first -= 1
        span = (self.tokens[first].start, self.tokens[extent.last].end)
        name = tuple(self.tokens[index].name for index in indexes)
        return TableReference(
            span, name, extent.ref, extent.alias, extent.columns, predicates, stands
        )

    def function(self, node: exp.Table) -> FunctionReference | None:
        """Reads a call if it is one of the wanted table functions.

        Raises:
            InvalidInput: An argument is not a literal.
        """
        offset = node.this.meta.get("start")
        index = self.by_start.get(self.masked.start + offset) if offset is not None else None
        if index is None or node.args.get("db"):
            return None
        name = fold(self.tokens[index].name)
        if name not in self.functions or self.tokens[index + 1].text != "(":
            return None
        last = closing(self.tokens, index + 1)
        values, keywords = read_arguments(self.text, self.tokens[index : last + 1])
        extent = self._extent(node, index, last)
        span = (self.tokens[extent.first].start, self.tokens[extent.last].end)
        return FunctionReference(span, name, values, keywords, extent.alias, extent.columns)

    def copied(self, node: exp.Expr) -> TableReference | None:
        """Reads the table of ``COPY t (a, b) TO``."""
        table = node.this if isinstance(node, exp.Schema) else node
        if not isinstance(table, exp.Table):
            return None
        found = self.table(table, at=Place.COPY)
        if found is None or not isinstance(node, exp.Schema):
            return found
        columns = tuple(self.name_of(column) for column in node.expressions)
        last = self._index_of(node.expressions[-1]) + 1
        span = (found.span[0], self.tokens[last].end)
        return replace(found, span=span, alias=None, column_aliases=columns)

    def _extent(self, node: exp.Table, first: int, last: int) -> _Extent:
        """Adds ref, alias, columns and AT clause to the tokens of a name or call."""
        refs: list[RefText] = []
        last = self._take_ref(last, refs)
        alias: str | None = None
        columns: tuple[str, ...] = ()
        given = node.args.get("alias")
        if isinstance(given, exp.TableAlias) and isinstance(given.this, exp.Identifier):
            index = self._index_of(given.this)
            alias = self.tokens[index].name
            if index < first:
                first = index
            elif self.tokens[index].word in RESERVED:
                raise MisreadError(self.tokens[index].start)
            else:
                last = index
                if given.args.get("columns"):
                    columns = self._columns(index + 1)
                    last = closing(self.tokens, index + 1)
        elif given is not None:
            raise MisreadError(self.tokens[first].start)
        last = self._take_ref(last, refs)
        if len(refs) > 1:
            where = line_and_column(self.text, refs[1].span[0])
            raise InvalidInput(
                f"the table {self.tokens[first].name!r} has a second ref at {where}",
                hint="give either table@ref or AT (VERSION => …)",
            )
        return _Extent(first, last, refs[0] if refs else None, alias, columns)

    def _take_ref(self, last: int, refs: list[RefText]) -> int:
        """Adds the ref after a token, if there is one, and returns the last index with it."""
        follows = self.masked.refs.get(last + 1)
        if follows is None:
            return last
        self.attached.add(last + 1)
        refs.append(follows[0])
        return follows[1]

    def _columns(self, opening: int) -> tuple[str, ...]:
        """Reads the names in parentheses that begin at a token."""
        inside = self.tokens[opening + 1 : closing(self.tokens, opening)]
        return tuple(
            token.name
            for index, token in enumerate(inside)
            if token.kind in NAME_KINDS and (index == 0 or inside[index - 1].text == ",")
        )

    def _place(self, first: int) -> Place:
        word = word_at(self.tokens, first - 1)
        if word == "table":
            described = word_at(self.tokens, first - 2) in DESCRIBE_WORDS
            return Place.DESCRIBE if described else Place.TABLE_COMMAND
        return Place.DESCRIBE if word in DESCRIBE_WORDS else Place.SOURCE

    def _index_of(self, identifier: exp.Expr) -> int:
        """Returns the index of an identifier's token.

        Raises:
            MisreadError: There is no name at its position.
        """
        start, end = identifier.meta.get("start"), identifier.meta.get("end")
        if start is None or end is None:
            raise MisreadError(self.masked.start)
        index = self.by_start.get(self.masked.start + start)
        if index is None or self.tokens[index].kind not in _NAMES:
            raise MisreadError(self.masked.start + start)
        if self.tokens[index].end != self.masked.start + end + 1:
            raise MisreadError(self.masked.start + start)
        return index
