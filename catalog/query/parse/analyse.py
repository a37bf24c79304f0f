"""Analyses SQL text for the versioned tables in it.

The text is never changed here and never regenerated: ``analyse`` returns which spans of it name
tables and at which refs; ``splice`` replaces just those. The steps:

1. ``lexer`` cuts the text into tokens by DuckDB's rules; ``outline`` splits it into statements.
2. ``masking`` covers refs, comments and unusual strings, keeping every position.
3. ``dialect`` parses the masked statement; ``scopes`` finds its tables, ``conjuncts`` the
   predicates.
4. ``table_references`` reads each table from the tokens at its position. Every masked ref must
   have been found after a table's name; otherwise the statement counts as not parsed.
"""

from dataclasses import replace
from itertools import pairwise

from sqlglot import exp

from catalog.errors import ErrorKind, InvalidInput
from catalog.model.texts import check_text
from catalog.query.parse.conjuncts import predicates_of_target, prunable
from catalog.query.parse.dialect import NotUnderstoodError, parse
from catalog.query.parse.keywords import fold
from catalog.query.parse.lexer import NAME_KINDS, Token, TokenKind, line_and_column, tokenize
from catalog.query.parse.masking import lists, mask
from catalog.query.parse.merge_source import merge_source
from catalog.query.parse.nesting import depth, with_stack
from catalog.query.parse.outline import Outline, outlines
from catalog.query.parse.scopes import tables_read
from catalog.query.parse.statements import (
    FunctionReference,
    Place,
    Span,
    Statement,
    StatementKind,
    TableReference,
    TargetKind,
)
from catalog.query.parse.table_references import MisreadError, Reader
from catalog.query.parse.targets import named_target

_TARGET_BY_TOKENS = frozenset({StatementKind.ALTER, StatementKind.DROP, StatementKind.TRUNCATE})

_NAMES_OBJECTS_ONLY = (exp.Comment, exp.Analyze, exp.Use)
"""Statements whose tables are neither read nor written."""

_HOW_TO_WRITE_REFS = (
    "expected table@ref, without blanks, with unusual refs and names that are keywords in double "
    "quotes,"
)

_TARGET_KINDS = {kind.upper(): kind for kind in TargetKind}


def analyse(text: str, *, functions: frozenset[str] = frozenset()) -> tuple[Statement, ...]:
    """Finds the statements of a text, the tables that each reads and writes, and their refs.

    Args:
        text: SQL, possibly of many statements.
        functions: Names of table functions whose calls in FROM clauses are wanted.

    Returns:
        The statements in order, without empty ones. One that cannot be understood has
        an ``error``.

    Raises:
        InvalidInput: The text is not valid Unicode text; a ref cannot be read, is given twice, or
            is not a literal in ``AT (…)``; or an argument of one of ``functions`` is not a literal.

    Example:
        >>> statement, = analyse("SELECT * FROM orders@main~1 o WHERE o.id = 5")
        >>> statement.references[0].ref.text, statement.references[0].alias
        ('main~1', 'o')
    """
    check_text(text, "SQL")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            "the SQL is not valid Unicode: it has bytes of another encoding",
            kind=ErrorKind.NOT_UNICODE,
        ) from error
    wanted = frozenset(fold(name) for name in functions)
    return tuple(_statement(text, outline, wanted) for outline in outlines(tokenize(text)))


def _statement(text: str, outline: Outline, functions: frozenset[str]) -> Statement:
    tokens = outline.tokens
    span = (tokens[0].start, tokens[-1].end)
    identifiers = frozenset(fold(token.name) for token in tokens if token.kind in NAME_KINDS)
    masked = mask(text, outline, functions)
    known = Statement(
        span,
        text[span[0] : span[1]],
        outline.kind,
        identifiers=identifiers,
        explicit_refs=bool(masked.refs),
    )
    by_start = {token.start: at for at, token in enumerate(tokens)}
    reader = Reader(text, tokens, masked, functions, by_start)
    try:
        return with_stack(depth(tokens), lambda: _completed(known, outline, reader))
    except NotUnderstoodError as error:
        reason, offset = error.reason, masked.start + error.offset
    except MisreadError as error:
        reason, offset = "the names are ambiguous", error.offset
    stray = _stray_at(tokens)
    if stray is not None:
        reason, offset = _HOW_TO_WRITE_REFS, stray.start
    return replace(known, error=f"{reason} at {line_and_column(text, offset)}")


def _stray_at(tokens: tuple[Token, ...]) -> Token | None:
    """Returns an ``@`` after a name that may have been meant as a ref."""
    for name, token in pairwise(tokens):
        begins = token.text[0] == "@" and token.kind is TokenKind.SYMBOL and token.text != "@>"
        if begins and name.kind in NAME_KINDS | {TokenKind.STRING}:
            return token
    return None


