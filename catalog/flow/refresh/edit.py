"""Bringing a derived table to the rows that its definition yields, touching only what differs."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass, replace
from catalog.engine.connection import single_row
from catalog.errors import ErrorKind, InvalidInput
from catalog.flow.refresh.sameness import is_same, rounded
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition, key_text
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.write.conditions import all_same
from catalog.write.context import WriteContext
from catalog.write.files.key_pruning import check_unique, key_pruner
from catalog.write.files.rewrite import FileEdit
from catalog.write.rows.landing import Landed, data_errors
from catalog.write.rows.target_schema import WriteRequest, shape_with, stage
from catalog.write.rows.write import add_sorted
from catalog.write.table_write import TableWrite
from catalog.write.working_table import WorkingTable

_OTHER_KEY = "name key columns that tell the rows of the result apart, or none"


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a derived table that was computed again.

    Attributes:
        column: The column that tells the parts apart.
        values: A table of the engine with the values of that column, called ``value``, that were
            computed again; NULL may be one.
    """

    column: str
    values: str


@dataclass(frozen=True, slots=True)
class Edit:
    """How a derived table comes to the rows that its definition yields.

    Attributes:
        shape: The table's shape afterwards.
        change: The files that go and come.
        rows: The rows that were computed.
        inserted: Rows that came, of those.
        updated: Rows whose values changed.
        deleted: Rows that went.
    """

    shape: TableSnapshot
    change: FileEdit
    rows: int
    inserted: int = 0
    updated: int = 0
    deleted: int = 0


class MustBeWholeError(Exception):
    """The part that was computed does not fit the table as it is: all of it must be computed.

    Its text says why.
    """


def edit_table(
    context: WriteContext,
    table: WorkingTable,
    landed: Landed,
    *,
    request: WriteRequest,
    part: Part | None = None,
) -> Edit:
    """Writes the rows that differ from those of a table, in place of them; nothing is staged.

    Rows go together by the table's key; without one, as multisets, floats rounded. A partition
    without a row that differs keeps its files.

    Args:
        context: The engine, where the rows have landed, and where files go.
        table: The table as it is.
        landed: The rows; they are dropped in the end.
        request: Key and partition columns.
        part: The part of the table that they stand for; None means all of it.

    Raises:
        InvalidInput: Rows share a key, or key and partition columns do not fit them.
        MustBeWholeError: They are a part, but have other columns than the table.
    """
    try:
        shape = shape_with(table, landed, request)
        with data_errors():
            stage(context, landed, shape)
        write = TableWrite(context, table, shape)
        (rows,) = single_row(context.con, f"SELECT count(*) FROM {landed.table}")
        if shape.key:
            check_unique(context.con, shape, landed.table, name=table.name, advice=_OTHER_KEY)
        if table.snapshot is None or not _is_alike(table.snapshot, shape):
            if part is not None:
                raise MustBeWholeError("its columns have changed")
            gone = list(table.files(context.commits)) if table.snapshot is not None else []
            deleted = sum(file.rows for file in gone)
            change = add_sorted(write, _in_order(write, landed.table), gone, append=False)
            return Edit(shape, change, rows, inserted=rows, deleted=deleted)
        return _Comparison(write, landed.table, part).edit(rows)
    finally:
        context.con.execute(f"DROP TABLE IF EXISTS {landed.table}")


def _is_alike(old: TableSnapshot, new: TableSnapshot) -> bool:
    """Returns whether rows of two shapes can be compared, and stay in the same files."""
    return (old.schema, old.key, old.partition_by) == (new.schema, new.key, new.partition_by)


