"""Upserts: rows that replace those of the same key, or are added."""

from collections.abc import Collection, Sequence

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.datafile import DataFile
from catalog.model.partition import key_text
from catalog.write.conditions import all_same, any_cell_differs, any_differs
from catalog.write.files.key_pruning import check_unique, key_pruner
from catalog.write.files.rewrite import FileEdit
from catalog.write.table_write import TableWrite


def upsert(write: TableWrite, staged: str, given: Collection[int]) -> FileEdit:
    """Writes rows in place of those of the same key, and adds the others.

    Rows that are the same already are left alone, and files without other rows are kept.
    Rows that are there keep the columns that are not given.

    Raises:
        InvalidInput: Rows that come share a key, or several rows of the table have one's.
    """
    con, name = write.con, write.context.work.name
    check_unique(con, write.shape, staged, name=write.name)
    files = write.files(key_pruner(con, write.shape, staged))
    matched = _Upsert(write, staged, frozenset(given), files, name("found"), name("hits"))
    fresh = name("fresh")
    try:
        matched.find()
        matched.check_single()
        matched.compare()
        columns = ", ".join(f"c{f.id}" for f in write.shape.schema.fields)
        con.execute(
            f"CREATE TEMP TABLE {fresh} AS "
            f"SELECT {columns} FROM {staged} "
            f"WHERE rowid NOT IN (SELECT source FROM {matched.found}) "
            f"UNION ALL SELECT {columns} FROM {matched.hits} WHERE gone"
        )
        return write.rewrite(files, matched.hits, fresh)
    finally:
        for table in (matched.found, matched.hits, fresh):
            con.execute(f"DROP TABLE IF EXISTS {table}")


@dataclass(frozen=True, slots=True)
class _Upsert:
    """An upsert under way.

    Attributes:
        found: A table of the engine, one row per row of the same key: ``file`` and ``place``
            of the row that is there, ``source``, the row id of the one that comes.
        hits: A table as ``rewrite_files`` takes it, with ``source``.
    """

    write: TableWrite
    staged: str
    given: frozenset[int]
    files: Sequence[DataFile]
    found: str
    hits: str

    def find(self) -> None:
        """Finds the rows of the same keys."""
        con, key = self.write.con, self.write.shape.key
        con.execute(f"CREATE TEMP TABLE {self.found} (file INTEGER, place BIGINT, source BIGINT)")
        for number, file in enumerate(self.files):
            keys = self.write.context.relation(self.write.shape, [file], columns=key, numbered=True)
            con.execute(
                f"INSERT INTO {self.found} SELECT {number}, f.place, s.rowid "
                f"FROM {keys} f JOIN {self.staged} s ON {all_same('f.c', 's.c', key)}"
            )

    def check_single(self) -> None:
        """Checks that no key that comes is that of several rows.

        Raises:
            InvalidInput: One is.
        """
        con, shape = self.write.con, self.write.shape
        repeated = con.sql(
            f"SELECT source, count(*) FROM {self.found} GROUP BY source HAVING count(*) > 1 LIMIT 1"
        ).fetchall()
        if not repeated:
            return
        source, rows = repeated[0]
        columns = ", ".join(f"CAST(c{i} AS VARCHAR)" for i in shape.key)
        (values,) = con.sql(
            f"SELECT {columns} FROM {self.staged} WHERE rowid = {int(source)}"
        ).fetchall()
        raise InvalidInput(
            f"{rows} rows of table {self.write.name} share the key "
            f"{key_text(shape.key_names, values)}, so it is unclear which of them to replace",
            kind=ErrorKind.DUPLICATE_KEY,
            hint="remove the duplicates first",
        )

    def compare(self) -> None:
        """Notes the rows that differ from those that come.

        Where (1, a, eu) is there and ``c1`` = 1, ``c2`` = z come:

            file  place  gone   source  c1  c2  c3
            0     17     false  0       1   z   eu
        """
        con, shape = self.write.con, self.write.shape
        ids = [field.id for field in shape.schema.fields]
        columns = ", ".join(f"c{i}" for i in ids)
        con.execute(
            f"CREATE TEMP TABLE {self.hits} AS "
            f"SELECT file, place, false AS gone, source, {columns} "
            f"FROM {self.found} JOIN {self.staged} ON false"
        )
        become = ", ".join(f"s.c{i}" if i in self.given else f"f.c{i}" for i in ids)
        given = [field for field in shape.schema.fields if field.id in self.given]
        differs = any_cell_differs("f.c", "s.c", given)
        moves = any_differs("f.c", "s.c", shape.partition_by)
        numbers = con.sql(f"SELECT DISTINCT file FROM {self.found} ORDER BY file").fetchall()
        for (number,) in numbers:
            rows = self.write.context.relation(shape, [self.files[number]], numbered=True)
            con.execute(
                f"INSERT INTO {self.hits} SELECT {number}, f.place, {moves}, s.rowid, {become} "
                f"FROM {rows} f JOIN (SELECT * FROM {self.found} WHERE file = {number}) h "
                f"ON f.place = h.place JOIN {self.staged} s ON s.rowid = h.source WHERE {differs}"
            )
