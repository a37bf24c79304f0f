"""Questions about the past of a row: which row is meant, and the answers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from catalog.dataclasses import dataclass, replace
from catalog.diff.column_matching import match_columns
from catalog.engine.failures import engine_errors
from catalog.engine.workspace import Workspace
from catalog.errors import ErrorKind, InvalidInput, NotFound
from catalog.hints import Call, hint
from catalog.model.names import canonical_name
from catalog.model.row_history import Blame, RowHistory, RowState
from catalog.model.schema import Field
from catalog.model.texts import check_integer, check_text, listed
from catalog.operations.context import OperationContext
from catalog.operations.rows.blame import Blaming
from catalog.operations.rows.comparison import compared
from catalog.operations.rows.found import FoundRows, TooManyRows
from catalog.operations.rows.key import KeyColumn, RowKey, column_named, stated_key
from catalog.operations.rows.past import Past
from catalog.operations.rows.walk import RowWalk, State
from catalog.operations.tables import find_table, stored_table
from catalog.repository.commits import StoredTable
from catalog.repository.history import first_parents
from catalog.repository.repository import DEFAULT_BRANCH, Repository
from catalog.repository.resolve import ResolvedRef

QUICK_FILES = 100
"""Files that may be opened to say when a row was deleted that is asked for and not there."""


def blame(
    context: OperationContext,
    name: str,
    key: Mapping[str, object],
    *,
    ref: str,
    columns: Sequence[str] | None,
) -> Blame:
    """Returns which commits made a row what it is; see ``Catalog.blame``."""
    with _walking(context) as rows:
        resolved = context.resolve(ref)
        table = stored_table(context.repository, name, resolved)
        schema = table.snapshot.schema
        names = None if columns is None else listed(columns, "columns")
        wanted = schema.fields if names is None else [column_named(schema, c) for c in names]
        walk, start = rows.start(table, resolved, key)
        if not start.rows:
            raise _not_there(walk, start, ref)
        blaming = Blaming(walk)
        found = blaming.rows(start, [f.id for f in dict.fromkeys(wanted)])
        return Blame(
            table.name,
            ref,
            resolved.commit_id,
            _key_values(walk, start, found[0].values),
            found,
            tuple(dict.fromkeys(blaming.gaps)),
            len(walk.found.opened),
        )


def row_history(
    context: OperationContext,
    name: str,
    key: Mapping[str, object],
    *,
    ref: str,
    limit: int | None,
) -> RowHistory:
    """Returns the states of a row, newest first; see ``Catalog.history``."""
    if limit is not None:
        check_integer(limit, "limit", least=0)
    with _walking(context) as rows:
        resolved = context.resolve(ref)
        table = find_table(context.repository, name, resolved)
        if table is None:
            walk, start = rows.start_without(_last_of(context.repository, name, resolved), key)
            start = replace(start, commit_id=resolved.commit_id)
        else:
            walk, start = rows.start(table, resolved, key)
        past = Past(walk)
        states, more = _newest(past, start, limit)
        values = next((s.after or s.before for s in states if s.table == start.name), None)
        return RowHistory(
            start.name,
            ref,
            resolved.commit_id,
            _key_values(walk, start, values or {}),
            states,
            more,
            tuple(dict.fromkeys(past.gaps)),
            len(walk.found.opened),
        )


def _newest(past: Past, start: State, limit: int | None) -> tuple[tuple[RowState, ...], bool]:
    """Returns the newest states, and whether there are more."""
    groups: list[list[RowState]] = []
    for found in past.changes(start):
        groups.append(found)
        if limit is not None and sum(map(len, groups)) > limit:
            break
    states = [
        replace(one, change="reinserted") if n in past.again and one.change == "inserted" else one
        for n, group in enumerate(groups)
        for one in group
    ]
    more = limit is not None and len(states) > limit
    return tuple(states[:limit] if more else states), more


@contextmanager
def _walking(context: OperationContext) -> "Iterator[_Rows]":
    work = Workspace(store=context.repository.store)
    try:
        with engine_errors():
            yield _Rows(context.repository, work)
    finally:
        work.close()


@dataclass(frozen=True, slots=True)
class _Rows:
    """Finds the row that a key means.

    Attributes:
        work: The engine.
    """

    repository: Repository
    work: Workspace

    def start(
        self, table: StoredTable, ref: ResolvedRef, stated: Mapping[str, object]
    ) -> tuple[RowWalk, State]:
        """Returns the rows of a key at a commit.

        Where other columns than the table's key tell which row is meant, it is followed by the
        key that it has.

        Raises:
            InvalidInput: Several rows have those values.
        """
        _check(stated)
        key, fields = stated_key(table.snapshot.schema, stated, lambda: self.work.con)
        found = FoundRows(self.repository, self.work)
        walk = RowWalk(self.repository, found, key)
        own = table.snapshot.fields(table.snapshot.key)
        whole = bool(own) and {f.id for f in own} == {f.id for f in fields}
        try:
            start = walk.at(ref.commit_id, table, fields)
        except TooManyRows as error:
            if whole:
                raise
            count = walk.count(ref.commit_id, table, fields)
            raise _several(table, key, ref.text, count=count) from error
        if not start.rows or whole:
            return walk, start
        if len(start.rows) > 1 and (own or not _all_equal(found, start)):
            raise _several(table, key, ref.text, count=len(start.rows))
        if not own:
            return walk, start
        walk = RowWalk(self.repository, found, self._key_of(found, start, own))
        return walk, walk.at(ref.commit_id, table, own)

    def start_without(
        self, last: tuple[str, StoredTable], stated: Mapping[str, object]
    ) -> tuple[RowWalk, State]:
        """Returns the rows of a key where there is no table, as it was stated for an older one."""
        _check(stated)
        commit_id, table = last
        key, fields = stated_key(table.snapshot.schema, stated, lambda: self.work.con)
        walk = RowWalk(self.repository, FoundRows(self.repository, self.work), key)
        return walk, State(commit_id, table.name, None, fields)

    def _key_of(self, found: FoundRows, start: State, own: Sequence[Field]) -> RowKey:
        """Returns the key of the one row of a state."""
        texts = ", ".join(f"CAST(c{f.id} AS VARCHAR)" for f in own)
        (values,) = found.query(f"SELECT {texts} FROM {found.select(start.snapshot, start.rows)}")
        pairs = zip(own, values, strict=True)
        return RowKey(
            tuple(KeyColumn(f.name, f.type, None if v is None else str(v)) for f, v in pairs)
        )


def _check(stated: object) -> None:
    """Checks that a key is a dictionary by column.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(stated, Mapping):
        raise InvalidInput(
            f"a key must be a dictionary of values by column, not {stated!r}",
            hint="key={'order_id': 5}",
        )
    for name in stated:
        check_text(name, "a column of a key")