def _in_order(write: TableWrite, rows: str) -> str:
    """Returns a table of the same rows, in an order that does not depend on how they came.

    Files are sorted by key when they are written: only rows without one need an order of theirs.
    """
    if write.shape.key:
        return rows
    name = write.context.work.name("ordered")
    write.con.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {rows} ORDER BY ALL")
    return name


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A comparison of rows that come with those of a table that are to be like them."""

    write: TableWrite
    fresh: str
    part: Part | None

    @property
    def fields(self) -> tuple[Field, ...]:
        return self.write.shape.schema.fields

    def edit(self, rows: int) -> Edit:
        """Compares, and writes the partitions in which something differs."""
        con, name = self.write.con, self.write.context.work.name
        files = self._files()
        old, pairs, touched, after = (name(w) for w in ("old", "pairs", "touched", "after"))
        columns = ", ".join(f"c{f.id}" for f in self.fields)
        inside = "true" if self.part is None else self._inside(self.part)
        relation = self.write.context.relation(self.write.shape, files)
        try:
            con.execute(
                f"CREATE TEMP TABLE {old} AS SELECT {columns}, {inside} AS inside FROM {relation}"
            )
            self._pair(old, pairs)
            inserted, updated, deleted = single_row(
                con,
                "SELECT count(*) FILTER (WHERE o IS NULL), count(*) FILTER (WHERE o IS NOT NULL "
                f"AND n IS NOT NULL AND differs), count(*) FILTER (WHERE n IS NULL) FROM {pairs}",
            )
            if inserted and self.part is not None:
                self._check_keys_elsewhere(pairs, files)
            if not (inserted or updated or deleted):
                return Edit(self.write.shape, FileEdit(), rows)
            changed = self._touched(old, pairs, touched)
            self._after(old, pairs, touched, after)
            gone = [file for file in files if file.partition in changed]
            change = add_sorted(self.write, _in_order(self.write, after), gone, append=False)
            return Edit(
                self.write.shape,
                change,
                rows,
                inserted=inserted,
                updated=updated,
                deleted=deleted,
            )
        finally:
            for table in (old, pairs, touched, after):
                con.execute(f"DROP TABLE IF EXISTS {table}")

    def _files(self) -> Sequence[DataFile]:
        """Returns the files that may hold rows of the part: those of whole partitions.

        A part is a matter of partitions if its column is one of theirs; else all files count.
        """
        write, part = self.write, self.part
        listed = list(write.table.files(write.context.commits))
        ids = {f.name: f.id for f in write.shape.schema.fields}
        if part is not None and ids[part.column] in write.shape.partition_by:
            place = write.shape.partition_by.index(ids[part.column])
            values = write.context.work.name("values")
            write.con.execute(
                f"CREATE TEMP TABLE {values} AS SELECT value AS c{ids[part.column]} "
                f"FROM {part.values}"
            )
            single = replace(write.shape, partition_by=(ids[part.column],))
            known = {
                partition[0]
                for partition, _, _ in TableWrite(write.context, write.table, single)
                .adder(())
                .partitions(values)
            }
            listed = [file for file in listed if file.partition[place] in known]
        return write.context.verified(write.name, listed)

    def _inside(self, part: Part) -> str:
        """Returns the condition that a row of the table belongs to the part."""
        (column,) = (f"c{f.id}" for f in self.fields if f.name == part.column)
        return (
            f"({column} IN (SELECT value FROM {part.values} WHERE value IS NOT NULL) IS TRUE "
            f"OR ({column} IS NULL AND EXISTS (SELECT 1 FROM {part.values} WHERE value IS NULL)))"
        )

    def _pair(self, old: str, pairs: str) -> None:
        """Makes the table of pairs: row ids ``o`` and ``n``, one NULL if unmatched; ``differs``."""
        con, shape = self.write.con, self.write.shape
        if shape.key:
            same = " AND ".join(
                is_same(f"o.c{f.id}", f"n.c{f.id}", f.type)
                for f in self.fields
                if f.id not in shape.key
            )
            con.execute(
                f"CREATE TEMP TABLE {pairs} AS SELECT o.rowid AS o, n.rowid AS n, "
                f"NOT ({same or 'true'}) AS differs "
                f"FROM (SELECT *, rowid FROM {old} WHERE inside) o FULL JOIN "
                f"(SELECT *, rowid FROM {self.fresh}) n ON {all_same('o.c', 'n.c', shape.key)}"
            )
            return
        forms = [f"{rounded(f'c{f.id}', f.type)} AS f{f.id}" for f in self.fields]
        names = [f"f{f.id}" for f in self.fields]
        sides = [
            f"(SELECT *, row_number() OVER (PARTITION BY {', '.join(names)}) AS again "
            f"FROM (SELECT {', '.join(forms)}, rowid AS r FROM {table} WHERE {condition}))"
            for table, condition in ((old, "inside"), (self.fresh, "true"))
        ]
        con.execute(
            f"CREATE TEMP TABLE {pairs} AS SELECT o.r AS o, n.r AS n, false AS differs "
            f"FROM {sides[0]} o FULL JOIN {sides[1]} n ON {all_same('o.', 'n.', names)} "
            "AND o.again = n.again"
        )

    def _check_keys_elsewhere(self, pairs: str, files: Sequence[DataFile]) -> None:
        """Checks that keys that come are not those of rows outside of the part.

        Raises:
            InvalidInput: One is: the definition yields it twice.
        """
        write, part = self.write, self.part
        assert part is not None, "rows outside of a part are there only if there is one"
        key = write.shape.key
        ids = {f.name: f.id for f in self.fields}
        if not key or ids[part.column] in key:
            return
        con, come = write.con, write.context.work.name("come")
        chosen = ", ".join(f"c{i}" for i in key)
        con.execute(
            f"CREATE TEMP TABLE {come} AS SELECT {chosen} FROM {self.fresh} "
            f"WHERE rowid IN (SELECT n FROM {pairs} WHERE o IS NULL)"
        )
        there = write.files(key_pruner(con, write.shape, come))
        relation = write.context.relation(
            write.shape, there, columns=[*key, *({ids[part.column]} - set(key))]
        )
        shown = ", ".join(f"CAST(n.c{i} AS VARCHAR)" for i in key)
        found = con.sql(
            f"SELECT {shown} FROM (SELECT * FROM {relation} WHERE NOT {self._inside(part)}) o "
            f"JOIN {come} n ON {all_same('o.c', 'n.c', key)} LIMIT 1"
        ).fetchall()
        con.execute(f"DROP TABLE {come}")
        if found:
            raise InvalidInput(
                f"several rows for table {write.name} share the key "
                f"{key_text(write.shape.key_names, found[0])}",
                kind=ErrorKind.DUPLICATE_KEY,
                hint=_OTHER_KEY,
            )

    def _touched(self, old: str, pairs: str, touched: str) -> set[Partition]:
        """Makes a table of the partitions in which something differs, and returns them."""
        con, by = self.write.con, self.write.shape.partition_by
        columns = ", ".join(f"c{i}" for i in by) or "true AS whole"
        con.execute(
            f"CREATE TEMP TABLE {touched} AS "
            f"SELECT DISTINCT {columns} FROM {old} WHERE rowid IN "
            f"(SELECT o FROM {pairs} WHERE n IS NULL OR differs) "
            f"UNION SELECT DISTINCT {columns} FROM {self.fresh} WHERE rowid IN "
            f"(SELECT n FROM {pairs} WHERE o IS NULL OR differs)"
        )
        if not by:
            return {()}
        writer = self.write.adder(())
        return {partition for partition, _, _ in writer.partitions(touched)}

    def _after(self, old: str, pairs: str, touched: str, after: str) -> None:
        """Makes a table of all rows of the partitions in which something differs.

        Values that are the same stay as they are, to the last bit.
        """
        shape = self.write.shape
        here = all_same("t.c", "r.c", shape.partition_by)
        columns = ", ".join(f"c{f.id}" for f in self.fields)
        kept = "true" if shape.key else "false"
        values = ", ".join(
            f"CASE WHEN o.rowid IS NULL THEN n.c{f.id} "
            f"WHEN {is_same(f'o.c{f.id}', f'n.c{f.id}', f.type)} OR NOT {kept} THEN o.c{f.id} "
            f"ELSE n.c{f.id} END AS c{f.id}"
            for f in self.fields
        )
        self.write.con.execute(
            f"CREATE TEMP TABLE {after} AS SELECT {columns} FROM ("
            f"SELECT {columns} FROM {old} WHERE NOT inside UNION ALL "
            f"SELECT {values} FROM (SELECT * FROM {pairs} WHERE n IS NOT NULL) p "
            f"JOIN (SELECT *, rowid FROM {self.fresh}) n ON n.rowid = p.n "
            f"LEFT JOIN (SELECT *, rowid FROM {old}) o ON o.rowid = p.o) r "
            f"WHERE EXISTS (SELECT 1 FROM {touched} t WHERE {here})"
        )