def _completed(known: Statement, outline: Outline, reader: Reader) -> Statement:
    """Completes what is known about a statement.

    ``SHOW TABLES`` and the like, and ``DESCRIBE`` alone, are complete.

    Raises:
        MisreadError: The syntax tree does not fit the tokens.
        NotUnderstoodError: The statement cannot be parsed, or a ref follows no table's name.
    """
    tokens, kind, masked = outline.tokens, outline.body_kind, reader.masked
    if tokens[-1].kind is TokenKind.UNTERMINATED:
        offset = tokens[-1].start - masked.start
        raise NotUnderstoodError("an unterminated string, name or comment", offset=offset)
    describes_nothing = outline.body_kind is StatementKind.DESCRIBE and (
        outline.body + 1 == len(tokens) or lists(tokens, outline.body)
    )
    if kind is StatementKind.TRANSACTION or describes_nothing:
        statement = known
    elif kind in _TARGET_BY_TOKENS:
        target, target_kind = named_target(tokens, outline.body)
        reader.attached.update(masked.refs if target is not None and target.ref else ())
        statement = replace(known, target=target, target_kind=target_kind)
    else:
        statement = _read_tree(parse(masked.text), reader, known)
    for index in masked.refs:
        if index not in reader.attached:
            offset = tokens[index].start - masked.start
            raise NotUnderstoodError("a ref that does not follow a table name", offset=offset)
    return statement


def _read_tree(root: exp.Expr, reader: Reader, known: Statement) -> Statement:
    """Reads target, references and functions of a parsed statement."""
    target_node, target_kind = _target(root)
    references: list[TableReference] = []
    calls: list[FunctionReference] = []
    copied = root.this if isinstance(root, exp.Copy) and not root.args.get("kind") else None
    is_macro = isinstance(root, exp.Create) and isinstance(root.this, exp.UserDefinedFunction)
    prunes = prunable(known.identifiers) and not is_macro
    for found in tables_read(root, name_of=reader.name_of, prunes=prunes):
        node = found.node
        if node is target_node or _only_named(root, node):
            continue
        if isinstance(node.this, exp.Func):
            call = reader.function(node)
            calls += [call] if call is not None else []
            continue
        if copied is not None and (node is copied or node is copied.this):
            reference = reader.copied(copied)
        else:
            reference = reader.table(node, at=Place.SOURCE, predicates=found.predicates)
        if reference is not None and (reference.explicit or not found.is_cte):
            references.append(reference)
    target = None
    if target_node is not None:
        predicates = predicates_of_target(root) if prunes else ()
        target = reader.table(target_node, at=Place.TARGET, predicates=predicates)
    references.sort(key=lambda reference: reference.span)
    return replace(
        known,
        references=_with_qualifiers(root, reader, references),
        functions=tuple(sorted(calls, key=lambda call: call.span)),
        target=None if target is None else _with_qualifiers(root, reader, [target])[0],
        target_kind=target_kind,
        temporary=_is_temporary(root, reader),
        source=merge_source(root, reader),
    )


def _target(root: exp.Expr) -> tuple[exp.Table | None, TargetKind | None]:
    """Returns the node of the table that a statement writes, and what it is said to be."""
    node, kind = root.this, TargetKind.TABLE
    if isinstance(root, exp.Create):
        if isinstance(node, exp.Index):
            node = node.args.get("table")
        elif root.kind in _TARGET_KINDS:
            kind = _TARGET_KINDS[root.kind]
        else:
            return None, None
    elif not isinstance(root, (exp.Insert, exp.Update, exp.Delete, exp.Merge)) and not (
        isinstance(root, exp.Copy) and root.args.get("kind")
    ):
        return None, None
    node = node.this if isinstance(node, exp.Schema) else node
    return (node, kind) if isinstance(node, exp.Table) else (None, None)


def _only_named(root: exp.Expr, node: exp.Table) -> bool:
    """Returns whether a statement names a table without reading it, as ``CREATE SCHEMA s`` does."""
    if isinstance(root, exp.Create) and root.kind not in _TARGET_KINDS:
        return node is root.this
    return isinstance(root, _NAMES_OBJECTS_ONLY)


def _is_temporary(root: exp.Expr, reader: Reader) -> bool:
    """Returns whether ``CREATE [OR REPLACE] TEMP …`` begins the statement."""
    if not isinstance(root, exp.Create):
        return False
    words = [token.word for token in reader.tokens]
    begin = words.index("create")
    return not {"temp", "temporary"}.isdisjoint(words[begin + 1 : begin + 4])


def _with_qualifiers(
    root: exp.Expr, reader: Reader, references: list[TableReference]
) -> tuple[TableReference, ...]:
    """Adds to each reference of several parts the qualifiers in columns that mean it."""
    if all(len(reference.name) == 1 or reference.alias for reference in references):
        return tuple(references)
    columns = [column.parts for column in root.find_all(exp.Column) if column.args.get("db")]
    return tuple(
        replace(reference, qualifiers=_qualifiers(reference, columns, reader))
        for reference in references
    )


def _qualifiers(
    reference: TableReference, columns: list[list[exp.Expr]], reader: Reader
) -> tuple[Span, ...]:
    """Returns the spans before the table's name in columns qualified by more than that name."""
    if reference.alias is not None:
        return ()
    name = tuple(fold(part) for part in reference.name)
    spans: list[Span] = []
    for parts in columns:
        if not all(isinstance(part, exp.Identifier) for part in parts[:-1]):
            continue
        named = tuple(fold(reader.name_of(part)) for part in parts[:-1])
        for count in range(min(len(named), len(name)), 1, -1):
            if named[:count] == name[-count:]:
                spans.append((reader.start_of(parts[0]), reader.start_of(parts[count - 1])))
                break
    return tuple(sorted(spans))
