"""What two sides did to the rows of one table, brought together by keys and cells, in SQL.

Each side's changes since the base come as a table of the engine, in the merged shape. It has
every column twice, ``f_c<field id>`` as the base has it (from) and ``t_c<field id>`` as the side
has it (to); see ``diff.compare.remainder``. From (1, a), (2, b) to (1, z), (3, c):

    kind  f_c1  f_c2  t_c1  t_c2
    u     1     a     1     z       updated
    d     2     b     NULL  NULL    deleted
    i     NULL  NULL  3     c       inserted

What comes out is a table of decisions: for each row that a side changed, whether ours, theirs
and the merged table have it, and its values there. If theirs made the changes above, and ours
updated (1, a) to (1, y):

    ours_here ours_c1 ours_c2  theirs_here theirs_c1 theirs_c2  merged_here merged_c1 merged_c2
    true      1       y        true        1         z          true        1         y
    true      2       b        false       NULL      NULL       false       NULL      NULL
    false     NULL    NULL     true        3         c          true        3         c

and a table of conflicts, all of it text, the key as JSON:

    kind  key             column_name  base  ours  theirs
    cell  {"id": "1"}     name         a     y     z
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias

from catalog.engine.quoting import literal, type_sql
from catalog.write.conditions import all_same, any_differs
from catalog.write.merge.conflicts import key_json
from catalog.write.merge.merged_schema import Side
from catalog.write.merge.space import MergeSpace

Taking: TypeAlias = Side | Literal["base"]
"""What is taken where both clash; the base if what is merged is itself to be a base."""

_DELETED = "('deleted-by-ours', 'deleted-by-theirs')"

_WHOLE = "('inserted-both', 'deleted-by-ours', 'deleted-by-theirs')"
"""Of these kinds the conflict is about the row, whatever the cells."""


class RowMerger:
    """Decides row by row, into the tables ``decisions`` and ``conflicts``; see the module.

    Args:
        resolve: What is taken where both sides clash; None leaves ours, and conflicts.
        by_cell: Whether different cells of one row merge, and what both did alike is done
            once; else a row that both sides changed clashes in any case.
    """

    def __init__(self, space: MergeSpace, *, resolve: Taking | None, by_cell: bool) -> None:
        self._space = space
        self._shape = space.shape
        self._ids = space.ids
        self._values = [space.value(i) for i in space.ids]
        self._key = [space.value(i) for i in space.shape.key]
        self._key_numbers = range(len(self._key))
        self._resolve = resolve
        self._by_cell = by_cell
        self._both = space.named("pairs")
        columns = ", ".join(
            f"{part}_here BOOLEAN, "
            + ", ".join(f"{part}_c{f.id} {type_sql(f.type)}" for f in self._shape.schema.fields)
            for part in ("ours", "theirs", "merged")
        )
        space.con.execute(f"CREATE TABLE {space.decisions} ({columns})")
        space.con.execute(
            f"CREATE TABLE {space.conflicts} (kind VARCHAR, key VARCHAR, "
            "column_name VARCHAR, base VARCHAR, ours VARCHAR, theirs VARCHAR)"
        )

    def keyed(self, ours: str, theirs: str, repeated: Iterable[str]) -> None:
        """Decides for a table with a key, from the tables of what each side changed.

        ``repeated`` yields SQL of those keys of ``pairs``, called ``k0``, ``k1`` …, that several
        rows have in some state of the table; not looked at if both changed no key.
        """
        ours, theirs = self._with_keys("ours", ours), self._with_keys("theirs", theirs)
        self._decide(
            f"SELECT {self._row('f', 't', 't')} FROM {theirs} t WHERE NOT EXISTS "
            f"(SELECT 1 FROM {ours} o WHERE {all_same('t.k', 'o.k', self._key_numbers)})"
        )
        self._pair(ours, theirs)
        for keys in repeated if self._space.count(self._both) else ():
            self._space.con.execute(
                f"UPDATE {self._both} SET state = 'duplicates' WHERE EXISTS "
                f"(SELECT 1 FROM {keys} r WHERE {all_same('pairs.k', 'r.k', self._key_numbers)})"
            )
        self._decide_single()
        self._decide_groups(ours, theirs)
        self._space.drop("ours_by_key", "theirs_by_key", "pairs", "groups")

    def keyless(self, ours: str, theirs: str, base_rows: str) -> None:
        """Decides for a table without a key: rows are counted, and both deltas applied.

        Of five copies of a row in the base ours deleted two, theirs one: two are left. Of two
        copies ours deleted two, theirs one: that clashes, since -1 would be left.

        No row of the tables of changes is ``u``. ``base_rows`` is SQL of the base's rows among
        which copies are counted, with columns ``c<field id>``.
        """
        if self._by_cell:
            theirs = self._without_alike(ours, theirs)
        clash = self._clashes(ours, theirs, base_rows)
        takes_theirs = self._resolve == "theirs"
        self._decide(f"SELECT {self._states(None, 't_c', 't_c')} FROM {theirs} WHERE kind = 'i'")
        # of copies in a clash, theirs' deletions go on top of ours' only where theirs is taken
        more = "greatest(c.n_theirs - c.n_ours, 0)" if takes_theirs else "0"
        on = " AND ".join(
            f"d.f_{value} IS NOT DISTINCT FROM c.v{i}"
            for i, value in zip(self._ids, self._values, strict=True)
        )
        self._decide(
            f"SELECT {self._states('f_c', None, None)} FROM {self._deleted(theirs)} d "
            f"LEFT JOIN {clash} c ON {on} WHERE c.n_base IS NULL OR d.copy <= {more}"
        )
        if self._resolve in ("theirs", "base"):  # some or all that ours deleted comes back
            back = "c.n_ours - c.n_theirs" if takes_theirs else "c.n_ours"
            self._decide(
                f"SELECT {self._states(None, 'f_c', 'f_c')} FROM {self._deleted(ours)} d "
                f"JOIN {clash} c ON {on} WHERE d.copy <= {back}"
            )
        if self._resolve is None:
            fields = self._shape.schema.fields
            row = key_json(fields, [f"v{f.id}" for f in fields])
            self._conflict(
                f"SELECT 'below-zero', {row}, NULL, CAST(n_base AS VARCHAR), "
                "CAST(n_base - n_ours AS VARCHAR), CAST(n_base - n_theirs AS VARCHAR) "
                f"FROM {clash}"
            )
        self._space.drop("clashes", "theirs_left")

    def _deleted(self, changes: str) -> str:
        """Returns SQL of a side's deleted rows, the copies of each row counted from 1."""
        values = ", ".join(f"f_{value}" for value in self._values)
        copy = f"row_number() OVER (PARTITION BY {values}) AS copy"
        return f"(SELECT *, {copy} FROM {changes} WHERE kind = 'd')"

    def _without_alike(self, ours: str, theirs: str) -> str:
        """Leaves out partitions that are the same on both sides now: that is done once.

        If both inserted (day 1, x) and only theirs (day 2, y), what is left of theirs is day 2.
        """
        names = [f"{side}_{value}" for side in "ft" for value in self._values]
        counted = [
            f"(SELECT kind, {', '.join(names)}, count(*) AS n FROM {changes} GROUP BY ALL)"
            for changes in (ours, theirs)
        ]
        differing = " UNION ALL ".join(
            f"SELECT * FROM {one} a ANTI JOIN {other} b "
            f"ON a.kind = b.kind AND a.n = b.n AND {all_same('a.', 'b.', names)}"
            for one, other in (counted, counted[::-1])
        )
        by = list(enumerate(self._shape.partition_by))
        compared = [f"{self._either(self._space.value(i))} AS p{n}" for n, i in by]
        partitions = f"(SELECT DISTINCT {', '.join([*compared, '0 AS zero'])} FROM ({differing}))"
        own = " AND ".join(f"{self._either(f'c{i}')} IS NOT DISTINCT FROM p.p{n}" for n, i in by)
        return self._space.create(
            "theirs_left",
            f"SELECT t.* FROM {theirs} t SEMI JOIN {partitions} p ON {own or 'true'}",
        )

    def _clashes(self, ours: str, theirs: str, base_rows: str) -> str:
        """Finds the rows of which both sides together delete more copies than there are.

        v1  v2  n_ours  n_theirs  n_base
        5   x   2       1         2
        """
        space = self._space
        values = ", ".join(
            f"f_{value} AS v{i}" for i, value in zip(self._ids, self._values, strict=True)
        )
        deleted = [
            f"(SELECT {values}, count(*) AS n FROM {side} WHERE kind = 'd' GROUP BY ALL)"
            for side in (ours, theirs)
        ]
        there = space.comparing(self._ids)
        base = f"(SELECT {there}, count(*) AS n FROM {base_rows} GROUP BY ALL)"
        return space.create(
            "clashes",
            "SELECT o.* RENAME (n AS n_ours), t.n AS n_theirs, b.n AS n_base "
            f"FROM {deleted[0]} o JOIN {deleted[1]} t ON {all_same('o.v', 't.v', self._ids)} "
            f"JOIN {base} b ON {all_same('o.v', 'b.v', self._ids)} WHERE o.n + t.n > b.n",
        )

    def _with_keys(self, side: str, changes: str) -> str:
        """Keeps a side's changes with their keys apart, and how many rows share each.

        kind  f_c1  f_c2  t_c1  t_c2  k0  alike
        u     1     a     1     z     1   1
        """
        keys = ", ".join(f"{self._either(value)} AS k{n}" for n, value in enumerate(self._key))
        by = ", ".join(f"k{n}" for n in self._key_numbers)
        return self._space.create(
            f"{side}_by_key",
            f"SELECT *, count(*) OVER (PARTITION BY {by}) AS alike "
            f"FROM (SELECT *, {keys} FROM {changes})",
        )

    def _pair(self, ours: str, theirs: str) -> None:
        """Puts side by side what both did to the same key.

        Ours updated (1, a) to (1, y), and theirs to (1, z):

            k0  base_c2 ours_c2 theirs_c2  ours_changed_2 theirs_changed_2 differ_2  state
            1   a       y       z          true           true             true      cell
        """
        columns = []
        for i, value in zip(self._ids, self._values, strict=True):
            columns += [
                f"coalesce(o.f_c{i}, t.f_c{i}) AS base_c{i}",
                f"o.t_c{i} AS ours_c{i}",
                f"t.t_c{i} AS theirs_c{i}",
                f"o.f_{value} IS DISTINCT FROM o.t_{value} AS ours_changed_{i}",
                f"t.f_{value} IS DISTINCT FROM t.t_{value} AS theirs_changed_{i}",
                f"o.t_{value} IS DISTINCT FROM t.t_{value} AS differ_{i}",
            ]
        keys = ", ".join(f"o.k{n} AS k{n}" for n in self._key_numbers)
        differing = any_differs("o.t_", "t.t_", self._values)
        same_base = all_same("o.f_", "t.f_", self._values)
        self._space.create(
            "pairs",
            f"SELECT {keys}, {', '.join(columns)}, CASE "
            "WHEN o.alike > 1 OR t.alike > 1 THEN 'duplicates' "
            f"WHEN o.kind = 'i' AND t.kind = 'i' AND ({differing}) THEN 'inserted-both' "
            "WHEN o.kind = 'i' AND t.kind = 'i' THEN 'same' "
            f"WHEN o.kind = 'i' OR t.kind = 'i' OR NOT ({same_base}) THEN 'duplicates' "
            "WHEN o.kind = 'd' AND t.kind = 'd' THEN 'gone' "
            "WHEN o.kind = 'd' THEN 'deleted-by-ours' "
            "WHEN t.kind = 'd' THEN 'deleted-by-theirs' "
            "ELSE 'cell' END AS state, o.kind AS ours_kind, t.kind AS theirs_kind "
            f"FROM {ours} o JOIN {theirs} t ON {all_same('o.k', 't.k', self._key_numbers)}",
        )

    def _decide_single(self) -> None:
        """Decides for keys that each side has once, and notes conflicts."""
        sides = [f"{side}_kind <> 'd', {self._list(f'{side}_c')}" for side in ("ours", "theirs")]
        merged = ", ".join(self._merged_cell(i) for i in self._ids)
        self._decide(
            f"SELECT {', '.join(sides)}, {self._merged_here()}, {merged} "
            f"FROM {self._both} WHERE state <> 'duplicates'"
        )
        if self._resolve is None and self._by_cell:
            found = ", ".join(self._cell_conflict(i) for i in self._ids)
            self._conflict(
                "SELECT state, key, c.name, c.base, c.ours, c.theirs FROM "
                f"(SELECT state, {self._key_json()} AS key, unnest([{found}]) AS c "
                f"FROM {self._both} WHERE state = 'cell' OR state IN {_WHOLE}) "
                "WHERE c IS NOT NULL"
            )
        elif self._resolve is None:
            self._conflict(
                f"SELECT 'cell', {self._key_json()}, NULL, NULL, NULL, NULL "
                f"FROM {self._both} WHERE state <> 'duplicates'"
            )

    def _merged_here(self) -> str:
        """Returns the condition that the merged table has the row of a pair."""
        match self._resolve:
            case "theirs":
                return "theirs_kind <> 'd'"
            case "base":
                return (
                    f"CASE WHEN state IN {_WHOLE} THEN ours_kind <> 'i' ELSE ours_kind <> 'd' END"
                )
        return "ours_kind <> 'd'"

    def _merged_cell(self, i: int) -> str:
        """Returns SQL of the merged value of a column in a pair.

        state  changed by  taking ours, or nothing  taking theirs  taking the base
        cell   ours        ours                     ours           ours
        cell   theirs      theirs                   theirs         theirs
        cell   both        ours                     theirs         base if they differ
        whole rows clash   ours                     theirs         base
        any other          ours                     theirs         ours
        """
        ours, theirs, base = f"ours_c{i}", f"theirs_c{i}", f"base_c{i}"
        only_theirs = f"theirs_changed_{i} AND NOT ours_changed_{i}" if self._by_cell else "false"
        row = ours
        match self._resolve:
            case "theirs":
                changed = f"theirs_changed_{i}" if self._by_cell else "true"
                cell = f"CASE WHEN {changed} THEN {theirs} ELSE {ours} END"
                row = theirs
            case "base":
                cell = (
                    f"CASE WHEN {self._cell_clash(i)} THEN {base} "
                    f"WHEN {only_theirs} THEN {theirs} ELSE {ours} END"
                )
                row = f"CASE WHEN state IN {_WHOLE} THEN {base} ELSE {ours} END"
            case _:
                cell = f"CASE WHEN {only_theirs} THEN {theirs} ELSE {ours} END"
        return f"CASE WHEN state = 'cell' THEN {cell} ELSE {row} END"

    def _cell_clash(self, i: int) -> str:
        """Returns the condition that a cell of a row that both updated is in conflict."""
        both = f"ours_changed_{i} AND theirs_changed_{i} AND " if self._by_cell else ""
        return f"({both}differ_{i})"

    def _cell_conflict(self, i: int) -> str:
        """Returns SQL of the conflict about a cell of a row that both changed; NULL if none."""
        field = self._shape.schema.by_id(i)
        assert field is not None, "columns of the merged shape exist"
        clash = (
            f"(state = 'cell' AND {self._cell_clash(i)}) "
            f"OR (state = 'inserted-both' AND differ_{i}) "
            f"OR (state IN {_DELETED} AND (ours_changed_{i} AND ours_kind = 'u' "
            f"OR theirs_changed_{i} AND theirs_kind = 'u'))"
        )
        base, ours, theirs = (
            f"CAST({part}_c{i} AS VARCHAR)" for part in ("base", "ours", "theirs")
        )
        return (
            f"CASE WHEN {clash} THEN {{'name': {literal(field.name)}, 'base': {base}, "
            f"'ours': {ours}, 'theirs': {theirs}}} END"
        )

    def _decide_groups(self, ours: str, theirs: str) -> None:
        """Decides for keys that several rows have: as a whole, for one side."""
        key_list = ", ".join(f"k{n}" for n in self._key_numbers)
        groups = self._space.create(
            "groups", f"SELECT DISTINCT {key_list} FROM {self._both} WHERE state = 'duplicates'"
        )
        if not self._space.count(groups):
            return
        ours, theirs = (
            f"(SELECT s.* FROM {changes} s "
            f"JOIN {groups} g ON {all_same('s.k', 'g.k', self._key_numbers)})"
            for changes in (ours, theirs)
        )
        if self._resolve == "theirs":
            self._take_theirs(ours, theirs)
            return
        self._decide(f"SELECT {self._row('f', 't', 'f')} FROM {theirs}")
        if self._resolve == "base":
            self._decide(f"SELECT {self._row('t', 'f', 'f')} FROM {ours}")
        if self._resolve is not None:
            return
        clashing = groups
        if self._by_cell:  # what both did alike to a group is no conflict
            values = ", ".join(f"{side}_{value}" for side in "ft" for value in self._values)
            content = f"{key_list}, kind, {values}"
            differing = " UNION ".join(
                f"SELECT {key_list} FROM "
                f"(SELECT {content} FROM {one} EXCEPT ALL SELECT {content} FROM {other})"
                for one, other in ((ours, theirs), (theirs, ours))
            )
            clashing = f"({differing})"
        self._conflict(
            f"SELECT 'duplicates', {self._key_json()}, NULL, NULL, NULL, NULL FROM {clashing}"
        )

    def _take_theirs(self, ours: str, theirs: str) -> None:
        """Takes back what ours did to groups of equal keys, and does what theirs did.

        What ours brought and what theirs removed goes, what ours removed and theirs brought
        comes; what would go and come stays.
        """
        gone = (
            f"SELECT {self._list('t_c')} FROM {ours} WHERE kind <> 'd' UNION ALL "
            f"SELECT {self._list('f_c')} FROM {theirs} WHERE kind <> 'i'"
        )
        come = (
            f"SELECT {self._list('f_c')} FROM {ours} WHERE kind <> 'i' UNION ALL "
            f"SELECT {self._list('t_c')} FROM {theirs} WHERE kind <> 'd'"
        )
        named = f"r({self._list('c')})"
        self._decide(
            f"SELECT {self._states('c', None, None)} FROM (({gone}) EXCEPT ALL ({come})) {named}"
        )
        self._decide(
            f"SELECT {self._states(None, 'c', 'c')} FROM (({come}) EXCEPT ALL ({gone})) {named}"
        )

    def _decide(self, query: str) -> None:
        self._space.con.execute(f"INSERT INTO {self._space.decisions} {query}")

    def _conflict(self, query: str) -> None:
        self._space.con.execute(f"INSERT INTO {self._space.conflicts} {query}")

    def _row(self, *parts: Literal["f", "t"]) -> str:
        """Returns a changed row as a decision: its state before or after for each of its parts."""
        missing = {"f": "i", "t": "d"}
        return ", ".join(f"kind <> '{missing[part]}', {self._list(f'{part}_c')}" for part in parts)

    def _states(self, *prefixes: str | None) -> str:
        """Returns a decision of which each part is a row, by the prefix of its columns, or none."""
        nothing = ", ".join("NULL" for _ in self._ids)
        return ", ".join(
            f"false, {nothing}" if prefix is None else f"true, {self._list(prefix)}"
            for prefix in prefixes
        )

    def _either(self, column: str) -> str:
        """Returns SQL of a column of a changed row: as it is, or as it was if it is deleted."""
        return f"CASE WHEN kind = 'd' THEN f_{column} ELSE t_{column} END"

    def _key_json(self) -> str:
        key = self._shape.fields(self._shape.key)
        return key_json(key, [f"k{n}" for n in self._key_numbers])

    def _list(self, prefix: str) -> str:
        return ", ".join(f"{prefix}{i}" for i in self._ids)
