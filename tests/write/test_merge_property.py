"""Merges of random tables against the oracle, which shares no code with them."""

import json
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog
from tests.effort import effort
from tests.oracle.merge import MergeOutcome, merge_tables, multiset

Row = dict[str, object]

SCHEMA = pa.schema([("k", pa.int64()), ("j", pa.string()), ("x", pa.float64()), ("y", pa.string())])
PARTITION = "p"
COLUMNS = ("k", "j", "x", "y", "p")
TABLES = 6
"""Tables merged at once in an example: a catalog is dearer than a table."""

KEYS: dict[str, tuple[str, ...]] = {
    "single": ("k",),
    "double": ("k", "j"),
    "with_partition": ("k", "p"),
    "none": (),
}


def random_rows(chance: random.Random, repeats: bool) -> list[Row]:
    """Returns the rows of a base table; keys repeat only if wanted."""
    keys: list[int | None] = [*range(7), None] if repeats else [*range(40)]
    count = chance.randrange(11)
    return [
        {
            "k": key,
            "j": chance.choice(["a", "b"]),
            "x": chance.choice([None, 0.0, -0.0, 1.5, math.nan]),
            "y": chance.choice([None, "", "u", "v"]),
            "p": chance.choice(["p1", "p2", "p3"]),
        }
        for key in (chance.choices(keys, k=count) if repeats else chance.sample(keys, count))
    ]


def edited(rows: Sequence[Row], chance: random.Random, repeats: bool) -> list[Row]:
    """Returns rows after random deletions, updates, moves and insertions."""
    after: list[Row] = []
    for row in rows:
        roll = chance.random()
        if roll < 0.15:
            continue
        if roll < 0.6:
            row = dict(row)
            for column, values in (("x", [None, 0.0, 2.5, math.nan]), ("y", [None, "w", "v"])):
                if chance.random() < 0.5:
                    row[column] = chance.choice(values)
            if chance.random() < 0.2:
                row["p"] = chance.choice(["p1", "p2", "p4"])
        after.append(row)
        if repeats and chance.random() < 0.1:
            after.append(dict(row))
    taken = {row["k"] for row in after}
    for _ in range(chance.randrange(3)):
        key = chance.randrange(7) if repeats else chance.randrange(38, 44)
        if key in taken and not repeats:
            continue
        taken.add(key)
        after.append(
            {
                "k": key,
                "j": chance.choice(["a", "b"]),
                "x": chance.choice([None, 7.0]),
                "y": chance.choice(["n", None]),
                "p": chance.choice(["p1", "p2", "p5"]),
            }
        )
    chance.shuffle(after)
    return after


def write(folder: Path, rows: Sequence[Row], before: Sequence[Row], files: int, side: str) -> None:
    """Writes rows as a hive directory, each partition in up to some files.

    Files of partitions that a side changed are marked as its own: no two are the same.
    """
    folder.mkdir(parents=True)
    for partition in sorted({str(row[PARTITION]) for row in rows}):
        members = [row for row in rows if row[PARTITION] == partition]
        unchanged = members == [row for row in before if row[PARTITION] == partition]
        schema = SCHEMA.with_metadata({"side": "base" if unchanged else side})
        place = folder / f"{PARTITION}={partition}"
        place.mkdir()
        for number in range(files):
            part = members[number::files]
            if part:
                table = pa.Table.from_pylist(part, schema=schema)
                pq.write_table(table, place / f"{number}.parquet")


def take(
    cat: Catalog,
    branch: str,
    folder: Path,
    tables: Mapping[str, Sequence[Row]],
    before: Mapping[str, Sequence[Row]],
    files: int,
) -> None:
    with cat.transaction(branch) as tx:
        for name, rows in tables.items():
            write(folder / name, rows, before[name], files, folder.name)
            tx.snapshot(
                name,
                str(folder / name),
                key=KEYS[name.rpartition("_")[0]],
                partition_by=[PARTITION] if rows else None,
                allow_empty=True,
            )


def found_conflicts(
    conflicts: pa.Table, table: str, key: Sequence[str]
) -> Counter[tuple[object, ...]]:
    found: set[tuple[object, ...]] = set()
    for row in conflicts.to_pylist():
        if row["table_name"] != table:
            continue
        values = json.loads(row["key"])
        shown = tuple(
            "0.0" if values[name] == "-0.0" else values[name] for name in (key or COLUMNS)
        )
        column = row["column_name"] if row["kind"] in ("cell", "inserted-both") else None
        found.add((row["kind"], shown, column))
    return Counter(found)


def text(value: object) -> str | None:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else repr(value + 0.0)
    return None if value is None else str(value)


def wanted_conflicts(outcome: MergeOutcome) -> Counter[tuple[object, ...]]:
    return Counter(
        {(c.kind, tuple(text(v) for v in c.key), c.column): 1 for c in outcome.conflicts}
    )


@pytest.mark.invariant("A merge gives what an oracle in plain Python gives, from either side")
@pytest.mark.parametrize("repeats", [False, True], ids=["unique", "repeated"])
@pytest.mark.parametrize("number", range(effort(3, 100)))
def test_any_merge_is_that_of_the_oracle(number: int, repeats: bool, tmp_path: Path) -> None:
    chance = random.Random(number)
    folder = tmp_path
    seed: Row = {"k": 99, "j": "a", "x": 1.0, "y": "s", "p": "p9"}
    base = {
        f"{kind}_{n}": [seed, *random_rows(chance, repeats)]
        for kind in KEYS
        for n in range(TABLES // 2)
    }
    ours = {name: edited(rows, chance, repeats) for name, rows in base.items()}
    theirs = {name: edited(rows, chance, repeats) for name, rows in base.items()}
    cat = catalog.create(str(folder / "lake"))
    files = chance.choice([1, 2])
    take(cat, "main", folder / "base", base, base, files)
    cat.branches.create("other")
    take(cat, "main", folder / "ours", ours, base, files)
    take(cat, "other", folder / "theirs", theirs, base, files)
    branch = "main"
    try:
        conflicts = cat.merge("other").conflicts
    except catalog.MergeConflict as error:
        conflicts, branch = error.conflicts, error.branch
    with cat.connect(branch) as session:
        merged = {
            name: session.sql(f"SELECT {', '.join(COLUMNS)} FROM {name}").fetchall()
            for name in base
        }
    for name in base:
        key = KEYS[name.rpartition("_")[0]]
        outcome = merge_tables(
            base[name], ours[name], theirs[name], key=key, columns=COLUMNS, partition=[PARTITION]
        )
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in merged[name]]
        context = (name, base[name], ours[name], theirs[name])
        assert multiset(rows, COLUMNS) == outcome.multiset, context
        assert found_conflicts(conflicts, name, key) == wanted_conflicts(outcome), context
