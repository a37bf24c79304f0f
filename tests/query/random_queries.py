"""Random queries over the tables of the lineage corpus; some of them DuckDB refuses."""

import random
from dataclasses import dataclass

from tests.query.lineage_corpus import TABLES

NUMBERS = {"orders": ["id", "cust", "qty", "amount"], "items": ["id", "order_id", "price"]}
NUMBERS["cust"] = ["cust"]


@dataclass(frozen=True)
class Source:
    """Something in a FROM clause: its SQL, its alias and its numeric columns."""

    sql: str
    alias: str
    numbers: list[str]


class RandomQueries:
    """Makes random queries."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.count = 0

    def query(self, depth: int = 2) -> str:
        """Returns a query with numeric columns ``c0``, ``c1`` …"""
        return self._query(self.rng.randrange(1, 4), depth)

    def _query(self, width: int, depth: int, outer: list[str] | None = None) -> str:
        rng = self.rng
        if depth and rng.random() < 0.2:
            operator = rng.choice(["UNION", "UNION ALL", "EXCEPT", "INTERSECT", "UNION BY NAME"])
            sides = [self._query(width, depth - 1, outer) for _ in range(2)]
            return f"(({sides[0]}) {operator} ({sides[1]}))"
        if depth and rng.random() < 0.2:
            name = self._name("w")
            inner = self._query(2, depth - 1)
            source = Source(name, name, ["c0", "c1"])
            return f"WITH {name} AS ({inner}) {self._select(width, depth - 1, [source], outer)}"
        return self._select(width, depth, [], outer)

    def _name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def _source(self, depth: int) -> Source:
        rng, alias = self.rng, self._name("s")
        if depth and rng.random() < 0.3:
            return Source(f"({self._query(2, depth - 1)}) AS {alias}", alias, ["c0", "c1"])
        table = rng.choice(list(TABLES))
        return Source(f"{table} AS {alias}", alias, NUMBERS[table])

    def _select(
        self, width: int, depth: int, sources: list[Source], outer: list[str] | None
    ) -> str:
        rng = self.rng
        sources = sources or [self._source(depth)]
        from_ = sources[0].sql
        while rng.random() < 0.4 and len(sources) < 3:
            other = self._source(depth - 1 if depth else 0)
            kind = rng.choice(["JOIN", "LEFT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN", ","])
            left = [f"{one.alias}.{c}" for one in sources for c in one.numbers]
            on = f"{rng.choice(left)} = {other.alias}.{rng.choice(other.numbers)}"
            from_ += f", {other.sql}" if kind == "," else f" {kind} {other.sql} ON {on}"
            if kind not in ("SEMI JOIN", "ANTI JOIN"):
                sources = [*sources, other]
        columns = [f"{one.alias}.{c}" for one in sources for c in one.numbers]
        return self._body(width, depth, from_, [*columns, *(outer or [])], columns)

    def _body(
        self, width: int, depth: int, from_: str, every: list[str], columns: list[str]
    ) -> str:
        rng = self.rng
        where = f" WHERE {self._condition(every, depth)}" if rng.random() < 0.5 else ""
        if rng.random() < 0.35:
            keys = [self._value(columns, 0) for _ in range(rng.randrange(0, 2) or width - 1)]
            keys = keys[: width - 1]
            made = [f"{key} AS c{n}" for n, key in enumerate(keys)]
            made += [f"{self._aggregate(every)} AS c{n}" for n in range(len(keys), width)]
            group = f" GROUP BY {', '.join(keys)}" if keys else ""
            if keys and rng.random() < 0.3:
                group = " GROUP BY ALL"
            having = f" HAVING {self._aggregate(every)} > 1" if keys and rng.random() < 0.3 else ""
            return f"SELECT {', '.join(made)} FROM {from_}{where}{group}{having}"
        values = [self._value(every, depth) for _ in range(width)]
        if rng.random() < 0.25:
            values[-1] = self._window(columns)
        distinct = "DISTINCT " if rng.random() < 0.15 else ""
        qualify = f" QUALIFY {self._window(columns)} < 3" if rng.random() < 0.15 else ""
        order = ""
        if rng.random() < 0.2:
            order = f" ORDER BY {', '.join(columns)} LIMIT {rng.randrange(1, 5)}"
        made = [f"{v} AS c{n}" for n, v in enumerate(values)]
        if distinct:
            order = ""
        return f"SELECT {distinct}{', '.join(made)} FROM {from_}{where}{qualify}{order}"

    def _value(self, columns: list[str], depth: int) -> str:
        rng = self.rng
        pick = rng.random()
        one, other = rng.choice(columns), rng.choice(columns)
        if depth and pick < 0.15:
            inner = self._query(1, depth - 1, columns)
            return f"(SELECT max(c0) FROM ({inner}) AS {self._name('q')})"
        if pick < 0.5:
            return one
        if pick < 0.65:
            return f"{one} + {other}"
        if pick < 0.8:
            return f"CASE WHEN {one} > 1 THEN {other} ELSE 0 END"
        return f"coalesce({one}, {other}, 1)"

    def _aggregate(self, columns: list[str]) -> str:
        rng = self.rng
        one, other = rng.choice(columns), rng.choice(columns)
        forms = [
            f"sum({one})",
            "count(*)",
            f"max({one})",
            f"count(DISTINCT {one})",
            f"sum({one}) FILTER (WHERE {other} > 1)",
            f"arg_max({one}, {other})",
        ]
        return rng.choice(forms)

    def _window(self, columns: list[str]) -> str:
        rng = self.rng
        one, other = rng.choice(columns), rng.choice(columns)
        function = rng.choice([f"rank() OVER (PARTITION BY {one} ", f"sum({one}) OVER ("])
        return f"{function}ORDER BY {other})"

    def _condition(self, columns: list[str], depth: int) -> str:
        rng = self.rng
        one, other = rng.choice(columns), rng.choice(columns)
        if depth and rng.random() < 0.3:
            inner = self._query(1, depth - 1, columns)
            form = rng.choice(["EXISTS ({})", "NOT EXISTS ({})", f"{one} IN ({{}})"])
            return form.format(inner)
        return rng.choice([f"{one} > 1", f"{one} = {other}", f"{one} IS NOT NULL OR {other} < 2"])
