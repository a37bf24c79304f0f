"""Random pairs of table versions, small enough that keys repeat and rows coincide."""

import datetime
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal as Dec

import pyarrow as pa
from hypothesis import assume
from hypothesis import strategies as st

from tests.diff.cases_arrow import oracle_type, oracle_values
from tests.diff.cases_pair import Pair, Side
from tests.oracle.equality import comparable

NAN = float("nan")
I64, TEXT, F64 = pa.int64(), pa.string(), pa.float64()
DAY = datetime.date(2024, 1, 31)
NOON, MIDNIGHT = 1_706_702_400, 1_706_659_200

DOMAINS: dict[str, tuple[pa.DataType, list[object]]] = {
    "tinyint": (pa.int8(), [0, 1, -1, 7]),
    "integer": (pa.int32(), [0, 1, 2, 7]),
    "bigint": (I64, [0, 1, 7, 2**53, 2**53 + 1]),
    "ubigint": (pa.uint64(), [0, 1, 7, 2**63]),
    "float": (pa.float32(), [0.0, -0.0, 1.0, 7.5, 0.1, NAN]),
    "double": (F64, [0.0, -0.0, 1.0, 7.5, 0.1, NAN, 2.0**53, float("inf")]),
    "decimal": (pa.decimal128(9, 2), [Dec("0.00"), Dec("1.00"), Dec("7.50"), Dec("-1.25")]),
    "fine decimal": (pa.decimal128(30, 5), [Dec("0"), Dec("1"), Dec("7.5"), Dec("7.50001")]),
    "boolean": (pa.bool_(), [True, False]),
    "text": (TEXT, ["", "a", "A", "1", "7.5", "7.50", "true", "2024-01-31", "nan", "é"]),
    "dictionary": (pa.dictionary(pa.int8(), TEXT), ["", "a", "A", "1", "true"]),
    "blob": (pa.binary(), [b"", b"a", b"\0", b"a\0"]),
    "date": (pa.date32(), [DAY, DAY + datetime.timedelta(1)]),
    "timestamp": (pa.timestamp("us"), [0, NOON * 10**6, MIDNIGHT * 10**6, 1]),
    "fine timestamp": (pa.timestamp("ns"), [0, NOON * 10**9, MIDNIGHT * 10**9, 1]),
    "zoned timestamp": (pa.timestamp("us", "UTC"), [0, NOON * 10**6, MIDNIGHT * 10**6, 1]),
    "time": (pa.time64("us"), [0, 1, 43_200_000_000]),
    "uuid": (pa.uuid(), [b"\0" * 16, b"\xff" * 16]),
    "list": (pa.list_(F64), [[], [None], [NAN], [0.0], [-0.0, 1.0], [1.0, 0.0]]),
    "struct": (
        pa.struct([("x", I64), ("y", TEXT)]),
        [{"x": 1, "y": "a"}, {"x": None, "y": None}, {"x": 1, "y": None}],
    ),
    "map": (pa.map_(TEXT, I64), [[], [("a", 1), ("b", 2)], [("b", 2), ("a", 1)], [("a", None)]]),
}
"""Types with a few values each, chosen so that values of unlike types are equal."""

IDENTIFIERS: dict[str, tuple[pa.DataType, list[object]]] = {
    "identifier": (I64, list(range(60))),
    "narrow identifier": (pa.int16(), list(range(60))),
    "double identifier": (F64, [float(i) for i in range(60)]),
    "decimal identifier": (pa.decimal128(12, 3), [Dec(i) for i in range(60)]),
    "text identifier": (TEXT, [str(i) for i in range(60)]),
}
"""Types of a column that makes a likely key, as its values seldom repeat."""

ALL_DOMAINS = DOMAINS | IDENTIFIERS

PARTITION_VALUES: Sequence[Sequence[str | None]] = (
    ("1", "2", None),
    ("a", "b", "A"),
    ("2024-01-31", "2024-02-01"),
)
PLAIN_NAMES = ("a", "b", "c", "A", "d e", "_from", "é", "f", "g")

Record = dict[str, object]
"""A row by column name; partition columns hold the text that stands in the path."""

