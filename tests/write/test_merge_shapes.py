"""Merges of tables whose columns both sides changed, read column by column."""

import random
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from tests.effort import effort
from tests.oracle.merge import merge_tables, multiset

from .merges import check_totals, conflict_rows, put

Row = dict[str, object]


class Side:
    """A table with its columns' types."""

    def __init__(self, kinds: dict[str, pa.DataType], rows: list[Row]) -> None:
        self.kinds, self.rows = kinds, rows

    def table(self) -> pa.Table:
        schema = pa.schema([("k", pa.int64()), *self.kinds.items()])
        return pa.Table.from_pylist(
            [{n: row[n] for n in schema.names} for row in self.rows], schema
        )

    def padded(self, columns: list[str]) -> list[Row]:
        return [{name: row.get(name) for name in columns} for row in self.rows]

    def edited(self, chance: random.Random, letter: str) -> "Side":
        """Drops, adds, widens and reorders columns, and changes cells and rows."""
        kinds = dict(self.kinds)
        for name in [*kinds]:
            if chance.random() < 0.25:
                del kinds[name]
            elif kinds[name] == pa.int32() and chance.random() < 0.5:
                kinds[name] = pa.int64()
        for name in ("new", f"only_{letter}"):
            if chance.random() < 0.5:
                kinds[name] = chance.choice([pa.int32(), pa.int64()])
        listed = list(kinds.items())
        chance.shuffle(listed)
        kinds = dict(listed)
        rows: list[Row] = []
        for row in self.rows:
            if chance.random() < 0.15:
                continue
            changed = {n: value(chance, kinds[n]) for n in kinds if chance.random() < 0.25}
            added = {n: value(chance, kinds[n]) for n in kinds if n not in self.kinds}
            rows.append({"k": row["k"], **{n: row.get(n) for n in kinds}, **added, **changed})
        key = chance.randrange(20, 23)
        rows.append({"k": key, **{n: value(chance, kind) for n, kind in kinds.items()}})
        return Side(kinds, rows)


def value(chance: random.Random, kind: pa.DataType) -> object:
    if kind == pa.string():
        return chance.choice([None, "u", "v", "w"])
    return chance.choice([None, 1, 2, 3])


def changed(base: Side, side: Side, name: str) -> bool:
    """Returns whether a side changed a cell of a column that it has, or brought one."""
    before = {row["k"]: row[name] for row in base.rows}
    return any(row[name] != before.get(row["k"]) for row in side.rows)


@pytest.mark.parametrize("number", range(effort(12, 200)))
def test_every_column_has_what_both_sides_made_of_it(number: int, tmp_path: Path) -> None:
    chance = random.Random(number)
    kinds = {"a": pa.int32(), "b": pa.int64(), "c": pa.string()}
    rows = [{"k": k, **{n: value(chance, kind) for n, kind in kinds.items()}} for k in range(6)]
    base = Side(kinds, rows)
    ours, theirs = base.edited(chance, "o"), base.edited(chance, "t")
    cat = catalog.create(str(tmp_path / "lake"))
    put(cat, "main", base.table(), key=["k"])
    cat.branches.create("work")
    put(cat, "main", ours.table())
    put(cat, "work", theirs.table())
    everything = ["k", *dict.fromkeys([*base.kinds, *ours.kinds, *theirs.kinds])]
    clashes: set[tuple[object, ...]] = set()
    left, lost = [], False
    for name in everything[1:]:
        on = [name in side.kinds for side in (ours, theirs)]
        if name not in base.kinds or all(on):
            left.append(name)
        elif any(on) and (ours if on[0] else theirs).kinds[name] != base.kinds[name]:
            clashes.add(("column-removed", None))
            lost |= on[0]
        elif any(on) and changed(base, ours if on[0] else theirs, name):
            clashes.add(("column-dropped", name))
    columns = ["k", *(ours.kinds if lost else left)]
    outcome = merge_tables(
        *(side.padded(columns) for side in (base, ours, ours if lost else theirs)),
        key=["k"],
        columns=columns,
    )
    clashes |= {(one.kind, None) for one in outcome.conflicts}
    branch = "main"
    try:
        cat.merge("work")
    except catalog.MergeConflict as error:
        assert error.branch is not None
        branch = error.branch
        found = {(k, c if k == "column-dropped" else None) for k, _, c in conflict_rows(error)}
        assert found == clashes, number
    assert (branch != "main") == bool(clashes)
    fields = cat.table("t", branch).schema.fields
    assert {f.name for f in fields} == set(columns)
    assert len({f.id for f in fields}) == len(fields)
    merged = cat.sql(f"SELECT {', '.join(columns)} FROM t", ref=branch).fetchall()
    actual = [dict(zip(columns, row, strict=True)) for row in merged]
    assert multiset(actual, columns) == outcome.multiset
    check_totals(cat, branch)
    before = "main~1" if branch == "main" else f"{branch}^1"
    (table,) = cat.diff(before, branch, tables=["t"]).to_dict()["tables"]
    for change, names in (
        ("column_added", set(columns) - {"k", *ours.kinds}),
        ("column_removed", set(ours.kinds) - set(columns)),
        ("column_renamed", set()),
    ):
        listed = {c["column"] for c in table["schema_changes"] if c["change"] == change}
        assert listed == names
    wide = {c["column"]: c["to"] for c in table["schema_changes"] if c["change"] == "type_changed"}
    assert set(wide.values()) <= {"BIGINT"}
