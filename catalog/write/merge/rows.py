"""What two sides did to the rows of one table, brought together by keys and cells, in SQL.

Both sides' changes are relative to the same base, in the same shape: tables of the engine
with ``kind`` (``u``, ``d``, ``i``) and every column twice, ``f_…`` as the base has it and
``t_…`` as the side has it (see ``diff.compare.remainder``). What comes out is a table of decisions:
per row what ours has (``o_…``), what theirs has (``t_…``), and what the merged table shall
have (``m_…``), each with ``o_here``, ``t_here``, ``m_here``; and a table of conflicts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import duckdb

from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.plan import ColumnPair, TablePlan
from catalog.engine.connection import single_row
from catalog.engine.quoting import literal, type_sql
from catalog.model.table import TableSnapshot
from catalog.write.merge.conflicts import key_text

Resolution = Literal["ours", "theirs"]

Taking = Literal["ours", "theirs", "base"]
"""What is taken where both sides clash; the base if what is merged is itself to be a base."""

Repeated = Callable[[str], Iterable[str]]
"""Told a table with keys ``k0``, ``k1`` …, yields SQL of keys, called so too, that stand several
times."""

_DELETED = "('deleted-by-ours', 'deleted-by-theirs')"

_WHOLE = "('inserted-both', 'deleted-by-ours', 'deleted-by-theirs')"
"""Of these kinds the conflict is about the row, whatever the cells."""


@dataclass(frozen=True, slots=True)
class RowDecisions:
    """Names the tables that hold what was decided.

    Attributes:
        decisions: Per row that changes on either side, what each side and the merge has.
        conflicts: ``kind``, ``key`` (JSON of texts by column), ``column_name``, ``base``,
            ``ours``, ``theirs`` (texts).
    """

    decisions: str
    conflicts: str


class RowMerger:
    """Decides row by row; see the module.

    Args:
        con: Has the changes of both sides, and takes the tables.
        shape: The shape of the merged table, in which all changes are.
        plan: The plan by which one of the sides was compared with the base.
        name: Name for tables, unique in the engine.
        resolve: What is done where both sides clash; None leaves ours, and conflicts.
        by_cell: Whether different cells of one row merge, and what both did alike is done
            once; else a row that both sides changed clashes in any case.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        shape: TableSnapshot,
        plan: TablePlan,
        name: str,
        *,
        resolve: Taking | None,
        by_cell: bool,
    ) -> None:
        self._con = con
        self._shape = shape
        self._columns = SqlColumns(plan)
        self._pairs = {pair.after.id: pair for pair in plan.pairs}
        self._ids = [f.id for f in shape.schema.fields]
        self._name = name
        self._resolve = resolve
        self._by_cell = by_cell
        self.result = RowDecisions(f"{name}_decisions", f"{name}_conflicts")

    def keyed(self, ours: str, theirs: str, repeated: Repeated) -> RowDecisions:
        """Decides for a table with a key.

        Args:
            ours: The changes of ours.
            theirs: The changes of theirs.
            repeated: Finds which keys stand several times in the files that changed.
        """
        self._start()
        sides = {"o": self._with_keys(ours, "o"), "t": self._with_keys(theirs, "t")}
        on_key = self._on_key("a", "b")
        self._decide(
            f"SELECT {self._row('t', 'f')}, {self._row('t', 't')}, {self._row('t', 'm')} "
            f"FROM {sides['t']} a WHERE NOT EXISTS (SELECT 1 FROM {sides['o']} b WHERE {on_key})"
        )
        self._join(sides["o"], sides["t"])
        if self._count(f"{self._name}_both"):
            same = " AND ".join(
                f"{self._name}_both.k{n} IS NOT DISTINCT FROM r.k{n}"
                for n, _ in enumerate(self._shape.key)
            )
            for keys in repeated(f"{self._name}_both"):
                self._con.execute(
                    f"UPDATE {self._name}_both SET state = 'duplicates' "
                    f"WHERE EXISTS (SELECT 1 FROM {keys} r WHERE {same})"
                )
        self._decide_single()
        self._decide_groups(sides["o"], sides["t"])
        for table in (*sides.values(), f"{self._name}_both", f"{self._name}_groups"):
            self._con.execute(f"DROP TABLE IF EXISTS {table}")
        return self.result

    def keyless(self, ours: str, theirs: str, base_rows: str) -> RowDecisions:
        """Decides for a table without a key: rows are counted, and both deltas applied.

        Args:
            ours: The changes of ours; none is ``u``.
            theirs: The changes of theirs.
            base_rows: SQL of the base's rows among which copies are counted, with columns
                ``c<field id>``.
        """
        self._start()
        if self._by_cell:
            theirs = self._without_alike(ours, theirs)
        clash = self._clashes(ours, theirs, base_rows)
        nothing = ", ".join("NULL" for _ in self._ids)
        before, after = self._list("f_c"), self._list("t_c")
        self._decide(
            f"SELECT false, {nothing}, true, {after}, true, {after} FROM {theirs} WHERE kind = 'i'"
        )
        values = [f"f_{self._value(i)}" for i in self._ids]
        on = " AND ".join(f"a.f_{self._value(i)} IS NOT DISTINCT FROM c.v{i}" for i in self._ids)
        kept = "0" if self._resolve != "theirs" else "greatest(c.n_theirs - c.n_ours, 0)"
        back = "c.n_ours - c.n_theirs" if self._resolve == "theirs" else "c.n_ours"
        self._decide(
            f"SELECT true, {before}, false, {nothing}, false, {nothing} FROM (SELECT *, "
            f"row_number() OVER (PARTITION BY {', '.join(values)}) AS copy "
            f"FROM {theirs} WHERE kind = 'd') a LEFT JOIN {clash} c ON {on} "
            f"WHERE c.n_base IS NULL OR a.copy <= {kept}"
        )
        if self._resolve in ("theirs", "base"):
            self._decide(
                f"SELECT false, {nothing}, true, {before}, true, {before} FROM (SELECT *, "
                f"row_number() OVER (PARTITION BY {', '.join(values)}) AS copy "
                f"FROM {ours} WHERE kind = 'd') a JOIN {clash} c ON {on} "
                f"WHERE a.copy <= {back}"
            )
        if self._resolve is None:
            fields = self._shape.schema.fields
            row = key_text(fields, [f"v{f.id}" for f in fields])
            self._con.execute(
                f"INSERT INTO {self.result.conflicts} SELECT 'below-zero', "
                f"{row}, NULL, CAST(n_base AS VARCHAR), "
                f"CAST(n_base - n_ours AS VARCHAR), CAST(n_base - n_theirs AS VARCHAR) "
                f"FROM {clash}"
            )
        self._con.execute(f"DROP TABLE {clash}")
        return self.result

    def _without_alike(self, ours: str, theirs: str) -> str:
        """Leaves out partitions that are the same on both sides now: that is done once."""
        values = [f"{s}_{self._value(i)} AS {s}{i}" for s in "ft" for i in self._ids]
        counted = [
            f"(SELECT kind, {', '.join(values)}, count(*) AS n FROM {side} GROUP BY ALL)"
            for side in (ours, theirs)
        ]
        names = [f"{s}{i}" for s in "ft" for i in self._ids]
        same = " AND ".join(f"a.{name} IS NOT DISTINCT FROM b.{name}" for name in names)
        unlike = " UNION ALL ".join(
            f"SELECT * FROM {a} a ANTI JOIN {b} b ON a.kind = b.kind AND a.n = b.n AND {same}"
            for a, b in (counted, counted[::-1])
        )
        by = self._shape.partition_by
        here = [f"CASE WHEN kind = 'd' THEN f{i} ELSE t{i} END AS p{n}" for n, i in enumerate(by)]
        mine = [f"CASE WHEN kind = 'd' THEN f_c{i} ELSE t_c{i} END" for i in by]
        on = " AND ".join(f"{m} IS NOT DISTINCT FROM u.p{n}" for n, m in enumerate(mine)) or "true"
        partitions = f"(SELECT DISTINCT {', '.join([*here, '0 AS zero'])} FROM ({unlike}))"
        table = f"{self._name}_theirs_left"
        self._con.execute(
            f"CREATE TABLE {table} AS SELECT a.* FROM {theirs} a SEMI JOIN {partitions} u ON {on}"
        )
        return table

    def _clashes(self, ours: str, theirs: str, base_rows: str) -> str:
        """Finds the rows of which both sides together delete more copies than there are."""
        table = f"{self._name}_clash"
        values = [f"f_{self._value(i)} AS v{i}" for i in self._ids]
        counted = [
            f"(SELECT {', '.join(values)}, count(*) AS n FROM {side} WHERE kind = 'd' GROUP BY ALL)"
            for side in (ours, theirs)
        ]
        there = ", ".join(
            f"{self._columns.expression('t', self._pair(i))} AS v{i}" for i in self._ids
        )
        base = f"(SELECT {there}, count(*) AS n FROM {base_rows} GROUP BY ALL)"
        same = [
            " AND ".join(f"a.v{i} IS NOT DISTINCT FROM {x}.v{i}" for i in self._ids) for x in "bc"
        ]
        self._con.execute(
            f"CREATE TABLE {table} AS SELECT a.* RENAME (n AS n_ours), b.n AS n_theirs, "
            f"c.n AS n_base FROM {counted[0]} a JOIN {counted[1]} b ON {same[0]} "
            f"JOIN {base} c ON {same[1]} WHERE a.n + b.n > c.n"
        )
        return table

    def _start(self) -> None:
        columns = ", ".join(
            f"{side}_here BOOLEAN, "
            + ", ".join(f"{side}_c{f.id} {type_sql(f.type)}" for f in self._shape.schema.fields)
            for side in "otm"
        )
        self._con.execute(f"CREATE TABLE {self.result.decisions} ({columns})")
        self._con.execute(
            f"CREATE TABLE {self.result.conflicts} (kind VARCHAR, key VARCHAR, "
            "column_name VARCHAR, base VARCHAR, ours VARCHAR, theirs VARCHAR)"
        )

    def _decide(self, query: str) -> None:
        self._con.execute(f"INSERT INTO {self.result.decisions} {query}")

    def _with_keys(self, changes: str, side: str) -> str:
        """Keeps a side's changes with their keys apart, and how many rows share each."""
        table = f"{self._name}_{side}"
        keys = [
            f"CASE WHEN kind = 'd' THEN f_{self._value(i)} ELSE t_{self._value(i)} END AS k{n}"
            for n, i in enumerate(self._shape.key)
        ]
        by = ", ".join(f"k{n}" for n, _ in enumerate(keys))
        self._con.execute(
            f"CREATE TABLE {table} AS SELECT *, count(*) OVER (PARTITION BY {by}) AS alike "
            f"FROM (SELECT *, {', '.join(keys)} FROM {changes})"
        )
        return table

    def _row(self, source: str, target: str) -> str:
        """Returns a row of theirs' changes as one of the three that a decision has.

        Args:
            source: Which changes; names nothing but the reader.
            target: ``f``: ours has what the base has; ``t``: theirs; ``m``: the merge has
                what theirs has.
        """
        side = {"f": "o", "t": "t", "m": "m"}[target]
        there = "f" if target == "f" else "t"
        missing = "i" if target == "f" else "d"
        columns = ", ".join(f"{there}_c{i} AS {side}_c{i}" for i in self._ids)
        return f"kind <> '{missing}' AS {side}_here, {columns}"

    def _join(self, ours: str, theirs: str) -> None:
        """Puts side by side what both did to the same key."""
        columns = []
        for i in self._ids:
            v = self._value(i)
            columns += [
                f"coalesce(a.f_c{i}, b.f_c{i}) AS b_c{i}",
                f"a.t_c{i} AS o_c{i}",
                f"b.t_c{i} AS t_c{i}",
                f"a.f_{v} IS DISTINCT FROM a.t_{v} AS ours_{i}",
                f"b.f_{v} IS DISTINCT FROM b.t_{v} AS theirs_{i}",
                f"a.t_{v} IS DISTINCT FROM b.t_{v} AS unlike_{i}",
            ]
        same_base = " AND ".join(
            f"a.f_{self._value(i)} IS NOT DISTINCT FROM b.f_{self._value(i)}" for i in self._ids
        )
        unlike = " OR ".join(
            f"a.t_{self._value(i)} IS DISTINCT FROM b.t_{self._value(i)}" for i in self._ids
        )
        keys = ", ".join(f"a.k{n} AS k{n}" for n, _ in enumerate(self._shape.key))
        self._con.execute(
            f"CREATE TABLE {self._name}_both AS SELECT {keys}, {', '.join(columns)}, CASE "
            "WHEN a.alike > 1 OR b.alike > 1 THEN 'duplicates' "
            f"WHEN a.kind = 'i' AND b.kind = 'i' AND ({unlike}) THEN 'inserted-both' "
            "WHEN a.kind = 'i' AND b.kind = 'i' THEN 'same' "
            f"WHEN a.kind = 'i' OR b.kind = 'i' OR NOT ({same_base}) THEN 'duplicates' "
            "WHEN a.kind = 'd' AND b.kind = 'd' THEN 'gone' "
            "WHEN a.kind = 'd' THEN 'deleted-by-ours' "
            "WHEN b.kind = 'd' THEN 'deleted-by-theirs' "
            "ELSE 'cell' END AS state, a.kind AS ours_kind, b.kind AS theirs_kind "
            f"FROM {ours} a JOIN {theirs} b ON {self._on_key('a', 'b')}"
        )

    def _decide_single(self) -> None:
        """Decides for keys that stand once on both sides, and notes conflicts."""
        wins, other = ("theirs", "t") if self._resolve == "theirs" else ("ours", "o")
        merged = []
        for i in self._ids:
            alone = f"theirs_{i} AND NOT ours_{i}" if self._by_cell else "false"
            whole = f"{other}_c{i}"
            cell = f"CASE WHEN {alone} THEN t_c{i} ELSE {whole} END"
            if self._resolve == "theirs":
                taken = f"theirs_{i}" if self._by_cell else "true"
                cell = f"CASE WHEN {taken} THEN t_c{i} ELSE o_c{i} END"
            elif self._resolve == "base":
                clash = self._cell_clash(i)
                cell = f"CASE WHEN {clash} THEN b_c{i} WHEN {alone} THEN t_c{i} ELSE o_c{i} END"
                whole = f"CASE WHEN state IN {_WHOLE} THEN b_c{i} ELSE o_c{i} END"
            merged.append(f"CASE WHEN state = 'cell' THEN {cell} ELSE {whole} END AS m_c{i}")
        stays = f"{wins}_kind <> 'd'"
        if self._resolve == "base":
            stays = f"CASE WHEN state IN {_WHOLE} THEN ours_kind <> 'i' ELSE {stays} END"
        rows = [
            ", ".join([f"{kind}_kind <> 'd' AS {side}_here", *(f"{side}_c{i}" for i in self._ids)])
            for side, kind in (("o", "ours"), ("t", "theirs"))
        ]
        self._decide(
            f"SELECT {rows[0]}, {rows[1]}, {stays} AS m_here, {', '.join(merged)} "
            f"FROM {self._name}_both WHERE state <> 'duplicates'"
        )
        if self._resolve is not None:
            return
        if not self._by_cell:
            self._con.execute(
                f"INSERT INTO {self.result.conflicts} SELECT 'cell', {self._key_text()}, "
                f"NULL, NULL, NULL, NULL FROM {self._name}_both WHERE state <> 'duplicates'"
            )
            return
        found = ", ".join(self._cell_conflict(i) for i in self._ids)
        self._con.execute(
            f"INSERT INTO {self.result.conflicts} SELECT state, key, c.name, c.base, c.ours, "
            f"c.theirs FROM (SELECT state, {self._key_text()} AS key, unnest([{found}]) AS c "
            f"FROM {self._name}_both WHERE state = 'cell' OR state IN {_WHOLE}) "
            "WHERE c IS NOT NULL"
        )

    def _cell_clash(self, field_id: int) -> str:
        """Returns the condition that a cell of a row that both updated is in conflict."""
        i = field_id
        return f"(ours_{i} AND theirs_{i} AND unlike_{i})" if self._by_cell else f"unlike_{i}"

    def _cell_conflict(self, field_id: int) -> str:
        """Returns SQL of the conflict about a cell of a row that both changed; NULL if none."""
        i, field = field_id, self._shape.schema.by_id(field_id)
        assert field is not None, "columns of the merged shape exist"
        clash = (
            f"(state = 'cell' AND {self._cell_clash(i)}) "
            f"OR (state = 'inserted-both' AND unlike_{i}) "
            f"OR (state IN {_DELETED} AND (ours_{i} AND ours_kind = 'u' "
            f"OR theirs_{i} AND theirs_kind = 'u'))"
        )
        base, ours, theirs = (f"CAST({side}_c{i} AS VARCHAR)" for side in "bot")
        return (
            f"CASE WHEN {clash} THEN {{'name': {literal(field.name)}, 'base': {base}, "
            f"'ours': {ours}, 'theirs': {theirs}}} END"
        )

    def _decide_groups(self, ours: str, theirs: str) -> None:
        """Decides for keys that stand several times: as a whole, for one side."""
        groups = f"{self._name}_groups"
        keys = [f"k{n}" for n, _ in enumerate(self._shape.key)]
        self._con.execute(
            f"CREATE TABLE {groups} AS SELECT DISTINCT {', '.join(keys)} "
            f"FROM {self._name}_both WHERE state = 'duplicates'"
        )
        if not self._count(groups):
            return
        on = self._on_key("a", "g")
        both = {
            side: f"(SELECT a.* FROM {table} a JOIN {groups} g ON {on})"
            for side, table in (("o", ours), ("t", theirs))
        }
        if self._resolve == "theirs":
            self._take_theirs(both["o"], both["t"])
            return
        self._decide(
            f"SELECT kind <> 'i', {self._list('f_c')}, kind <> 'd', {self._list('t_c')}, "
            f"kind <> 'i', {self._list('f_c')} FROM {both['t']}"
        )
        if self._resolve == "base":
            self._decide(
                f"SELECT kind <> 'd', {self._list('t_c')}, kind <> 'i', {self._list('f_c')}, "
                f"kind <> 'i', {self._list('f_c')} FROM {both['o']}"
            )
        if self._resolve is None and not self._by_cell:
            self._con.execute(
                f"INSERT INTO {self.result.conflicts} SELECT 'duplicates', {self._key_text()}, "
                f"NULL, NULL, NULL, NULL FROM {groups}"
            )
        elif self._resolve is None:
            content = ", ".join(f"{s}_{self._value(i)}" for s in "ft" for i in self._ids)
            key_list = ", ".join(keys)
            differing = " UNION ".join(
                f"SELECT {key_list} FROM (SELECT {key_list}, kind, {content} FROM {both[a]} "
                f"EXCEPT ALL SELECT {key_list}, kind, {content} FROM {both[b]})"
                for a, b in (("o", "t"), ("t", "o"))
            )
            self._con.execute(
                f"INSERT INTO {self.result.conflicts} SELECT 'duplicates', {self._key_text()}, "
                f"NULL, NULL, NULL, NULL FROM ({differing})"
            )

    def _take_theirs(self, ours: str, theirs: str) -> None:
        """Takes back what ours did to groups of equal keys, and does what theirs did."""
        there = {
            "gone": (
                f"SELECT {self._list('t_c')} FROM {ours} WHERE kind <> 'd' UNION ALL "
                f"SELECT {self._list('f_c')} FROM {theirs} WHERE kind <> 'i'"
            ),
            "come": (
                f"SELECT {self._list('f_c')} FROM {ours} WHERE kind <> 'i' UNION ALL "
                f"SELECT {self._list('t_c')} FROM {theirs} WHERE kind <> 'd'"
            ),
        }
        nothing = ", ".join("NULL" for _ in self._ids)
        numbered = f"r({', '.join(f'c{i}' for i in self._ids)})"
        row = self._list("c")
        self._decide(
            f"SELECT true, {row}, false, {nothing}, false, {nothing} "
            f"FROM (({there['gone']}) EXCEPT ALL ({there['come']})) {numbered}"
        )
        self._decide(
            f"SELECT false, {nothing}, true, {row}, true, {row} "
            f"FROM (({there['come']}) EXCEPT ALL ({there['gone']})) {numbered}"
        )

    def _key_text(self) -> str:
        key = self._shape.fields(self._shape.key)
        return key_text(key, [f"k{n}" for n, _ in enumerate(key)])

    def _value(self, field_id: int) -> str:
        """Returns what rows compare by in a column: the same name on both sides of a change."""
        return self._columns.value("t", self._pair(field_id))

    def _pair(self, field_id: int) -> ColumnPair:
        return self._pairs[field_id]

    def _list(self, prefix: str) -> str:
        return ", ".join(f"{prefix}{i}" for i in self._ids)

    def _on_key(self, left: str, right: str) -> str:
        return " AND ".join(
            f"{left}.k{n} IS NOT DISTINCT FROM {right}.k{n}" for n, _ in enumerate(self._shape.key)
        )

    def _count(self, table: str) -> int:
        return int(single_row(self._con, f"SELECT count(*) FROM {table}")[0])