Placed = list[tuple[str, Record]]
"""Rows, each with the path of the file it lies in."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The shape of one side: the domain of each column, and the partition columns."""

    columns: Mapping[str, str]
    partitions: Mapping[str, Sequence[str | None]]

    def choices(self, name: str) -> Sequence[object]:
        """Gives the values that a column may hold."""
        if name in self.partitions:
            return self.partitions[name]
        return [None, *ALL_DOMAINS[self.columns[name]][1]]

    def names(self) -> list[str]:
        """Names all columns, partition columns last."""
        return [*self.columns, *self.partitions]

    def folder(self, record: Record) -> str:
        """Gives the hive-style folder of a row."""
        parts = ((name, record[name]) for name in self.partitions)
        values = (f"{n}={'__HIVE_DEFAULT_PARTITION__' if v is None else v}/" for n, v in parts)
        return "".join(values)

    def file(self, records: Sequence[Record]) -> pa.Table:
        """Builds the contents of one file."""
        arrays = [
            pa.array([record[name] for record in records], ALL_DOMAINS[domain][0])
            for name, domain in self.columns.items()
        ]
        return pa.Table.from_arrays(arrays, names=list(self.columns))


def pairs() -> st.SearchStrategy[Pair]:
    """Draws two versions of a table, and how to compare them.

    Half of them come of choices that Hypothesis makes, and can shrink; it likes them poor.
    The other half come of seeds, and are rich.
    """
    seeds = st.integers(0, 2**63).map(random.Random)
    return st.one_of(st.randoms(use_true_random=False), seeds).map(random_pair)


def random_pair(rnd: random.Random) -> Pair:
    """Makes up two versions of a table, and how to compare them."""
    before, after = _layouts(rnd)
    records = [_record(rnd, before) for _ in range(rnd.choice([0, 1, 4, 6, 6, 8, 8, 12]))]
    old = _placed(rnd, before, "old", records)
    files = _files(before, old)
    kept: set[str] = set()
    if before.columns.items() <= after.columns.items():
        kept = {path for path in files if rnd.randint(0, 2) == 2}
    changed = _changed(rnd, after, [record for path, record in old if path not in kept])
    new = _placed(rnd, after, "new", changed)
    later = {path: files[path] for path in kept} | (_files(after, new) if new or not kept else {})
    common = [
        name for name in after.names() if name in after.partitions or _compared(before, after, name)
    ]
    assume(common)
    key = _key(rnd, common)
    declared = rnd.choice([True, False])
    own_key = key if declared else ()
    return Pair(
        "random",
        Side(files, own_key),
        Side(later, own_key),
        key=None if declared or not key else key,
        columns=_columns(rnd, after, key, common),
        tolerance=_tolerance(rnd, before, after, key, common),
        loose_types=tuple(after.partitions),
    )


def described(pair: Pair) -> str:
    """Writes a pair so that a failing one can be read."""
    lines = [f"key={pair.key} columns={pair.columns} tolerance={dict(pair.tolerance)}"]
    for name, side in (("before", pair.before), ("after", pair.after)):
        lines.append(f"{name}: key {side.key}")
        for path, table in side.files.items():
            assert isinstance(table, pa.Table)
            types = ", ".join(f"{field.name!r} {field.type}" for field in table.schema)
            lines.append(f"  {path}: {types}")
            columns = [oracle_values(column) for column in table.columns]
            lines += [f"    {row}" for row in zip(*columns, strict=True)]
    return "\n".join(lines)


def _layouts(rnd: random.Random) -> tuple[Layout, Layout]:
    domains = sorted(DOMAINS)
    before = {name: rnd.choice(domains) for name in _some(rnd, PLAIN_NAMES, 1, 5)}
    if rnd.randint(0, 2):
        before["id"] = "identifier"
    after = dict(before)
    if rnd.randint(0, 1):
        for name in before:
            fate = rnd.choice(["keep", "keep", "keep", "keep", "retype", "drop"])
            if fate == "retype":
                after[name] = rnd.choice(sorted(IDENTIFIERS) if name == "id" else domains)
            elif fate == "drop" and name != "id":
                del after[name]
        rest = [name for name in PLAIN_NAMES if name not in before]
        after |= {name: rnd.choice(domains) for name in _some(rnd, rest, 0, 2)}
        after = {name: after[name] for name in _some(rnd, list(after), len(after), len(after))}
    assume(after)
    count = rnd.choice([0, 0, 1, 2])
    partitions = {name: rnd.choice(PARTITION_VALUES) for name in ("p", "q")[:count]}
    return Layout(before, partitions), Layout(after, partitions)