def _all_equal(found: FoundRows, start: State) -> bool:
    """Returns whether all rows of a state are the same."""
    match = match_columns(start.snapshot, start.snapshot, None)
    first = [start.rows[0]] * len(start.rows)
    return compared(found, match, first, start.rows).same


def _last_of(repository: Repository, name: str, ref: ResolvedRef) -> tuple[str, StoredTable]:
    """Returns the last commit on a ref's line of first parents that has a table.

    Raises:
        NotFound: None has.
    """
    name = canonical_name(name)
    folded = name.casefold()
    for logged in first_parents(repository.commits.read, ref.commit_id):
        if logged.commit.parents and folded in map(str.casefold, logged.commit.changes):
            parent = logged.commit.parents[0]
            entry = repository.commits.entry(parent, name)
            if entry is not None:
                return parent, repository.commits.table(entry)
    stored_table(repository, name, ref)
    raise AssertionError("a table is there that was not there")


def _several(table: StoredTable, key: RowKey, ref: str, *, count: int) -> InvalidInput:
    own = table.snapshot.key_names
    return InvalidInput(
        f"{count:,} rows of {table.name} at {ref} have {key}: "
        "that does not say which of them is meant",
        kind=ErrorKind.BAD_KEY,
        hint=f"name all columns of its key: {', '.join(own)}" if own else "name more columns",
    )


def _not_there(walk: RowWalk, start: State, ref: str) -> NotFound:
    """Returns the error for a row that is not there: it says who deleted it, if that is near."""
    message = f"no row of {start.name} at {ref} has {walk.key}"
    for states in Past(walk, QUICK_FILES).changes(start):
        commit = states[0].commit
        if states[0].change == "deleted":
            first, who = commit.message.partition("\n")[0], commit.author
            message += f"; it was deleted in {commit.id[:8]} by {who}: {first}"
        break
    texts = {column.name: column.text for column in walk.key.columns}
    key = {name: text for name, text in texts.items() if text is not None}
    past = Call("history", (start.name,), key=key)
    sayable = key == texts and ref == DEFAULT_BRANCH
    return NotFound(
        message,
        kind=ErrorKind.ROW_NOT_FOUND,
        hint=hint("see what became of it: {}", past) if sayable else "",
    )


def _key_values(walk: RowWalk, start: State, row: Mapping[str, object]) -> dict[str, object]:
    """Returns the key with its values, typed where a row has them."""
    pairs = zip(walk.key.columns, start.fields, strict=True)
    return {f.name: row.get(f.name, column.text) for column, f in pairs}
