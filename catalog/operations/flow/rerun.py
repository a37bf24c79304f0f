"""Statements that a commit recorded, run again on a scratch branch, reading what they read then."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from catalog.engine.quoting import identifier, literal
from catalog.engine.restricted import INTERRUPT_EVERY_S, time_is_over
from catalog.errors import ErrorKind, InvalidInput
from catalog.messages import MASK
from catalog.model.ids import random_id
from catalog.model.limits import Limits
from catalog.model.lineage import LineageEntry
from catalog.model.lineage_reading import lineage_entry
from catalog.operations.context import OperationContext
from catalog.operations.transaction import CatalogTransaction
from catalog.query.parse.analyse import analyse
from catalog.query.parse.keywords import fold
from catalog.query.parse.lexer import DEPTH, TokenKind, tokenize
from catalog.query.parse.statements import Place, Statement, StatementKind, TableReference
from catalog.query.splice import Replacement, splice
from catalog.query.stored.check import check_stored_select
from catalog.repository.commits import Commits
from catalog.write.transaction import Authorship

_QUERY_WORDS = ("select", "from", "with", "values", "table")
"""Words that begin the query of an INSERT."""


def only_selects(sql: str) -> bool:
    """Returns whether a statement fills a table with what a SELECT yields that may be stored.

    Such a one can do nothing but compute rows from tables of the catalog, and not take all memory.
    """
    statement = _single(sql)
    if statement is None or not statement.parsed or statement.target is None:
        return False
    if statement.kind not in (StatementKind.CREATE, StatementKind.INSERT):
        return False
    refs = [r.ref.span for r in statement.references if r.ref is not None]
    bare = splice(sql, [(span, "") for span in refs])
    begin = _query_start(bare, created=statement.kind is StatementKind.CREATE)
    if begin is None:
        return False
    try:
        return check_stored_select(bare[begin:], what="it").bounded
    except InvalidInput:
        return False


def _single(sql: str) -> Statement | None:
    """Returns the statement of a text; None if it is not exactly one, as a stranger may have it."""
    statements = analyse(sql)
    return statements[0] if len(statements) == 1 else None


def _query_start(sql: str, *, created: bool) -> int | None:
    """Returns where the query of CREATE TABLE … AS or of INSERT INTO … begins."""
    depth = 0
    for token in tokenize(sql):
        depth += DEPTH.get(token.text, 0)
        if depth == 0 and created and token.word == "as":
            return token.end
        if depth == 0 and not created and token.word in _QUERY_WORDS:
            return token.start
    return None


def run_statements(
    context: OperationContext, table: str, commit_id: str, entry: LineageEntry
) -> str:
    """Runs the SQL that wrote a table in a commit again, and returns the commit it makes.

    Args:
        context: A trial copy of the catalog: a branch and a commit are made there.
        table: The table.
        commit_id: The commit.
        entry: What it recorded of the table: statements of SQL.

    Raises:
        InvalidInput: It is not certain what a statement read, or what it ran with.
        NotFound: What it read is gone.
    """
    commits = context.repository.commits
    parents = commits.read(commit_id).parents
    if not parents:
        raise _unclear(table, "it is in the first commit")
    steps = entry.steps or (entry,)
    texts = [_pinned(commits, table, step, commit_id=commit_id) for step in steps]
    name = f"reproduce-{random_id()}"
    stamp = context.stamp("branch: for a reproduction")  # whether all is there shows as it is read
    context.repository.branches.create(name, parents[0], stamp)
    about = Authorship(name, context.author, "reproduction", allow_empty=True)
    with (
        CatalogTransaction(context, about, code={}) as transaction,
        _within(context.repository.limits, transaction.interrupt),
    ):
        for text in texts:
            transaction.sql(text)
    assert transaction.commit is not None, "an empty commit is allowed"
    return transaction.commit.id


@contextmanager
def _within(limits: Limits, interrupt: Callable[[], None]) -> Iterator[None]:
    """Stops what runs when its time is over.

    Raises:
        StorageFailure: It was stopped.
    """
    over, ended = Event(), Event()

    def stop() -> None:
        if not ended.wait(limits.time_s):
            over.set()
            while not ended.wait(INTERRUPT_EVERY_S):
                interrupt()

    watch = Thread(target=stop, daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()
        if over.is_set():
            raise time_is_over(limits) from None


def _pinned(commits: Commits, table: str, step: LineageEntry, *, commit_id: str) -> str:
    """Returns a statement with the commits that it read in place of its refs."""
    sql, parent = step.statement or "", commits.read(commit_id).parents[0]
    if any(token.kind is TokenKind.PARAMETER for token in tokenize(sql)):
        raise _unclear(table, "the values of its parameters are not recorded")
    if MASK in sql:
        raise _unclear(table, "a secret in it was not recorded")
    statement = _single(sql)
    if statement is None:
        raise _unclear(table, "what is recorded is not one statement")
    read: dict[str, list[str | None]] = {}
    for one in step.inputs:
        commit = one.commit
        if commit is None and one.table.casefold() != table.casefold():
            commit = _settled(commits, table, one.table, commit_id=commit_id)
        read.setdefault(one.table.casefold(), []).append(commit)
    changes: list[Replacement] = []
    for reference in statement.references:
        name = ".".join(reference.name).casefold()
        if name not in read:
            continue
        commit = _commit_of(table, statement, reference, known=read[name])
        if commit is not None and (reference.ref is not None or commit != parent):
            changes.append(_at(sql, reference, commit))
    return splice(sql, changes)


def _settled(commits: Commits, table: str, name: str, *, commit_id: str) -> str:
    """Returns the commit that has a table as the same transaction had changed it when it was read.

    That is certain only if the transaction did one thing to it.

    Raises:
        InvalidInput: It did more.
    """
    entry = commits.read(commit_id).lineage.get(name)
    done = None if entry is None else lineage_entry(entry)
    if done is None or done.operation in ("several", "unknown", "drop"):
        raise _unclear(table, f"it read {name} as the same transaction had changed it so far")
    return commit_id


def _commit_of(
    table: str, statement: Statement, reference: TableReference, *, known: Sequence[str | None]
) -> str | None:
    """Returns the commit that a reference was read at.

    If a table was read at several, they were recorded in the order of the references: as many
    different refs as commits are these commits.
    """
    if len(known) == 1:
        return known[0]
    name = fold(".".join(reference.name))
    refs = [
        _ref_text(statement, one)
        for one in statement.references
        if fold(".".join(one.name)) == name
    ]
    places = list(dict.fromkeys(refs))
    reads_target = statement.kind not in (StatementKind.CREATE, StatementKind.INSERT)
    if reads_target or len(places) != len(known):
        raise _unclear(table, f"it read {'.'.join(reference.name)} at several commits")
    return known[places.index(_ref_text(statement, reference))]


def _ref_text(statement: Statement, reference: TableReference) -> str | None:
    if reference.ref is None:
        return None
    start, (first, end) = statement.span[0], reference.ref.span
    return statement.text[first - start : end - start]


def _at(sql: str, reference: TableReference, commit: str) -> Replacement:
    """Returns what makes a reference read a commit."""
    if reference.ref is not None:
        span = reference.ref.span
        is_short = sql[span[0]] == "@"
        return span, f"@{commit}" if is_short else f"AT (VERSION => {literal(commit)})"
    if reference.place is not Place.SOURCE:
        raise InvalidInput(
            f"it is not certain what {'.'.join(reference.name)} was read as",
            kind=ErrorKind.NOT_REPRODUCIBLE,
        )
    name = ".".join(map(identifier, reference.name))
    alias = "" if reference.alias is None else f" AS {identifier(reference.alias)}"
    columns = ", ".join(map(identifier, reference.column_aliases))
    return reference.span, f"{name}@{commit}{alias}{f'({columns})' if columns else ''}"


def _unclear(table: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"the SQL that wrote table {table!r} cannot be run again: {why}",
        kind=ErrorKind.NOT_REPRODUCIBLE,
    )