def _some(rnd: random.Random, names: Sequence[str], least: int, most: int) -> list[str]:
    """Picks distinct names, in any order."""
    return rnd.sample(names, rnd.randint(least, min(most, len(names))))


def _record(rnd: random.Random, layout: Layout, kept: Record | None = None) -> Record:
    """Makes up a row; of an earlier one it takes over the values that the layout has, too."""
    record: Record = {}
    for name in layout.names():
        choices = layout.choices(name)
        same = [v for v in choices if kept and name in kept and _alike(v, kept[name])]
        record[name] = same[0] if same else rnd.choice(choices)
    return record


def _alike(one: object, other: object) -> bool:
    return one == other or str(one) == str(other)


def _placed(rnd: random.Random, layout: Layout, name: str, records: list[Record]) -> Placed:
    return [
        (f"{layout.folder(record)}{name}{rnd.randint(0, 1)}.parquet", record) for record in records
    ]


def _changed(rnd: random.Random, layout: Layout, records: list[Record]) -> list[Record]:
    """Makes up what becomes of rows: they stay, go, double, or get other cells."""
    result: list[Record] = []
    fates = ["stay", "stay", "stay", *["change"] * 6, "go", "double"]
    for record in records:
        fate = rnd.choice(fates)
        if fate == "go":
            continue
        row = _record(rnd, layout, record)
        if fate == "change":
            names = [name for name in layout.names() if name != "id" or not rnd.randint(0, 5)]
            for name in _some(rnd, names or layout.names(), 1, 2):
                row[name] = rnd.choice(layout.choices(name))
        result += [row, dict(row)] if fate == "double" else [row]
    result += [_record(rnd, layout) for _ in range(rnd.randint(0, 3))]
    rnd.shuffle(result)
    return result


def _files(layout: Layout, placed: Placed) -> dict[str, pa.Table]:
    contents: dict[str, list[Record]] = {}
    for path, record in placed:
        contents.setdefault(path, []).append(record)
    if not contents:
        first: Record = {name: values[0] for name, values in layout.partitions.items()}
        contents[f"{layout.folder(first)}empty.parquet"] = []
    return {path: layout.file(records) for path, records in contents.items()}


def _key(rnd: random.Random, common: list[str]) -> tuple[str, ...]:
    """Picks key columns: mostly the one whose values seldom repeat."""
    if "id" in common and rnd.randint(0, 2):
        return ("id",)
    return tuple(_some(rnd, common, 0, 2))


def _compared(before: Layout, after: Layout, name: str) -> bool:
    if name not in before.columns or name not in after.columns:
        return False
    types = (oracle_type(ALL_DOMAINS[layout.columns[name]][0]) for layout in (before, after))
    return comparable(*types)


def _columns(
    rnd: random.Random, after: Layout, key: tuple[str, ...], common: list[str]
) -> tuple[str, ...] | None:
    rest = [name for name in common if name not in key and name not in after.partitions]
    if not rest or rnd.randint(0, 7) < 7:
        return None
    chosen = _some(rnd, rest, 1, len(rest))
    return (*chosen, *(name for name in after.partitions if name not in key))


def _tolerance(
    rnd: random.Random, before: Layout, after: Layout, key: tuple[str, ...], common: list[str]
) -> dict[str, str]:
    numeric = [
        name
        for name in common
        if name not in key
        and name not in after.partitions
        and all(_numeric(layout, name) for layout in (before, after))
    ]
    if not key or not numeric or rnd.randint(0, 1):
        return {}
    return {name: rnd.choice(["0.5", "1", "7", "7", "10%", "100%"]) for name in numeric}


def _numeric(layout: Layout, name: str) -> bool:
    type_ = ALL_DOMAINS[layout.columns[name]][0]
    return bool(
        pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
    )
