"""The remainder of a table: rows left when equal rows of both sides have cancelled.

It is held in tables of the in-memory database, which spill to disk under the memory limit and,
unlike temporary tables, are visible to cursors. Every row is a ``u`` pair of rows of one key, a
``d`` row of the older side or an ``i`` row of the newer. With a key ``c1`` and a column ``c5``::

    kind  f_c1  f_c5  t_c1  t_c5
    u      118   9.5   118  10.5
    d      120   1.0  NULL  NULL
    i     NULL  NULL   204   3.0

Each task fills it for its files by one method; the last step looks at keys that are left in
several rows, also of different partitions.

Rows that were found by position are partial (see ``positional``) and are held in tables of their
own. The rows of a pair differ somewhere, so that only a tolerance can make them count as equal.
"""

from collections.abc import Collection, Sequence
from typing import Literal

from catalog.diff.compare.align_task import Aligning
from catalog.diff.compare.by_digest.comparison import ByDigest
from catalog.diff.compare.by_digest.row_sets import Odd
from catalog.diff.compare.hashes import without_equal
from catalog.diff.compare.key_problems import KeyChecks
from catalog.diff.compare.positional import PartialRows
from catalog.diff.compare.sql_columns import Part, SqlColumns
from catalog.diff.compare.sql_functions import register_functions
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.plan import SIDES, ColumnPair, DiffTask, SideName
from catalog.diff.route import FilePair, Route
from catalog.engine.connection import cursor, single_row
from catalog.model.datafile import DataFile

WAITING_BYTES = 256 << 20
"""Bytes of aligned rows that are collected before the engine takes them."""


