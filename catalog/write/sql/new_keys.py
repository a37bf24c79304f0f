"""Keys that a statement brings into a table: whether they are NULL, or there already."""

from collections.abc import Iterator, Sequence

from catalog.dataclasses import dataclass
from catalog.engine.connection import single_row
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.datafile import DataFile
from catalog.model.partition import key_text
from catalog.write.conditions import all_same
from catalog.write.file_fingerprints import key_warnings
from catalog.write.files.key_pruning import key_pruner
from catalog.write.sql.scratch import Scratch
from catalog.write.table_write import TableWrite


@dataclass(frozen=True, slots=True)
class NewKeys:
    """Keys that come into a table.

    Attributes:
        write: The table as it was, and its shape, which has a key.
        brought: A query for the keys of rows that come, or whose key changed: ``c<field id>``.
        rows: A query for the keys of all rows that are in the engine, as they are afterwards.
        loaded: Where those rows come from; the others are read if they may have one of the
            keys. None if the rows are new.
    """

    write: TableWrite
    brought: str
    rows: str
    loaded: Scratch | None = None

    def refuse_duplicates(self) -> None:
        """Checks that no key that comes is that of another row.

        Raises:
            InvalidInput: One is.
        """
        con, shape = self.write.con, self.write.shape
        _, repeated = self._repeated()
        shown = ", ".join(f"CAST(c{i} AS VARCHAR)" for i in shape.key)
        found = con.sql(f"SELECT n, {shown} FROM {repeated} ORDER BY ALL LIMIT 1").fetchall()
        if found:
            (rows_alike, *values) = found[0]
            raise InvalidInput(
                f"{rows_alike} rows of table {self.write.name} would share the key "
                f"{key_text(shape.key_names, values)}",
                kind=ErrorKind.DUPLICATE_KEY,
                hint="a MERGE keeps keys unique: bring one row per key, and match ON the key",
            )

    def warnings(self) -> tuple[str, ...]:
        """Returns warnings about keys that are NULL, or those of other rows."""
        con, shape = self.write.con, self.write.shape
        keys, repeated = self._repeated()
        missing = " OR ".join(f"c{i} IS NULL" for i in shape.key)
        (nulls,) = single_row(con, f"SELECT coalesce(sum(n), 0) FROM {keys} WHERE {missing}")
        (alike,) = single_row(con, f"SELECT coalesce(sum(n), 0) FROM {repeated}")
        return key_warnings(self.write.name, shape, (int(nulls), int(alike)))

    def _repeated(self) -> tuple[str, str]:
        """Finds the keys that come and that several rows have afterwards.

        If keys 1 and 2 come, and a row of key 2 is there:

            keys      c1  n        repeated  c1  n
                      1   1                  2   2
                      2   1

        Returns:
            Two temporary tables with the key's columns and ``n``: how many rows come with each
            key, and how many have it afterwards if they are several.
        """
        con, shape, name = self.write.con, self.write.shape, self.write.context.work.name
        keys, repeated = name("keys"), name("repeated")
        columns = ", ".join(f"c{i}" for i in shape.key)
        con.execute(
            f"CREATE TEMP TABLE {keys} AS "
            f"SELECT {columns}, count(*) AS n FROM {self.brought} GROUP BY ALL"
        )
        parts = [f"SELECT {columns} FROM {self.rows}"]
        if single_row(con, f"SELECT count(*) FROM {keys}")[0]:
            parts += self._not_loaded(self.write.files(key_pruner(con, shape, keys)))
        everything = f"({' UNION ALL '.join(parts)})"
        con.execute(
            f"CREATE TEMP TABLE {repeated} AS SELECT {columns}, count(*) AS n FROM (SELECT a.* "
            f"FROM {everything} a SEMI JOIN {keys} k ON {all_same('a.c', 'k.c', shape.key)}) "
            "GROUP BY ALL HAVING count(*) > 1"
        )
        return keys, repeated

    def _not_loaded(self, files: Sequence[DataFile]) -> Iterator[str]:
        """Yields queries for the keys in files of the rows that are not in the engine."""
        shape, loaded, relation = self.write.shape, self.loaded, self.write.context.relation
        columns = ", ".join(f"c{i}" for i in shape.key)
        numbers = {} if loaded is None else {file.path: n for n, file in enumerate(loaded.files)}
        others = [file for file in files if file.path not in numbers]
        if others:
            yield f"SELECT {columns} FROM {relation(shape, others, columns=shape.key)}"
        if loaded is None or loaded.whole:
            return
        for file in files:
            if file.path in numbers:
                keys = relation(shape, [file], columns=shape.key, numbered=True)
                here = f"SELECT place FROM {loaded.origin} WHERE file = {numbers[file.path]}"
                yield f"SELECT {columns} FROM {keys} WHERE place NOT IN ({here})"
