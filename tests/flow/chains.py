"""Random chains of derived tables, and plain DuckDB, which says what is in them.

The oracle shares no code with the catalog: the same statements change tables of DuckDB's own, and
each derived table is made there by ``CREATE TABLE … AS`` with the same SQL.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from catalog.query.session import Session

SPECIAL = {
    "DECIMAL(12,3)": "(i * 7.001)::DECIMAL(12,3)",
    "DECIMAL(38,10)": "(i * 1234567.0000001)::DECIMAL(38,10)",
    "TIMESTAMP WITH TIME ZONE": "'2024-03-30 22:30:00+00'::TIMESTAMPTZ + to_minutes(i * 37)",
    "TIMESTAMP": "'1969-12-31 23:00:00'::TIMESTAMP + to_microseconds(i * 3700000001)",
    "UUID": "md5(i::VARCHAR)::UUID",
    "JSON": """('{"i": ' || i || ', "l": [1, null]}')::JSON""",
    "INTERVAL": "to_months(i % 3) + to_days(i % 40) + to_milliseconds(i % 2)",
    "BLOB": "unhex(md5(i::VARCHAR))",
    "INTEGER[]": "[i::INTEGER, NULL, (i % 3)::INTEGER]",
    'STRUCT(a INTEGER, "B c" VARCHAR)': "{'a': i::INTEGER, 'B c': 's' || i}",
    "MAP(VARCHAR, INTEGER)": "MAP {'x': i::INTEGER, 'y': NULL}",
    "HUGEINT": "i::HUGEINT * 170141183460469231731687303715884",
    "UBIGINT": "18446744073709551615 - i",
    "FLOAT": "(i / 3)::FLOAT",
    "DOUBLE[]": "[i / 7, NULL, 'nan'::DOUBLE]",
    "STRUCT(f DOUBLE, l DOUBLE[])": "{'f': i / 7, 'l': [i / 3]}",
    "MAP(VARCHAR, DOUBLE)": "MAP {'x': i / 7}",
    "BOOLEAN": "i % 2 = 0",
    "DATE": "'2024-02-28'::DATE + i::INTEGER",
    "TIME": "'00:00:00'::TIME + to_seconds(i * 61)",
    "VARCHAR": "chr((i % 60 + 65)::INTEGER) || repeat('é', (i % 3)::INTEGER)",
}
"""Types of the column ``x``, each with the expression of a value by a number ``i``."""

ROW = (
    "SELECT i::BIGINT AS id, CASE WHEN i % 9 = 4 THEN NULL ELSE (i * {m} % 7)::INTEGER END AS day, "
    "['a', 'b', 'B', 'é''x', NULL, ''][(i * {m} % 6 + 1)::INTEGER] AS c, "
    "CASE WHEN i % 13 = 5 THEN NULL ELSE (i * {m} % 101) / 7 + 0.1 END AS v, "
    "((i * {m}) % 23 - 3)::BIGINT AS w, "
    "CASE WHEN i % 10 = 3 THEN NULL ELSE ({x})::{kind} END AS x FROM range({start}, {stop}) t(i)"
)

COLUMNS = ("id", "day", "c", "v", "w", "x")


@dataclass(frozen=True)
class Model:
    """A table: an input, or derived."""

    name: str
    x: str
    sql: str = ""
    key: tuple[str, ...] | None = None
    by: tuple[str, ...] = ()


def _unkeyed(a: Model, b: Model, draw: random.Random) -> str:
    """Returns SQL without a key over two tables."""
    n, m, one, two = draw.randrange(2, 5), draw.randrange(-3, 15), a.name, b.name
    both = f"SELECT {', '.join(COLUMNS)} FROM"
    choices = [
        f"SELECT * FROM {one} WHERE w % {n} <> 0 OR c IS NULL",
        f"SELECT id + {m} AS id, day, upper(c) AS c, v * 1.1 AS v, w - 1 AS w, x FROM {one}",
        f"SELECT id, day, c, v, w, x FROM {one} WHERE false",
        f"FROM {one} WHERE day IS NULL OR day > {m}",
        f"SELECT id % 2 AS id, day, c, 0.5 AS v, 1 AS w, NULL::INTEGER AS x FROM {one}",
        f"SELECT DISTINCT NULL::BIGINT AS id, day, c, 1e300 AS v, w % 4 AS w, x FROM {one}",
        f"SELECT id, day, c, avg(v) OVER (PARTITION BY day) AS v, "
        f"CAST(sum(w) OVER (PARTITION BY day, c) AS BIGINT) AS w, x FROM {one}",
        f"SELECT id, day, c, v, rank() OVER (PARTITION BY c ORDER BY w, id) AS w, x FROM {one}",
        f"WITH s AS (SELECT day, sum(v) AS sv, count(*) AS n FROM {two} GROUP BY day) "
        f"SELECT a.id, a.day, a.c, a.v + coalesce(s.sv, 0) AS v, coalesce(s.n, -1) AS w, a.x "
        f"FROM {one} a LEFT JOIN s USING (day)",
        f"SELECT a.* FROM {one} a WHERE EXISTS (SELECT 1 FROM {two} b WHERE b.day = a.day "
        f"AND b.w > {m})",
        f"SELECT a.* FROM {one} a ANTI JOIN {two} b ON a.id = b.id",
        f"SELECT * FROM {one} WHERE w > (SELECT min(w) + {n} FROM {two})",
        f"SELECT id, day, c, v, CAST(e AS BIGINT) AS w, x FROM "
        f"(SELECT *, unnest([w, w, {m}]) AS e FROM {one})",
        f"SELECT * FROM {one} ORDER BY id, w, day, c, v, x::VARCHAR LIMIT 17",
        f"SELECT id, day, c, v, w, x FROM {one} QUALIFY count(*) OVER (PARTITION BY day) > 3",
    ]
    if a.x == b.x:
        choices += [
            f"{both} {one} UNION ALL {both} {two}",
            f"{both} {one} UNION ALL {both} {one}",
            f"{both} {one} UNION ALL BY NAME {both} {two}",
        ]
    return draw.choice(choices)


def _keyed(a: Model, b: Model, draw: random.Random) -> tuple[str, tuple[str, ...] | None]:
    """Returns SQL with a key over two tables, and the key to give if it does not say it."""
    one, two = a.name, b.name
    values = "sum(v) AS v, count(*) AS w, max(x::VARCHAR) AS x"
    return draw.choice(
        [
            (f"SELECT min(id) AS id, day, c, {values} FROM {one} GROUP BY day, c", None),
            (f"SELECT c, day, max(id) AS id, {values} FROM {one} GROUP BY ALL", None),
            (f"SELECT min(id) AS id, min(day) AS day, c, {values} FROM {one} GROUP BY c", None),
            (f"SELECT 0::BIGINT AS id, 1 AS day, 'all' AS c, {values} FROM {one}", None),
            (
                f"SELECT DISTINCT ON (day, c) id, day, c, v, w, x FROM {one} "
                f"ORDER BY day, c, id, w, x::VARCHAR, v",
                None,
            ),
            (
                f"SELECT id, any_value(day ORDER BY day) AS day, NULL::VARCHAR AS c, {values} "
                f"FROM {one} GROUP BY 1",
                ("id",),
            ),
            (
                f"SELECT count(*) FILTER (WHERE b.c IS NULL) AS id, day, 'é' AS c, "
                f"sum(a.v * 1e-3) AS v, count(DISTINCT b.w) AS w, max(a.x::VARCHAR) AS x "
                f"FROM {one} a JOIN (SELECT DISTINCT day, c, w FROM {two}) b USING (day) "
                f"GROUP BY day",
                None,
            ),
        ]
    )


@dataclass
class Chain:
    """Inputs and derived tables over them, of random shape.

    Attributes:
        inputs: The inputs.
        models: The derived tables, each after those that it reads.
    """

    seed: int
    inputs: list[Model] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        kinds = self.draw.sample(list(SPECIAL), 3)
        for number, kind in enumerate((*kinds, kinds[0])):
            by = ("day",) if number != 2 else ()
            self.inputs.append(Model(f"t{number}", kind, key=(), by=by))

    def add(self) -> Model:
        """Adds a derived table."""
        model = self.drawn(f"d{len(self.models)}")
        self.models.append(model)
        return model

    def drawn(self, name: str, upto: int | None = None) -> Model:
        """Returns a derived table over those before it."""
        draw = self.draw
        among = [*self.inputs, *self.models[:upto]]
        a = draw.choice(among[-8:] if draw.random() < 0.6 else among)
        b = draw.choice(among)
        by = draw.choice([(), ("day",), ("day",), ("day", "c"), ("c",)])
        if draw.random() < 0.6:
            sql = _unkeyed(a, b, draw)
            return Model(name, "INTEGER" if "NULL::INTEGER AS x" in sql else a.x, sql, (), by)
        sql, key = _keyed(a, b, draw)
        return Model(name, a.x if "DISTINCT ON" in sql else "VARCHAR", sql, key, by)


def shown(columns: Sequence[tuple[str, str]]) -> str:
    """Returns a select list of texts in which equal values are equal, floats to nine digits."""
    parts = []
    for name, kind in columns:
        quoted = '"' + name.replace('"', '""') + '"'
        if kind in ("DOUBLE", "FLOAT"):
            parts.append(f"format('{{:.8e}}', {quoted}::DOUBLE + 0.0)")
        elif "DOUBLE" in kind:
            digits = "([0-9]+[.][0-9]{1,6})[0-9]*"
            parts.append(f"regexp_replace({quoted}::VARCHAR, '{digits}', '\\1', 'g')")
        else:
            parts.append(f"{quoted}::VARCHAR")
    return ", ".join(parts)


Rows = Counter[tuple[str | None, ...]]


class Oracle:
    """A DuckDB with the same inputs, in which derived tables are made anew."""

    def __init__(self) -> None:
        self.con = duckdb.connect()
        self.con.execute("SET TimeZone = 'UTC'")

    def rebuild(self, models: Sequence[Model]) -> None:
        for model in models:
            self.con.execute(f"CREATE OR REPLACE TABLE {model.name} AS {model.sql}")

    def columns(self, name: str) -> list[tuple[str, str]]:
        """Returns names and types, as the catalog keeps them."""
        found = self.con.execute(f"DESCRIBE {name}").fetchall()
        return [(row[0], row[1].replace("HUGEINT", "DECIMAL(38,0)")) for row in found]

    def rows(self, name: str) -> Rows:
        query = f"SELECT {shown(self.columns(name))} FROM {name}"
        return Counter(self.con.execute(query).fetchall())


def described(session: Session, name: str) -> list[tuple[str, str]]:
    return [(str(row[0]), str(row[1])) for row in session.sql(f"DESCRIBE {name}").fetchall()]


def rows(session: Session, name: str, columns: Sequence[tuple[str, str]]) -> Rows:
    return Counter(session.sql(f"SELECT {shown(columns)} FROM {name}").fetchall())


def row_sql(draw: random.Random, kind: str, start: int, rows: int) -> str:
    """Returns a query of rows for an input."""
    factor = draw.choice([1, 3, 5, 11])
    return ROW.format(m=factor, x=SPECIAL[kind], kind=kind, start=start, stop=start + rows)