class Remainder:
    """The remainder of one table, as it is filled and settled.

    Attributes:
        reader: Reads the table.
        added_filled: Per added column (field id), rows cancelled as equal that carry a value.
    """

    def __init__(
        self,
        reader: TableReader,
        name: str,
        *,
        checks: KeyChecks,
        warnings: Sequence[str] = (),
        keeps_all: bool = False,
    ) -> None:
        self.con = reader.con
        self.plan = reader.plan
        self.columns = SqlColumns(reader.plan)
        self.name = name
        self.added_filled = {f.id: 0 for f in reader.plan.added}
        self._checks = checks
        self.reader = reader

        def keep_all() -> bool:
            return keeps_all or not checks.unique

        self._partial = PartialRows(reader, self.columns, name, keep_all=keep_all)
        self._has_whole = False
        self._warnings = tuple(warnings)
        self._aligning = Aligning(reader)
        self._by_digest = ByDigest(reader, self.columns, name, keys=checks.keys)
        register_functions(reader.con, reader.plan)

    def match(self, pair: FilePair) -> None:
        """Compares two files by position."""
        self._count_added(pair.after)
        if pair.changed:
            self._partial.match(pair)

    def _count_added(self, file: DataFile) -> None:
        """Counts the values of added columns in a file whose rows are all matched."""
        for field in self.plan.added:
            stats = file.stats.get(field.id)
            if stats is not None and stats.nulls is not None:
                self.added_filled[field.id] += file.rows - stats.nulls
            else:
                relation = self.reader.relation("t", (file,), [field.id])
                query = f"SELECT count(c{field.id}) FROM {relation}"
                self.added_filled[field.id] += int(single_row(self.con, query)[0])

    def run_keyless(self, route: Route) -> None:
        """Compares the files of a task as multisets, those paired by their differing rows."""
        filled = self._aligning.cancel(route)
        if filled is not None:
            for field_id, count in filled.items():
                self.added_filled[field_id] += count
            self._take_aligned(WAITING_BYTES)
            return
        rest = route.rest or DiffTask(route.task.partition, (), ())
        rows = self._selected(rest)
        if rest.before and rest.after and not self.plan.added:
            alone = not any(pair.changed for pair in route.pairs)
            if alone and self._aligning.run(rest) is not None:
                self._take_aligned(WAITING_BYTES)
                return
            table = f"{self.name}_hashes"
            rows = without_equal(self.con, self.columns, self._compared, rows=rows, table=table)
        for side in SIDES:
            self._sql(f"CREATE OR REPLACE TABLE {self._rows(side)} AS FROM {rows[side]}")
        for pair in route.pairs:
            if not pair.changed:
                continue
            self._sql(
                f"CREATE OR REPLACE TABLE {self.name}_places AS "
                f"{self._partial.differing_places(pair)}"
            )
            for side in SIDES:
                relation = self.reader.relation(side, (pair.on(side),), numbered=True)
                self._sql(
                    f"INSERT INTO {self._rows(side)} BY NAME SELECT s.* EXCLUDE (place) FROM "
                    f"(SELECT place, {self.columns.select(side)} FROM {relation}) s "
                    f"SEMI JOIN {self.name}_places p ON s.place = p.place"
                )
        self._cancel_equal(self._rows("f"), self._rows("t"), self._compared)
        self._drop("f", "t", "places", "hashes")

    def _selected(self, task: DiffTask) -> dict[SideName, str]:
        """Returns SQL of the rows of a task's sides."""
        return {
            side: f"(SELECT {self.columns.select(side)} FROM "
            f"{self.reader.relation(side, task.files(side))})"
            for side in SIDES
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """Returns what to know before trusting the rows."""
        return (*self._warnings, *self._by_digest.warnings)

    def parts(self) -> list[Part]:
        """Returns all rows as they are held."""
        return self._with_whole([*self._partial.parts(), *self._by_digest.placed.parts()])

    def waiting_parts(self) -> list[Part]:
        """Returns all rows, as arrays where the engine does not have them yet.

        Of rows without a key that it does not have, there are only their kinds.
        """
        if not self.plan.key and not self._has_whole:
            kinds = self._aligning.kinds()
            if kinds is not None:
                self.con.register(f"{self.name}_kinds", kinds)
                return [Part(f"{self.name}_kinds", (), partial=False)]
        return self._with_whole([*self._partial.waiting_parts(), *self._by_digest.placed.parts()])

    def whole_parts(self) -> list[Part]:
        """Returns all rows, those that came, went or moved with all columns."""
        self._by_digest.placed.move(self._whole())
        return self.parts()

    def _with_whole(self, parts: list[Part]) -> list[Part]:
        if parts and not self._has_whole:
            return parts
        return [self._whole_part(), *parts]

    def _whole_part(self) -> Part:
        """Returns the whole rows; without a key, none of them is a pair that could differ."""
        self._take_aligned()
        pairs = self.plan.value_pairs if self.plan.key else ()
        return Part(self._whole(), pairs, partial=False)

    def row_parts(self, fit: bool, shown: Collection[str] | None = None) -> list[Part]:
        """Returns all rows, as they are held if none is held without a column shown, else whole.

        If they do not ``fit``, too many to be held all at once, those found by position are read
        from the files again, when they are wanted.
        """
        if shown is not None:
            partial = self._partial.parts()
            if all({p.name for p in part.pairs} >= set(shown) for part in partial):
                return self._with_whole([*partial, *self._by_digest.placed.parts_with(shown)])
        self._by_digest.placed.move(self._whole())
        whole = self._whole_part()
        if not fit:
            return [whole, *self._partial.streams()]
        if self._partial.pairs:
            self._partial.complete(whole.relation)
        return [whole]

    def run(self, task: DiffTask) -> None:
        """Compares the files of a task by digests of their rows, else by the plain join."""
        odd = self._by_digest.run(task) if self.plan.key else None
        if odd is not None:
            self._run_odd(odd)
            return
        rows = self._selected(task)
        if self.plan.key and self._checks.unique:
            filled = self._aligning.run(task)
            if filled is None:
                self._join(rows["f"], rows["t"])
            for field_id, count in (filled or {}).items():
                self.added_filled[field_id] += count
            self._take_aligned(WAITING_BYTES)
            return
        for side in SIDES:
            self._sql(f"CREATE OR REPLACE TABLE {self._rows(side)} AS FROM {rows[side]}")
        if not self.plan.key:
            self._cancel_equal(self._rows("f"), self._rows("t"), self._compared)
        elif self._find_duplicates():
            self._join(self._by_key("f", "ANTI"), self._by_key("t", "ANTI"))
            self._cancel_equal(self._by_key("f", "SEMI"), self._by_key("t", "SEMI"), self._compared)
        else:
            self._join(self._rows("f"), self._rows("t"))
        self._drop("f", "t", "duplicates")

    def _run_odd(self, odd: Odd) -> None:
        """Compares rows that only their values can match, as multisets."""
        if not len(odd.before) and not len(odd.after):
            return
        for side in SIDES:
            with self._by_digest.whole_rows(side, odd.on(side)) as query:
                self._sql(f"CREATE OR REPLACE TABLE {self._rows(side)} AS {query}")
        self._cancel_equal(self._rows("f"), self._rows("t"), self._compared)
        self._drop("f", "t")

    def _take_aligned(self, least: int = 1) -> None:
        """Moves aligned rows into the engine, if they take at least some bytes."""
        rows = self._aligning.waiting(least)
        if rows is not None:
            with cursor(self.con) as own:
                own.register("aligned", rows)
                own.execute(f"INSERT INTO {self._whole()} BY NAME FROM aligned")
                own.unregister("aligned")

    def finish(self) -> None:
        """Has the engine hold everything that was compared."""
        self._take_aligned()
        if self.plan.key:
            for field_id, count in self._by_digest.finish().items():
                self.added_filled[field_id] += count

    def settle(self) -> bool:
        """Pairs the rows of keys that are left in several rows, over the whole table.

        Returns:
            False if partial rows would have to be paired again: the table must be joined then.
        """
        if not self.plan.key:
            if not all(pair.compared for pair in self.plan.pairs if pair.partition):
                self.finish()
                self._settle_keyless()
            return True
        self.finish()
        keys = self.plan.key_pairs
        held = self._by_digest.placed.parts()
        if self._has_whole:
            held.append(self._whole_part())
        several = ""
        if (held or self._partial.pairs) and self._checks.unique:
            several = " WHERE kind <> 'u'"
        else:
            held += self._partial.parts()  # rows that are pairs: of unique keys, none is another's
        if not held:
            return True
        columns = [f"{self._either(pair)} AS k{n}" for n, pair in enumerate(keys)]
        self._sql(
            f"CREATE OR REPLACE TABLE {self.name}_multiple AS SELECT {', '.join(columns)} "
            f"FROM {self._keys(held)}{several} GROUP BY ALL HAVING count(*) > 1"
        )
        settled = not self._count(f"{self.name}_multiple") or self._settle_multiple(keys)
        self._drop("multiple", "again")
        return settled

    def _keys(self, parts: Sequence[Part]) -> str:
        """Returns SQL of the keys of all rows of some parts."""
        names = [
            f"{side}_{self.columns.value(side, pair)}"
            for side in SIDES
            for pair in self.plan.key_pairs
        ]
        listed = ", ".join(["kind", *names])
        selects = (f"SELECT {listed} FROM {part.only(names)}" for part in parts)
        return f"({' UNION ALL '.join(selects)})"

    def _settle_multiple(self, keys: Sequence[ColumnPair]) -> bool:
        matching = " AND ".join(
            f"{self._either(pair)} IS NOT DISTINCT FROM k{n}" for n, pair in enumerate(keys)
        )
        among = f"EXISTS (SELECT 1 FROM {self.name}_multiple WHERE {matching})"
        self._by_digest.placed.move(self._whole(), matching=among)
        self._sql(
            f"CREATE OR REPLACE TABLE {self.name}_again AS "
            f"SELECT r.* FROM {self._whole()} r SEMI JOIN {self.name}_multiple ON {matching}"
        )
        partial = [] if self._checks.unique else self._partial.parts()
        if partial and self._count(
            f"{self._keys(partial)} SEMI JOIN {self.name}_multiple ON {matching}"
        ):
            return False
        self._sql(f"DELETE FROM {self._whole()} WHERE {among}")
        self._settle_again()
        return True

    def drop(self) -> None:
        """Drops every table of this remainder."""
        self.con.unregister(f"{self.name}_kinds")
        self._partial.drop()
        self._by_digest.placed.drop()
        self._drop("rows", "left", "f", "t", "duplicates", "multiple", "again", "places", "hashes")

    @property
    def _compared(self) -> tuple[ColumnPair, ...]:
        return tuple(pair for pair in self.plan.pairs if pair.compared)

    def _whole(self) -> str:
        """Returns the table of whole rows, created with the first of them."""
        table = f"{self.name}_rows"
        if not self._has_whole:
            self._has_whole = True
            self._sql(
                f"CREATE OR REPLACE TABLE {table} AS SELECT '' AS kind, "
                f"{self.columns.nulls()} WHERE false"
            )
        return table

    def _both(self) -> str:
        return f"{self._side('f')}, {self._side('t')}"

    def _side(self, side: SideName) -> str:
        """Returns the columns of a side's rows under their names in the remainder."""
        return ", ".join(f"{side}.{c} AS {side}_{c}" for c in self.columns.carried(side))

    def _find_duplicates(self) -> bool:
        parts = []
        for side in SIDES:
            keys = ", ".join(
                f"{self.columns.value(side, pair)} AS k{n}"
                for n, pair in enumerate(self.plan.key_pairs)
            )
            parts.append(f"SELECT {keys} FROM {self._rows(side)} GROUP BY ALL HAVING count(*) > 1")
        self._sql(f"CREATE OR REPLACE TABLE {self.name}_duplicates AS {' UNION '.join(parts)}")
        return self._count(f"{self.name}_duplicates") > 0

    def _by_key(self, side: SideName, join: Literal["ANTI", "SEMI"]) -> str:
        """Returns a side's rows whose keys are unique (ANTI), or duplicate (SEMI)."""
        rows = self._rows(side)
        on = " AND ".join(
            f"r.{self.columns.value(side, pair)} IS NOT DISTINCT FROM d.k{n}"
            for n, pair in enumerate(self.plan.key_pairs)
        )
        return f"(SELECT r.* FROM {rows} r {join} JOIN {self.name}_duplicates d ON {on})"

    def _join(self, before: str, after: str) -> None:
        """Compares rows whose keys are unique on both sides."""
        on = self.columns.same(self.plan.key_pairs)
        equal = self.columns.same(self.plan.value_pairs)
        self._sql(
            f"INSERT INTO {self._whole()} BY NAME SELECT CASE WHEN f.here IS NULL THEN 'i' "
            "WHEN t.here IS NULL THEN 'd' ELSE 'u' END AS kind, "
            f"{self._both()} FROM {before} f FULL OUTER JOIN {after} t ON {on} "
            f"WHERE f.here IS NULL OR t.here IS NULL OR NOT ({equal})"
        )
        if self.plan.added:
            counted = ", ".join(f"count(t.c{f.id})" for f in self.plan.added)
            self._add_filled(
                f"SELECT {counted} FROM {before} f JOIN {after} t ON {on} WHERE {equal}"
            )

    def _add_filled(self, query: str) -> None:
        row = single_row(self.con, query)
        for field, count in zip(self.plan.added, row, strict=True):
            self.added_filled[field.id] += int(count or 0)

    def _cancel_equal(
        self, before: str, after: str, pairs: Sequence[ColumnPair], *, into: str | None = None
    ) -> None:
        """Cancels equal rows as multisets; the rest are deleted and inserted rows.

        Copies of a row are numbered on each side, and cancel number by number::

            older: (a, 1) (a, 2) (b, 1)    newer: (a, 1) (c, 1)    left: d a, d b, i c
        """
        table = into or self._whole()
        numbered = [
            f"(SELECT *, row_number() OVER ({self._window(side, pairs)}) AS copy FROM {rows})"
            for side, rows in zip(SIDES, (before, after), strict=True)
        ]
        on = f"{self.columns.same(pairs)} AND f.copy = t.copy"
        self._sql(
            f"INSERT INTO {table} BY NAME SELECT 'd' AS kind, {self._side('f')} "
            f"FROM {numbered[0]} f ANTI JOIN {numbered[1]} t ON {on}"
        )
        self._sql(
            f"INSERT INTO {table} BY NAME SELECT 'i' AS kind, {self._side('t')} "
            f"FROM {numbered[1]} t ANTI JOIN {numbered[0]} f ON {on}"
        )
        if self.plan.added:
            self._add_filled(self._filled_copies(before, after, pairs))

    def _window(self, side: SideName, pairs: Sequence[ColumnPair]) -> str:
        values = self.columns.values(side, pairs)
        by = f"PARTITION BY {', '.join(values)}" if values else ""
        if side == "f" or not self.plan.added:
            return by
        filled = " + ".join(f"CAST(c{f.id} IS NOT NULL AS INTEGER)" for f in self.plan.added)
        return f"{by} ORDER BY {filled} DESC"

    def _filled_copies(self, before: str, after: str, pairs: Sequence[ColumnPair]) -> str:
        """Counts, per group of equal rows, copies cancelled that can have a value."""
        groups = []
        for side, rows in zip(SIDES, (before, after), strict=True):
            keys = [f"{value} AS k{n}" for n, value in enumerate(self.columns.values(side, pairs))]
            counts = ["count(*) AS copies"]
            if side == "t":
                counts += [f"count(c{f.id}) AS n{f.id}" for f in self.plan.added]
            by = ", ".join(str(n + 1) for n in range(len(keys)))
            grouping = f" GROUP BY {by}" if keys else ""
            groups.append(f"(SELECT {', '.join([*keys, *counts])} FROM {rows}{grouping})")
        on = " AND ".join(f"f.k{n} IS NOT DISTINCT FROM t.k{n}" for n in range(len(pairs)))
        sums = ", ".join(f"sum(least(f.copies, t.copies, t.n{f.id}))" for f in self.plan.added)
        return f"SELECT {sums} FROM {groups[0]} f JOIN {groups[1]} t ON {on or 'true'}"

    def _settle_again(self) -> None:
        """Pairs the rows of keys that are left in several rows of the remainder.

        A row that moved to another partition, each of which was compared by itself::

            kind  f_c1  f_c5  t_c1  t_c5            kind  f_c1  f_c5  t_c1  t_c5
            d      120   1.0  NULL  NULL   becomes  u      120   1.0   120   2.0
            i     NULL  NULL   120   2.0
        """
        again = f"{self.name}_again"
        if not all(pair.compared for pair in self.plan.pairs if pair.partition):
            again = self._cancelled_across(again)
        single = {}
        for side, absent in zip(SIDES, ("i", "d"), strict=True):
            keys = self.columns.values(side, self.plan.key_pairs)
            by = ", ".join(f"{side}_{key}" for key in keys)
            single[side] = (
                f"SELECT *, count(*) OVER (PARTITION BY {by}) AS left_{side} "
                f"FROM {again} WHERE kind <> '{absent}'"
            )
        on = self.columns.same(self.plan.key_pairs, "f.f_", "t.t_")
        before = [f"f.f_{c}" for c in self.columns.carried("f")]
        after = [f"t.t_{c}" for c in self.columns.carried("t")]
        paired = "f.left_f = 1 AND t.left_t = 1"
        equal = self.columns.same(self.plan.value_pairs, "f.f_", "t.t_")
        self._sql(
            f"INSERT INTO {self._whole()} BY NAME SELECT 'u' AS kind, "
            f"{', '.join([*before, *after])} "
            f"FROM ({single['f']}) f JOIN ({single['t']}) t ON {on} "
            f"WHERE {paired} AND NOT ({equal})"
        )
        for kind, rows, others, columns in (
            ("d", f"({single['f']}) f", f"({single['t']}) t", before),
            ("i", f"({single['t']}) t", f"({single['f']}) f", after),
        ):
            self._sql(
                f"INSERT INTO {self._whole()} BY NAME "
                f"SELECT '{kind}' AS kind, {', '.join(columns)} "
                f"FROM {rows} ANTI JOIN {others} ON {on} AND {paired}"
            )

    def _cancelled_across(self, again: str) -> str:
        """Cancels equal rows that lie in different partitions, as partitions do not count."""
        sides = []
        for side, kind in zip(SIDES, ("i", "d"), strict=True):
            columns = ", ".join(f"{side}_{c} AS {c}" for c in self.columns.carried(side))
            sides.append(f"(SELECT {columns} FROM {again} WHERE kind <> '{kind}')")
        left = f"{self.name}_left"
        self._sql(f"CREATE OR REPLACE TABLE {left} AS FROM {self._whole()} WHERE false")
        self._cancel_equal(sides[0], sides[1], self._compared, into=left)
        return left

    def _settle_keyless(self) -> None:
        self._sql(f"CREATE OR REPLACE TABLE {self.name}_again AS FROM {self._whole()}")
        self._sql(f"DELETE FROM {self._whole()}")
        left = self._cancelled_across(f"{self.name}_again")
        self._sql(f"INSERT INTO {self._whole()} FROM {left}")
        self._drop("left")

    def _either(self, pair: ColumnPair) -> str:
        before, after = self.columns.value("f", pair), self.columns.value("t", pair)
        return f"CASE WHEN kind = 'd' THEN f_{before} ELSE t_{after} END"

    def _rows(self, side: SideName) -> str:
        return f"{self.name}_{side}"

    def _drop(self, *tables: str) -> None:
        for table in tables:
            self._sql(f"DROP TABLE IF EXISTS {self.name}_{table}")

    def _count(self, table: str) -> int:
        return int(single_row(self.con, f"SELECT count(*) FROM {table}")[0])

    def _sql(self, statement: str) -> None:
        self.con.execute(statement)
