"""Merges of values and layouts of all kinds against the oracle, whichever side is taken."""

import datetime
import decimal
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.operations.merge.steps import merging
from catalog.repository.commit_writer import Description
from catalog.write.merge.commits import merge_commits
from catalog.write.merge.ends import Ends
from tests.effort import effort
from tests.oracle.merge import Taking, merge_tables, multiset, row_form

from .conftest import START
from .merges import check_totals

Row = dict[str, object]

KINDS: dict[str, tuple[pa.DataType, list[object]]] = {
    "k": (pa.float64(), [1.0, 2.0, 3.0, -0.0, math.nan, None, 7.5, 8.5, 9.5]),
    "day": (
        pa.timestamp("us", tz="UTC"),
        [datetime.datetime(2024, 1, n, tzinfo=datetime.UTC) for n in (1, 2)],
    ),
    "s": (
        pa.struct([("a", pa.float64()), ("b", pa.list_(pa.string()))]),
        [None, {"a": math.nan, "b": None}, {"a": 0.0, "b": ["x", None]}, {"a": None, "b": []}],
    ),
    "m": (
        pa.map_(pa.string(), pa.int32()),
        [None, {}, {"x": 1, "y": 2}, {"y": 2, "x": 1}, {"x": None}],
    ),
    "d": (pa.decimal128(9, 2), [None, *(decimal.Decimal(n) / 4 for n in (1, 2, 3))]),
    "b": (pa.binary(), [None, b"", b"\0\xff"]),
    "p": (pa.string(), ["a", "b", "c d/é", None]),
    "q": (pa.date32(), [datetime.date(2024, 1, n) for n in (1, 2)]),
}
COLUMNS = tuple(KINDS)


@dataclass(frozen=True)
class Layout:
    """How a table is laid out."""

    key: tuple[str, ...]
    partition: tuple[str, ...]
    repeats: bool = False


LAYOUTS = {
    "float_key": Layout(("k",), ("p",)),
    "two_partitions": Layout(("k", "day"), ("p", "q")),
    "key_with_partitions": Layout(("q", "k", "p"), ("p", "q")),
    "one_file": Layout(("k",), ()),
    "time_key_repeated": Layout(("day", "k"), ("q",), repeats=True),
    "keyless": Layout((), ("q",), repeats=True),
    "keyless_in_one": Layout((), (), repeats=True),
}


def drawn(chance: random.Random) -> Row:
    return {name: chance.choice(values) for name, (_, values) in KINDS.items()}


def without_repeats(rows: Sequence[Row], layout: Layout) -> list[Row]:
    if layout.repeats:
        return list(rows)
    return list({row_form(row, layout.key): row for row in rows}.values())


def edited(rows: Sequence[Row], layout: Layout, chance: random.Random) -> list[Row]:
    """Returns rows after random deletions, updates, moves and insertions, or nothing at all."""
    if chance.random() < 0.1:
        return []
    after: list[Row] = []
    for row in rows:
        if (roll := chance.random()) < 0.15:
            continue
        if roll < 0.6:
            other = drawn(chance)
            changed = [n for n in COLUMNS if n not in layout.key and chance.random() < 0.3]
            row = {**row, **{name: other[name] for name in changed}}
        after.append(row)
    return without_repeats([*after, *(drawn(chance) for _ in range(chance.randrange(3)))], layout)


def encoded(value: object) -> str:
    from urllib.parse import quote

    return "__HIVE_DEFAULT_PARTITION__" if value is None else quote(str(value), safe="")


