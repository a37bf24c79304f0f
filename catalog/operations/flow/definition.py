"""Definitions put into a commit to come: which shape they give their tables, and what is wrong."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import AlreadyExists, CatalogError, ErrorKind, InvalidInput
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.definitions import input_names, select_of
from catalog.flow.derivation.graph import Graph
from catalog.flow.derivation.keys import result_key
from catalog.flow.refresh.step import missing_input, spliced, step_errors
from catalog.hints import Blank, Option, hint
from catalog.model.derived import Definition, definition_of, is_derived, without_definition
from catalog.model.file_sets import is_file_set
from catalog.model.ids import random_id
from catalog.model.names import check_not_reserved, check_table_name
from catalog.model.schema import Schema
from catalog.model.table import TableSnapshot
from catalog.query.stored.engine import engine_for
from catalog.repository.commit_writer import TableUpdate
from catalog.write.context import WriteContext
from catalog.write.rows.landing import land_query
from catalog.write.rows.target_schema import WriteRequest, shape_with


@dataclass(frozen=True, slots=True)
class Derivation:
    """A table to be derived.

    Attributes:
        table: The table.
        definition: What it is computed by.
        key: Its key columns; None means those that the SQL groups by, or those that it has
            unless its SQL so far gave it them.
        partition_by: Its partition columns; None means those that it has.
        origin: Where the definition is written, for messages: ``models/daily.sql``.
    """

    table: str
    definition: Definition
    key: tuple[str, ...] | None = None
    partition_by: tuple[tuple[str, str | None], ...] | None = None
    origin: str = ""


def trimmed(one: Derivation) -> Derivation:
    """Returns a derivation without blanks around its SQL: they define nothing."""
    return replace(one, definition=replace(one.definition, sql=one.definition.sql.strip()))


@dataclass(slots=True)
class Definitions:
    """Puts definitions into a candidate, and finds all that is wrong with them.

    Attributes:
        replace_tables: Whether tables that are not derived may be replaced.
        compute: Whether the tables are computed afterwards.
        table_ids: Those of new tables: the same at every attempt, so that none is computed twice.
        requests: Key and partition columns of the tables of which something changed.
    """

    context: WriteContext
    candidate: Candidate
    replace_tables: bool
    compute: bool
    table_ids: dict[str, str]
    requests: dict[str, WriteRequest] = field(default_factory=dict)
    _shapes: dict[str, TableSnapshot] = field(default_factory=dict)
    _errors: list[CatalogError] = field(default_factory=list)
    _failed: set[str] = field(default_factory=set)

    def define(self, derivations: Sequence[Derivation]) -> list[str]:
        """Puts definitions into the candidate; returns the tables of which something changed.

        Raises:
            AlreadyExists: A table has the name that is not derived, and must not be replaced.
            InvalidInput: A definition is not valid, or an input is missing; where several are
                not, the message lists them all.
        """
        valid = [one for one in map(trimmed, derivations) if self._is_valid(one)]
        ordered = [] if self._errors and len(derivations) == 1 else self._ordered(valid)
        defined = []
        for one in ordered:
            read = {name.casefold() for name in input_names(one.definition, table=one.table)}
            if read & self._failed:
                self._failed.add(one.table.casefold())
                continue
            with self._collected(one):
                if self._put(one):
                    defined.append(one.table)
        self._raise(len(derivations))
        return defined

    @contextmanager
    def _collected(self, one: Derivation) -> Iterator[None]:
        try:
            yield
        except (InvalidInput, AlreadyExists) as error:
            self._failed.add(one.table.casefold())
            where = f"{one.origin}: " if one.origin else ""
            self._errors.append(
                type(error)(f"{where}{error.message}", kind=error.kind, hint=error.advice)
            )

    def _raise(self, total: int) -> None:
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            listed = "".join(f"\n  {error.message}" for error in self._errors)
            raise InvalidInput(
                f"{len(self._errors)} of {total} definitions are not valid:{listed}",
                kind=ErrorKind.BAD_DEFINITION,
                hint=next((error.advice for error in self._errors if error.advice), ""),
            )

    def _is_valid(self, one: Derivation) -> bool:
        before = len(self._errors)
        with self._collected(one):
            check_table_name(one.table)
            input_names(one.definition, table=one.table)
        return len(self._errors) == before

    def _ordered(self, derivations: Sequence[Derivation]) -> list[Derivation]:
        """Returns the tables to define, each after those among them that it reads.

        Raises:
            InvalidInput: They read each other in a circle.
        """
        spelled: dict[str, Derivation] = {}
        folded: dict[str, Derivation] = {}
        for one in derivations:
            name = check_table_name(one.table)
            name = self.candidate.spelled(name) or name
            twice = folded.setdefault(name.casefold(), one)
            if twice is not one:
                where = f", in {twice.origin} and {one.origin}" if one.origin else ""
                raise InvalidInput(
                    f"table {name!r} is defined twice{where}", kind=ErrorKind.BAD_DEFINITION
                )
            spelled[name] = replace(one, table=name)
        graph = Graph(self.candidate, {name: one.definition for name, one in spelled.items()})
        return [spelled[name] for name in graph.order(spelled)]

    def _put(self, one: Derivation) -> bool:
        """Puts a definition into the candidate; returns whether something changed."""
        table = self.candidate.table(one.table)
        before = None if table is None else table.snapshot
        if before is None:
            check_not_reserved(one.table)
        elif is_file_set(before.properties):
            raise InvalidInput(
                f"table {one.table!r} is a file set, which only snapshots of files write",
                kind=ErrorKind.FILE_SET,
                hint="choose another name, or drop the table first: DROP TABLE",
            )
        elif not is_derived(before.properties) and not self.replace_tables:
            raise AlreadyExists(
                f"table {one.table!r} exists, and is not a derived table",
                kind=ErrorKind.TABLE_EXISTS,
                hint=hint("choose another name, or replace it: {}", Option("replace")),
            )
        shape, request = self._shape(one, before)
        self._shapes[one.table.casefold()] = shape
        if before is not None and _says_the_same(before, shape) and _has(before, one):
            return False
        self.requests[one.table] = request
        base = self.candidate.working(one.table).base
        if before is not None:
            if not self.compute and not _is_kept(before, shape):
                raise InvalidInput(
                    f"table {one.table!r} has to be computed: its key or its partition columns "
                    "are to be others",
                    kind=ErrorKind.BAD_DEFINITION,
                )
            shape = replace(before, properties=shape.properties, computed=None)
        self.candidate.put(TableUpdate(one.table, base, shape))
        return True

    def _shape(
        self, one: Derivation, before: TableSnapshot | None
    ) -> tuple[TableSnapshot, WriteRequest]:
        """Returns the shape that a definition gives its table, by running it on no rows."""
        context, candidate = self.context, self.candidate
        if one.definition.command:
            return self._command_shape(one, before)
        for name in input_names(one.definition, table=one.table):
            if candidate.spelled(name) is None:
                raise missing_input(one.table, name)
        files = dict.fromkeys(candidate.names(), ())
        with step_errors(one.table):
            select = select_of(one.definition.sql)
            with engine_for(
                select, store=context.store, limits=context.repository.limits
            ) as engine:
                query = spliced(context, engine, one.definition.sql, find=self._found, files=files)
                with engine.result(query, within=context.con, limit=0) as result:
                    names = result.names
                    landed = land_query(context.work, f"SELECT * FROM {result.table}", names)
            key = one.key
            if key is None:
                key = self._said_key(one.table, one.definition, names)
                if not key and before is not None and not self._is_said(one.table, before):
                    key = None
            request = WriteRequest("overwrite", key, one.partition_by)
            try:
                shape = shape_with(candidate.working(one.table), landed, request)
            finally:
                context.con.execute(f"DROP TABLE {landed.table}")
        properties = {**without_definition(shape.properties), **one.definition.properties()}
        table_id = shape.table_id or self.table_ids.setdefault(one.table, random_id())
        return replace(shape, properties=properties, table_id=table_id, computed=None), request

    def _command_shape(
        self, one: Derivation, before: TableSnapshot | None
    ) -> tuple[TableSnapshot, WriteRequest]:
        """Returns the shape of a table that a command computes: it has none before it ran."""
        for name in one.definition.inputs:
            if self.candidate.spelled(name) is None:
                raise missing_input(one.table, name)
        if not one.definition.output:
            raise InvalidInput(
                f"the definition of table {one.table!r} does not say where its command leaves it",
                kind=ErrorKind.BAD_DEFINITION,
                hint=hint("{}", Option("output", Blank("PATH"))),
            )
        if before is None and not self.compute:
            raise InvalidInput(
                f"table {one.table!r} has to be computed: nobody knows its columns before its "
                "command has run",
                kind=ErrorKind.BAD_DEFINITION,
            )
        if before is None:
            table_id = self.table_ids.setdefault(one.table, random_id())
            before = TableSnapshot(Schema(()), 0, table_id=table_id)
        properties = {**without_definition(before.properties), **one.definition.properties()}
        request = WriteRequest("overwrite", one.key, one.partition_by)
        return replace(before, properties=properties, computed=None), request

    def _said_key(
        self, table: str, definition: Definition, names: Sequence[str]
    ) -> tuple[str, ...]:
        """Returns the key that the SQL of a definition gives columns of some names."""
        columns: set[str] = set()
        for name in input_names(definition, table=table):
            spelled = self.candidate.spelled(name)
            if spelled is not None:
                columns.update(self._snapshot(spelled).schema.names)
        return result_key(definition.sql, names, input_columns=columns)

    def _is_said(self, table: str, before: TableSnapshot) -> bool:
        """Returns whether a table has the key that its SQL so far gave it, and nobody else did."""
        definition = definition_of(before.properties)
        if definition is None or not definition.sql:
            return False
        try:
            said = self._said_key(table, definition, before.schema.names)
        except InvalidInput:  # a definition that was valid for another release
            return False
        return said == before.key_names

    def _found(self, name: str) -> tuple[str, TableSnapshot]:
        spelled = self.candidate.spelled(name)
        assert spelled is not None, "the inputs were looked up before"
        return spelled, self._snapshot(spelled)

    def _snapshot(self, name: str) -> TableSnapshot:
        """Returns a table as it will be: a new definition may give it other columns."""
        table = self.candidate.table(name)
        assert table is not None, "it is spelled as the candidate has it"
        return self._shapes.get(name.casefold(), table.snapshot)


def _says_the_same(old: TableSnapshot, new: TableSnapshot) -> bool:
    return definition_of(old.properties) == definition_of(new.properties) and _is_kept(old, new)


def _has(table: TableSnapshot, one: Derivation) -> bool:
    """Returns whether a table has the key and the partition columns that are asked for."""
    names = tuple(name for name, _ in table.partition_fields)
    by = None if one.partition_by is None else tuple(name for name, _ in one.partition_by)
    return one.key in (None, table.key_names) and by in (None, names)


def _is_kept(old: TableSnapshot, new: TableSnapshot) -> bool:
    return (old.key_names, old.partition_fields) == (new.key_names, new.partition_fields)


def names_without(candidate: Candidate, kept: Collection[str]) -> list[str]:
    """Returns the tables that are derived by SQL, without some."""
    folded = {name.casefold() for name in kept}
    found = []
    for name in candidate.names():
        table = candidate.table(name)
        definition = None if table is None else definition_of(table.snapshot.properties)
        if definition is not None and definition.sql and name.casefold() not in folded:
            found.append(name)
    return found
