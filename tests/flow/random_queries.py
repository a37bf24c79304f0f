"""Random queries over two partitioned tables and two others: many are nearly partition-wise."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

TABLES = {
    "o": ("p", "q", "id", "c", "v"),
    "i": ("p", "q", "id", "c", "w"),
    "d": ("c", "n"),
    "k": ("p", "n", "id"),
}
"""The columns of the tables; ``o`` and ``i`` are partitioned by ``p`` and ``q``; ``c`` is text."""

TEXT = frozenset("c")


@dataclass(frozen=True)
class Query:
    """A query, and the names of its columns."""

    sql: str
    columns: tuple[str, ...]

    def item(self, alias: str) -> str:
        """Returns it as an item of a FROM clause."""
        bare = self.sql in TABLES or self.sql.isidentifier()
        return f"{self.sql} {alias}" if bare else f"({self.sql}) {alias}"

    def query(self) -> str:
        """Returns it as a query."""
        bare = self.sql in TABLES or self.sql.isidentifier()
        return f"SELECT * FROM {self.sql}" if bare else self.sql


class Generator:
    """Makes queries from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.numbers = 0
        self.ctes: list[tuple[str, Query]] = []

    def query(self) -> str:
        """Returns one whole query, perhaps with CTEs."""
        count = self.random.choice([0, 0, 1, 2])
        texts = []
        for _ in range(count):
            made = self.relation(self.random.choice([1, 2]))
            name = self.random.choice(["o", "i", "k"]) if self.chance(0.1) else self.alias("x")
            texts.append(f"{name} AS {self.pick(['', 'MATERIALIZED '])}({made.query()})")
            self.ctes = [one for one in self.ctes if one[0] != name]
            self.ctes.append((name, Query(name, made.columns)))
        body = self.relation(self.random.choice([1, 1, 2, 2, 3])).query()
        return f"WITH {', '.join(texts)} {body}" if texts else body

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, of: Sequence[str]) -> str:
        return self.random.choice(list(of))

    def alias(self, letter: str = "t") -> str:
        self.numbers += 1
        return f"{letter}{self.numbers}"

    def relation(self, depth: int) -> Query:
        """Returns a query of about some depth."""
        if depth <= 0:
            return self.table()
        makers = [
            (3, self.filtered),
            (3, self.grouped),
            (2, self.windowed),
            (1, self.distinct),
            (5, self.joined),
            (2, self.united),
            (2, self.with_subquery),
            (1, self.lateral),
            (0.5, self.limited),
            (0.5, self.turned),
            (0.5, self.starred),
        ]
        weights = [weight for weight, _ in makers]
        return self.random.choices([maker for _, maker in makers], weights)[0](depth)

    def table(self) -> Query:
        if self.ctes and self.chance(0.45):
            return self.random.choice(self.ctes)[1]
        shadowed = {name for name, _ in self.ctes}
        name = self.random.choices(["o", "i", "d", "k"], [5, 4, 1, 1])[0]
        if name in shadowed:
            return dict(self.ctes)[name]
        return Query(name, TABLES[name])

    def column(self, columns: Sequence[str], *, partition: float = 0.5) -> str:
        """Returns one of the columns, often a partition column."""
        often = [name for name in columns if name in ("p", "q")]
        return self.pick(often if often and self.chance(partition) else columns)

    def value(self, columns: Sequence[str], prefix: str = "") -> str:
        """Returns an expression over one row."""
        name = self.column(columns)
        text = f"{prefix}{name}"
        if name in TEXT:
            return self.pick([text, text, f"upper({text})", f"{text} || 'x'"])
        return self.pick(
            [text] * 6
            + [f"{text} // 2", f"{text} % 2", f"coalesce({text}, 0)", f"({text})", f"{text} + 1"]
            + [f"CASE WHEN {text} = 1 THEN 0 ELSE {text} END"]
        )

    def condition(self, columns: Sequence[str], prefix: str = "") -> str:
        name = self.column(columns)
        if name in TEXT:
            return f"{prefix}{name} {self.pick(['=', '<>'])} 'x'"
        return self.pick(
            [
                f"{prefix}{name} > 1",
                f"{prefix}{name} IS NOT NULL",
                f"{prefix}{name} IN (0, 1)",
                f"({prefix}{name} = 2 OR {prefix}{name} IS NULL)",
            ]
        )

    def named(self, expressions: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        """Returns a select list of expressions, each under its own or another name."""
        taken: list[str] = []
        parts = []
        for text in expressions:
            last = text.rpartition(".")[2]
            free = [name for name in ("p", "q", "id", "v", "m", "z", "y", "u") if name not in taken]
            if last.isidentifier() and last not in taken and last not in TEXT and self.chance(0.75):
                name = last
                parts.append(text if self.chance(0.7) else f"{text} AS {name}")
            elif (last in TEXT or "'x'" in text or "upper" in text) and "c" not in taken:
                name = "c"
                parts.append(f"{text} AS c")
            elif last in TEXT or "'x'" in text or "upper" in text:
                continue
            else:
                name = self.pick(free)
                parts.append(f"{text} AS {name}")
            taken.append(name)
        return ", ".join(parts), tuple(taken)

    def filtered(self, depth: int) -> Query:
        below = self.relation(depth - 1)
        alias = self.alias()
        prefix = self.pick(["", f"{alias}."])
        wanted = [self.value(below.columns, prefix) for _ in range(self.random.randint(1, 4))]
        if self.chance(0.7) and "p" in below.columns:
            wanted[0] = f"{prefix}p"
        items, names = self.named(wanted)
        where = f" WHERE {self.condition(below.columns, prefix)}" if self.chance(0.5) else ""
        order = " ORDER BY ALL" if self.chance(0.1) else ""
        return Query(f"SELECT {items} FROM {below.item(alias)}{where}{order}", names)

    def aggregate(self, columns: Sequence[str], prefix: str = "") -> str:
        name = self.column(columns, partition=0.2)
        text = f"{prefix}{name}"
        plain = [f"count({text})", f"min({text})", f"max({text})", "count(*)"]
        plain += [f"count(DISTINCT {text})", f"count(*) FILTER (WHERE {text} IS NOT NULL)"]
        if name not in TEXT:
            plain += [f"sum({text})", f"sum({text})", f"bit_xor({text})"]
        return f"CAST({self.pick(plain)} AS INTEGER)" if name not in TEXT else f"count({text})"

    def grouped(self, depth: int) -> Query:
        below = self.relation(depth - 1)
        alias = self.alias()
        keys = [self.value(below.columns) for _ in range(self.random.randint(1, 3))]
        if self.chance(0.6) and "p" in below.columns:
            keys[0] = "p"
        keys = list(dict.fromkeys(keys))
        items, names = self.named(keys)
        keys = keys[: len(names)]
        aggregates = [self.aggregate(below.columns) for _ in range(self.random.randint(0, 2))]
        more = [f"{text} AS a{n}" for n, text in enumerate(aggregates)]
        names += tuple(f"a{n}" for n in range(len(more)))
        select = ", ".join([items, *more])
        first, rest = keys[0], ", ".join(keys[1:]) or keys[0]
        numbers = ", ".join(str(n + 1) for n in range(len(keys)))
        group = self.pick(
            [", ".join(keys)] * 5
            + [numbers] * 2
            + ["ALL"] * 2
            + [", ".join(names[: len(keys)])] * 2
            + [f"{first}, ROLLUP({rest})", f"ROLLUP({', '.join(keys)})", f"CUBE({', '.join(keys)})"]
            + [f"GROUPING SETS (({', '.join(keys)}), ({first}))"]
            + [f"GROUPING SETS (({', '.join(keys)}), ())"]
        )
        clause = "" if self.chance(0.05) else f" GROUP BY {group}"
        having = " HAVING count(*) > 1" if self.chance(0.15) else ""
        return Query(f"SELECT {select} FROM {below.item(alias)}{clause}{having}", names)

    def windowed(self, depth: int) -> Query:
        below = self.relation(depth - 1)
        alias = self.alias()
        keys = ", ".join(
            dict.fromkeys(self.value(below.columns) for _ in range(self.random.randint(1, 2)))
        )
        if self.chance(0.1):
            keys = ""
        partition = f"PARTITION BY {keys}" if keys else ""
        order = f"ORDER BY {', '.join(below.columns)}"
        number = self.column([n for n in below.columns if n not in TEXT] or ["1"])
        function = self.pick(
            [
                f"row_number() OVER ({partition} {order})",
                f"rank() OVER ({partition} ORDER BY {number})",
                f"sum({number}) OVER ({partition})",
                f"lag({number}) OVER ({partition} {order})",
                f"count(*) OVER (w {order})",
                f"max({number}) OVER w",
            ]
        )
        windows = f" WINDOW w AS ({partition})" if " w" in function or "(w" in function else ""
        shown = [name for name in below.columns if self.chance(0.8)] or [below.columns[0]]
        items, names = self.named(shown)
        from_ = below.item(alias)
        if self.chance(0.3):
            sql = f"SELECT {items} FROM {from_}{windows} QUALIFY {function} > 1"
            return Query(sql, names)
        return Query(f"SELECT {items}, {function} AS r FROM {from_}{windows}", (*names, "r"))

    def distinct(self, depth: int) -> Query:
        below = self.relation(depth - 1)
        alias = self.alias()
        shown = [name for name in below.columns if self.chance(0.5)] or [below.columns[0]]
        items, names = self.named(shown)
        if self.chance(0.35):
            key = self.pick([*names, *below.columns])
            order = ", ".join(f"{alias}.{name}" for name in below.columns)
            return Query(
                f"SELECT DISTINCT ON ({key}) {items} FROM {below.item(alias)} ORDER BY {order}",
                names,
            )
        return Query(f"SELECT DISTINCT {items} FROM {below.item(alias)}", names)

    def equality(self, left: Query, right: Query, one: str, other: str) -> str:
        """Returns a condition of a join, often on equal partition values."""
        shared = [name for name in left.columns if name in right.columns]
        parts = []
        if "p" in shared and self.chance(0.7):
            sign = self.pick(["=", "=", "=", "IS NOT DISTINCT FROM"])
            parts.append(
                self.pick(
                    [f"{one}.p {sign} {other}.p"] * 6
                    + [f"{other}.p {sign} {one}.p"] * 2
                    + [f"{one}.p // 2 {sign} {other}.p // 2", f"{one}.p {sign} {other}.p + 1"]
                    + [f"({one}.p {sign} {other}.p OR {one}.p IS NULL)"]
                )
            )
        rest = [name for name in shared if name != "p"]
        if rest and (self.chance(0.6) or not parts):
            name = self.pick(rest)
            parts.append(f"{one}.{name} = {other}.{name}")
        if not parts:
            a = self.pick([n for n in left.columns if n not in TEXT] or ["rowid"])
            b = self.pick([n for n in right.columns if n not in TEXT] or ["rowid"])
            parts.append(f"{one}.{a} {self.pick(['=', '=', '<'])} {other}.{b}")
        self.random.shuffle(parts)
        return " AND ".join(parts)

    def joined(self, depth: int) -> Query:
        left = self.relation(depth - 1)
        right = self.relation(self.random.choice([0, 0, depth - 1]))
        one, other = self.alias(), self.alias()
        kind = self.pick(
            ["JOIN"] * 4
            + ["LEFT JOIN"] * 4
            + ["RIGHT JOIN", "FULL JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN", ","]
        )
        condition = self.equality(left, right, one, other)
        shared = [name for name in left.columns if name in right.columns]
        where = ""
        using: list[str] = []
        if kind == ",":
            tail, where = "", f" WHERE {condition}"
        elif shared and self.chance(0.35):
            using = ["p"] if "p" in shared and self.chance(0.7) else [self.pick(shared)]
            using += [n for n in shared if n not in using and self.chance(0.3)]
            tail = f" USING ({', '.join(using)})"
        else:
            tail = f" ON {condition}"
        from_ = f"{left.item(one)} {kind} {right.item(other)}{tail}"
        columns = [f"{one}.{name}" for name in left.columns if name not in using]
        if kind not in ("SEMI JOIN", "ANTI JOIN"):
            columns += [f"{other}.{name}" for name in right.columns if name not in using]
            columns += [f"{self.pick([one, other])}.{name}" for name in using]
        third = ""
        if self.chance(0.25) and kind not in ("SEMI JOIN", "ANTI JOIN"):
            more, name = self.relation(0), self.alias()
            base, base_name = self.random.choice([(left, one), (right, other)])
            second = self.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
            if using and using[0] in more.columns and self.chance(0.5):
                third = f" {second} {more.item(name)} USING ({using[0]})"
            elif kind != ",":
                third = (
                    f" {second} {more.item(name)} ON {self.equality(base, more, base_name, name)}"
                )
            columns += [f"{name}.{c}" for c in more.columns if third and c not in using]
        self.random.shuffle(columns)
        wanted = [*using, *columns[: self.random.randint(1, 4)]]
        pair = [c for c in (f"{one}.p", f"{other}.p") if c in columns]
        if pair and self.chance(0.6):
            wanted.insert(0, self.pick(pair))
        if len(pair) == 2 and kind == "FULL JOIN" and self.chance(0.8):
            wanted.insert(0, f"coalesce({pair[0]}, {pair[1]})")
        items, names = self.named(list(dict.fromkeys(wanted)))
        if self.chance(0.15) and not where:
            where = f" WHERE {one}.{self.pick(left.columns)} IS NOT NULL"
        return Query(f"SELECT {items} FROM {from_}{third}{where}", names)

    def united(self, depth: int) -> Query:
        left, right = self.relation(depth - 1), self.relation(depth - 1)
        both = [name for name in left.columns if name in right.columns]
        if not both:
            return left
        names = [name for name in both if self.chance(0.7)] or both
        kind = self.pick(
            ["UNION ALL"] * 4
            + ["UNION", "UNION", "EXCEPT", "INTERSECT", "EXCEPT ALL", "INTERSECT ALL"]
            + ["UNION ALL BY NAME", "UNION BY NAME"]
        )
        order = list(names)
        if "BY NAME" in kind or self.chance(0.1):
            numbers = [n for n, name in enumerate(order) if name not in TEXT]
            values = [order[n] for n in numbers]
            self.random.shuffle(values)
            for n, name in zip(numbers, values, strict=True):
                order[n] = name
        one = f"SELECT {', '.join(names)} FROM {left.item(self.alias())}"
        other = f"SELECT {', '.join(order)} FROM {right.item(self.alias())}"
        if self.chance(0.07):
            other = f"SELECT {', '.join('1' if n not in TEXT else repr('x') for n in names)}"
        return Query(f"{one} {kind} {other}", tuple(names))

    def correlated(self, columns: Sequence[str], alias: str) -> tuple[str, str, Query]:
        """Returns a FROM and a WHERE of a subquery, often for the partition of the outer row."""
        below = self.relation(self.random.choice([0, 0, 1]))
        inner = self.alias("s")
        parts = []
        if "p" in columns and "p" in below.columns and self.chance(0.65):
            sign = self.pick(["=", "=", "IS NOT DISTINCT FROM"])
            parts.append(
                self.pick(
                    [f"{inner}.p {sign} {alias}.p"] * 4
                    + [f"p {sign} {alias}.p", f"{alias}.p {sign} {inner}.p"]
                    + [f"{inner}.p // 2 {sign} {alias}.p // 2"]
                )
            )
        shared = [n for n in columns if n in below.columns]
        if shared and self.chance(0.5):
            name = self.pick(shared)
            parts.append(f"{inner}.{name} = {alias}.{name}")
        where = f" WHERE {' AND '.join(parts)}" if parts else ""
        return f"{below.item(inner)}", where, Query(inner, below.columns)

    def with_subquery(self, depth: int) -> Query:
        outer = self.relation(depth - 1)
        alias = self.alias()
        from_, where, inner = self.correlated(outer.columns, alias)
        number = self.pick([n for n in inner.columns if n not in TEXT] or ["1"])
        items, names = self.named([n for n in outer.columns if self.chance(0.7)] or ["1"])
        match self.random.randint(0, 5):
            case 0 | 1:
                no = self.pick(["", "NOT "])
                condition = f"{no}EXISTS (SELECT 1 FROM {from_}{where})"
            case 2 | 3:
                left = self.pick([n for n in outer.columns if n not in TEXT] or ["1"])
                if "p" in outer.columns and "p" in inner.columns and self.chance(0.4):
                    left = number = "p"
                no = self.pick(["", "", "NOT "])
                column = number if number == "1" else f"{inner.sql}.{number}"
                left = left if left == "1" else f"{alias}.{left}"
                condition = f"{left} {no}IN (SELECT {column} FROM {from_}{where})"
            case _:
                column = number if number == "1" else f"{inner.sql}.{number}"
                function = self.pick(["max", "count", "min"])
                value = f"(SELECT {function}({column}) FROM {from_}{where})"
                if self.chance(0.6):
                    sql = f"SELECT {items}, CAST({value} AS INTEGER) AS b FROM {outer.item(alias)}"
                    return Query(sql, (*names, "b"))
                condition = f"{value} > 1"
        return Query(f"SELECT {items} FROM {outer.item(alias)} WHERE {condition}", names)

    def lateral(self, depth: int) -> Query:
        outer = self.relation(depth - 1)
        alias, name = self.alias(), self.alias()
        from_, where, inner = self.correlated(outer.columns, alias)
        columns = [f"{inner.sql}.{c}" for c in inner.columns]
        listed = ", ".join(columns)
        limit = f" ORDER BY {listed} LIMIT 1" if self.chance(0.5) else ""
        body = f"SELECT {listed} FROM {from_}{where}{limit}"
        wanted = [f"{alias}.{c}" for c in outer.columns] + [f"{name}.{c}" for c in inner.columns]
        self.random.shuffle(wanted)
        if "p" in outer.columns and self.chance(0.6):
            wanted.insert(0, f"{alias}.p")
        items, names = self.named(list(dict.fromkeys(wanted[:4])))
        kind = self.pick([", LATERAL", "LEFT JOIN LATERAL", ","])
        tail = " ON true" if "LEFT" in kind else ""
        return Query(f"SELECT {items} FROM {outer.item(alias)} {kind} ({body}) {name}{tail}", names)

    def limited(self, depth: int) -> Query:
        below = self.relation(depth - 1)
        order = ", ".join(below.columns)
        sql = f"SELECT {order} FROM {below.item(self.alias())} ORDER BY {order} LIMIT 2"
        return Query(sql, below.columns)

    def turned(self, depth: int) -> Query:
        below = self.relation(depth - 1)
        numbers = [n for n in below.columns if n not in TEXT]
        if self.chance(0.4) and len(numbers) > 1:
            a = self.pick(numbers)
            rest = [n for n in below.columns if n != a]
            listed = ", ".join(below.columns)
            inner = f"SELECT {listed} FROM {below.item(self.alias())}"
            return Query(f"SELECT * FROM ({inner}) UNPIVOT (y FOR z IN ({a}))", (*rest, "z1", "y"))
        if "c" in below.columns and numbers and self.chance(0.6):
            key = self.column(numbers)
            inner = f"SELECT {', '.join(below.columns)} FROM {below.item(self.alias())}"
            sql = f"PIVOT ({inner}) ON c IN ('x', 'y') USING count(*) GROUP BY {key}"
            return Query(f"SELECT {key}, CAST(x AS INTEGER) AS m FROM ({sql})", (key, "m"))
        name = self.pick(numbers or ["1"])
        sql = f"SELECT {', '.join(below.columns)}, unnest([1, {name}]) AS u FROM "
        return Query(sql + below.item(self.alias()), (*below.columns, "u"))

    def starred(self, depth: int) -> Query:
        below = self.relation(depth - 1)
        alias = self.alias()
        numbers = [n for n in below.columns if n not in TEXT]
        if len(numbers) < 2:
            return below
        a, b = self.random.sample(numbers, 2)
        match self.random.randint(0, 3):
            case 0:
                rest = tuple(n for n in below.columns if n != a)
                return Query(f"SELECT * EXCLUDE ({a}) FROM {below.item(alias)}", rest)
            case 1:
                sql = f"SELECT * REPLACE ({b} AS {a}) FROM {below.item(alias)}"
                return Query(sql, below.columns)
            case 2:
                names = tuple("y" if n == a else n for n in below.columns)
                return Query(f"SELECT * RENAME ({a} AS y) FROM {below.item(alias)}", names)
        names = {a: b, b: a}
        swapped = tuple(names.get(n, n) for n in below.columns)
        sql = below.item(f"{alias}({', '.join(swapped)})")
        return Query(f"SELECT {alias}.* FROM {sql}", swapped)
