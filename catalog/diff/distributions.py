"""How the values of changed columns are distributed before and after, counted exactly.

They are of the rows in files that differ, or of all rows where all are read for statistics. They
are counted on request only: both sides of these columns are read once more.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import duckdb

from catalog.dataclasses import dataclass
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.counts import TEXT_LENGTH
from catalog.diff.edges import day_edges, day_texts, round_edges, time_edges, time_texts
from catalog.diff.findings import Distribution
from catalog.diff.plan import SIDES, ColumnPair, SideName
from catalog.engine.connection import single_row
from catalog.engine.quoting import literal
from catalog.model.types import DataType, Scalar, TypeClass

MOST_COLUMNS = 24
"""Columns of a table whose values are counted, those with most changed cells."""

MOST_VALUES = 12
"""Values that are counted one by one: the most frequent."""

LARGEST = 10**30
"""Numbers from here on are not put in ranges: nobody could read their edges."""

LARGEST_HUGEINT = 2**127
"""What edges must be below to be counted, as many units as it may be."""

_WHOLE = (TypeClass.INTEGER, TypeClass.WIDE_INTEGER)
_NUMBERS = (*_WHOLE, TypeClass.DECIMAL, TypeClass.FLOAT)
_TIMES = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS")
_COUNTED = (TypeClass.TEXT, TypeClass.BOOLEAN, TypeClass.UUID, *_NUMBERS, TypeClass.DATE)


@dataclass(frozen=True, slots=True)
class _Axis:
    """What values are put in ranges by.

    Attributes:
        value: SQL of the number of a value ``{}``; NULL if it has no place.
        kind: The SQL type of these numbers: the engine counts no decimals without rounding them.
        step: The least distance of edges.
        of: ``number``, ``day`` or ``time``.
        unit: The value that 1 stands for.
    """

    value: str
    kind: str
    step: Fraction = Fraction(0)
    of: str = "number"
    unit: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class _Side:
    """The rows of one side: SQL of them, and how many there are."""

    relation: str
    rows: int


def distributions(
    reader: TableReader, cells: Mapping[str, int], *, everything: bool
) -> dict[str, Distribution]:
    """Returns how the values of the columns that changed most are distributed.

    Columns whose values are too different for that are left out.

    Args:
        reader: Reads the table.
        cells: How many cells changed, by column.
        everything: Whether all rows are counted, not only those in files that differ.
    """
    pairs = [pair for pair in reader.plan.pairs if cells.get(pair.name) and not pair.key]
    pairs.sort(key=lambda pair: -cells[pair.name])
    pairs = pairs[:MOST_COLUMNS]
    if not pairs:
        return {}
    sides: dict[SideName, _Side] = {}
    for side in SIDES:
        files = reader.covered(side, everything=everything)
        ids = [pair.on(side).id for pair in pairs]
        sides[side] = _Side(reader.relation(side, files, ids), sum(file.rows for file in files))
    found = _ranges(reader.con, pairs, sides)
    for pair in pairs:
        if pair.name not in found and _is_counted(pair.before.type, pair.after.type):
            values = _values(reader.con, pair, sides)
            if values is not None:
                found[pair.name] = values
    return found


def _is_counted(*kinds: DataType) -> bool:
    return all(isinstance(kind, Scalar) and kind.type_class in _COUNTED for kind in kinds)


def _axis(before: DataType, after: DataType) -> _Axis | None:
    """Returns what the values of both sides are put in ranges by; None if by nothing."""
    if not isinstance(before, Scalar) or not isinstance(after, Scalar):
        return None
    classes = {before.type_class, after.type_class}
    if TypeClass.FLOAT in classes and classes <= set(_NUMBERS):
        double = "CAST({0} AS DOUBLE)"
        return _Axis(f"CASE WHEN isfinite({double}) THEN {double} END", "DOUBLE")
    if classes <= set(_WHOLE):
        return _Axis("CAST({0} AS HUGEINT)", "HUGEINT", Fraction(1))
    if classes <= set(_NUMBERS):
        scale = max(_scale(kind) for kind in (before, after))
        decimal = f"TRY_CAST({{0}} AS DECIMAL(38, {scale}))"
        digits = f"CAST(replace(CAST({decimal} AS VARCHAR), '.', '') AS HUGEINT)"
        unit = Fraction(1, 10**scale)
        return _Axis(digits, "HUGEINT", unit, unit=unit)
    if classes == {TypeClass.DATE}:
        day = "CASE WHEN isfinite({0}) THEN CAST({0} - DATE '1970-01-01' AS HUGEINT) END"
        return _Axis(day, "HUGEINT", of="day")
    if before == after and before.name in _TIMES:
        time = "CASE WHEN isfinite({0}) THEN CAST(epoch_us({0}) AS HUGEINT) END"
        return _Axis(time, "HUGEINT", of="time")
    return None


def _scale(kind: Scalar) -> int:
    return kind.decimal[1] if kind.decimal is not None else 0


def _ranges(
    con: duckdb.DuckDBPyConnection, pairs: Sequence[ColumnPair], sides: Mapping[SideName, _Side]
) -> dict[str, Distribution]:
    """Returns the distributions of the columns that are put in ranges."""
    axes = {pair.number: _axis(pair.before.type, pair.after.type) for pair in pairs}
    ranged = [(pair, axis) for pair in pairs if (axis := axes[pair.number]) is not None]
    if not ranged:
        return {}
    bounds = {side: _bounds(con, ranged, side, sides[side]) for side in SIDES}
    edges = {}
    for n, (pair, axis) in enumerate(ranged):
        found = [
            Fraction(text) * axis.unit for side in SIDES for text in bounds[side][n][2:] if text
        ]
        chosen = _edges(axis, found)
        if chosen is not None:
            edges[pair.number] = chosen
    drawn = [(pair, axis) for pair, axis in ranged if pair.number in edges]
    counts = {side: _counts(con, drawn, edges, (side, sides[side])) for side in SIDES}
    places = {pair.number: n for n, (pair, _) in enumerate(ranged)}
    result = {}
    for n, (pair, axis) in enumerate(drawn):
        (before, after), (old, new) = (
            [counts[side][n] for side in SIDES],
            [bounds[side][places[pair.number]] for side in SIDES],
        )
        rows = sides["f"].rows, sides["t"].rows
        result[pair.name] = Distribution(
            "ranges",
            _texts(axis, edges[pair.number]),
            tuple(before),
            tuple(after),
            others=(int(old[0]) - sum(before), int(new[0]) - sum(after)),
            nulls=(rows[0] - int(old[0]), rows[1] - int(new[0])),
            rows=rows,
        )
    return result


def _bounds(
    con: duckdb.DuckDBPyConnection,
    ranged: Sequence[tuple[ColumnPair, _Axis]],
    side: SideName,
    rows: _Side,
) -> list[tuple[int, int, str, str]]:
    """Returns of each column its values, those with a place, and the least and greatest place."""
    listed = []
    for pair, axis in ranged:
        column = f"c{pair.on(side).id}"
        place = axis.value.format(column)
        listed += [f"count({column})", f"count({place})"]
        listed += [f"CAST({edge}({place}) AS VARCHAR)" for edge in ("min", "max")]
    row = single_row(con, f"SELECT {', '.join(listed)} FROM {rows.relation}")
    return [
        (int(row[n]), int(row[n + 1]), row[n + 2] or "", row[n + 3] or "")
        for n in range(0, len(row), 4)
    ]


def _edges(axis: _Axis, found: Sequence[Fraction]) -> list[Fraction] | None:
    if not found or max(map(abs, found)) >= LARGEST:
        return None
    low, high = min(found), max(found)
    if axis.of == "number":
        edges = round_edges(low, high, axis.step)
        if max(map(abs, edges)) >= LARGEST_HUGEINT * axis.unit:
            return None
        # edges of doubles are doubles themselves, and must still be in order, around all values
        doubles = [Fraction(float(edge)) for edge in edges] if axis.kind == "DOUBLE" else edges
        ordered = sorted(set(doubles))
        return doubles if ordered == doubles and ordered[0] <= low and ordered[-1] > high else None
    days = (day_edges if axis.of == "day" else time_edges)(int(low), int(high))
    return None if days is None else [Fraction(day) for day in days]


def _counts(
    con: duckdb.DuckDBPyConnection,
    drawn: Sequence[tuple[ColumnPair, _Axis]],
    edges: Mapping[int, Sequence[Fraction]],
    rows: tuple[SideName, _Side],
) -> list[list[int]]:
    """Returns of each column how many values are in each range, its lower edge included.

    The engine counts values up to each edge: of negated ones, those from it on.
    """
    if not drawn:
        return []
    side, own = rows
    listed = []
    for pair, axis in drawn:
        place = axis.value.format(f"c{pair.on(side).id}")
        negated = [_number(-edge / axis.unit, axis) for edge in edges[pair.number]]
        turned = [f"CAST({literal(number)} AS {axis.kind})" for number in negated]
        listed.append(f"map_values(histogram(-({place}), [{', '.join(turned[::-1])}]))")
    found = single_row(con, f"SELECT {', '.join(listed)} FROM {own.relation}")
    result = []
    for (pair, _), counts in zip(drawn, found, strict=True):
        ranges = len(edges[pair.number]) - 1
        # the first is of values from the last edge on, of which there are none
        result.append([int(n) for n in counts[1 : ranges + 1]][::-1] if counts else [0] * ranges)
    return result


def _number(edge: Fraction, axis: _Axis) -> str:
    if axis.kind == "DOUBLE":
        return repr(float(edge))
    if edge.denominator == 1:
        return str(int(edge))
    places = len(str(edge.denominator))
    scaled = edge * 10**places
    assert scaled.denominator == 1, "edges of decimals are decimals"
    digits = str(abs(int(scaled))).rjust(places + 1, "0")
    sign = "-" if edge < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}".rstrip("0").rstrip(".")


def _texts(axis: _Axis, edges: Sequence[Fraction]) -> tuple[str, ...]:
    if axis.of == "day":
        return day_texts([int(edge) for edge in edges])
    if axis.of == "time":
        return time_texts([int(edge) for edge in edges])
    if axis.kind == "DOUBLE":
        return tuple(f"{float(edge):.12g}" for edge in edges)
    return tuple(_number(edge, axis) for edge in edges)


def _values(
    con: duckdb.DuckDBPyConnection, pair: ColumnPair, sides: Mapping[SideName, _Side]
) -> Distribution | None:
    """Returns the most frequent values; None if even these are rare: no picture comes of them."""
    groups = []
    for side, counts in (("f", "count(*) AS f, 0 AS t"), ("t", "0 AS f, count(*) AS t")):
        own: SideName = "f" if side == "f" else "t"
        column = f"CAST(c{pair.on(own).id} AS VARCHAR)"
        groups.append(f"SELECT {column} AS v, {counts} FROM {sides[own].relation} GROUP BY v")
    query = (
        f"SELECT v, CAST(sum(f) AS BIGINT), CAST(sum(t) AS BIGINT) "
        f"FROM ({' UNION ALL '.join(groups)}) "
        f"GROUP BY v ORDER BY sum(f) + sum(t) DESC, v NULLS FIRST LIMIT {MOST_VALUES}"
    )
    found = con.execute(f"SELECT left(v, {TEXT_LENGTH}), * EXCLUDE (v) FROM ({query})").fetchall()
    rows = sides["f"].rows, sides["t"].rows
    before, after = (tuple(int(row[n]) for row in found) for n in (1, 2))
    total = sum(rows)
    if not total or max(map(sum, zip(before, after, strict=True)), default=0) * 200 < total:
        return None
    nulls = [
        int(
            single_row(con, f"SELECT count(*) - count(c{pair.on(s).id}) FROM {sides[s].relation}")[
                0
            ]
        )
        for s in SIDES
    ]
    return Distribution(
        "values",
        tuple(None if row[0] is None else str(row[0]) for row in found),
        before,
        after,
        others=(rows[0] - sum(before), rows[1] - sum(after)),
        nulls=(nulls[0], nulls[1]),
        rows=rows,
    )