def write(folder: Path, rows: Sequence[Row], before: Sequence[Row], layout: Layout) -> None:
    """Writes rows as Parquet in up to two files a partition, of row groups of two rows."""
    inner = [name for name in COLUMNS if name not in layout.partition]
    schema = pa.schema([(name, KINDS[name][0]) for name in inner])
    folder.mkdir(parents=True)

    def within(some: Sequence[Row], place: tuple[object, ...]) -> list[Row]:
        return [row for row in some if tuple(row[n] for n in layout.partition) == place]

    for place in dict.fromkeys(tuple(row[n] for n in layout.partition) for row in rows):
        members = within(rows, place)
        side = "base" if members == within(before, place) else folder.parent.name
        parts = [f"{n}={encoded(v)}" for n, v in zip(layout.partition, place, strict=True)]
        at = folder.joinpath(*parts)
        at.mkdir(parents=True, exist_ok=True)
        for number in range(2):
            if part := members[number::2]:
                listed = [
                    {
                        n: list(v.items()) if isinstance(v := r[n], dict) and n == "m" else r[n]
                        for n in inner
                    }
                    for r in part
                ]
                table = pa.Table.from_pylist(listed, schema=schema.with_metadata({"by": side}))
                pq.write_table(table, at / f"{number}.parquet", row_group_size=2)


def take(
    cat: Catalog,
    branch: str,
    folder: Path,
    tables: dict[str, list[Row]],
    base: dict[str, list[Row]],
) -> str:
    with cat.transaction(branch, allow_empty=True) as tx:
        for name, rows in tables.items():
            layout = LAYOUTS[name]
            write(folder / name, rows, base[name], layout)
            kinds = {"p": "VARCHAR", "q": "DATE"}
            tx.snapshot(
                name,
                str(folder / name),
                key=layout.key if rows else None,
                partition_by={n: kinds[n] for n in layout.partition} if rows else None,
                allow_empty=True,
            )
    return cat.resolve(branch).commit_id


WAYS: list[tuple[Taking, bool]] = [
    (None, True),
    *itertools.product(("ours", "theirs", "base"), (True, False)),
    (None, False),
]

NUMBERS = 2
"""Catalogs that are merged; each goes every other way, or all of them with ``--thorough``."""


@pytest.mark.parametrize("number", range(effort(NUMBERS, 30)))
def test_any_merge_of_any_kind_is_that_of_the_oracle(number: int, tmp_path: Path) -> None:
    chance = random.Random(number)
    base = {
        name: without_repeats([drawn(chance) for _ in range(chance.randrange(1, 9))], layout)
        for name, layout in LAYOUTS.items()
    }
    ours = {name: edited(rows, LAYOUTS[name], chance) for name, rows in base.items()}
    theirs = {name: edited(rows, LAYOUTS[name], chance) for name, rows in base.items()}
    cat = catalog.create(str(tmp_path / "lake"))
    start = take(cat, "main", tmp_path / "base", base, base)
    cat.branches.create("other")
    ends = Ends(
        start,
        take(cat, "main", tmp_path / "ours", ours, base),
        take(cat, "other", tmp_path / "theirs", theirs, base),
    )
    for resolve, by_cell in effort(WAYS[number::NUMBERS], WAYS):
        with merging(cat.context) as merger:
            found = merge_commits(
                merger.work,
                ends,
                resolve=lambda table, resolve=resolve: resolve,  # type: ignore[misc]
                by_cell=by_cell,
            )
        about = Description("tester", START, "merged")
        made = cat.repository.writer().write([ends.ours, ends.theirs], found.updates, about)
        check_totals(cat, made)
        told = {row["table_name"] for row in found.conflicts.to_pylist()}
        with cat.connect(made) as session:
            merged = {
                name: session.sql(f"SELECT {', '.join(COLUMNS)} FROM {name}").fetchall()
                for name in LAYOUTS
            }
        for name, layout in LAYOUTS.items():
            outcome = merge_tables(
                base[name],
                ours[name],
                theirs[name],
                key=layout.key,
                columns=COLUMNS,
                partition=layout.partition,
                resolve=resolve,
                by_cell=by_cell,
            )
            rows = [dict(zip(COLUMNS, row, strict=True)) for row in merged[name]]
            context_ = (name, resolve, by_cell, base[name], ours[name], theirs[name])
            mine, yours = (multiset(side[name], COLUMNS) for side in (ours, theirs))
            if not by_cell and mine == yours:  # a table that both have alike is not looked into
                assert multiset(rows, COLUMNS) in (mine, outcome.multiset), context_
                continue
            assert multiset(rows, COLUMNS) == outcome.multiset, context_
            assert (name in told) == (bool(outcome.conflicts) and resolve is None), context_
