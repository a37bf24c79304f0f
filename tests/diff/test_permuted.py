"""Files of the same keys in another order: the answers of the join and of the oracle."""

import datetime
import random
import shutil
import tempfile
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import catalog
from catalog.diff.fingerprints.kept import kept_prints
from catalog.diff.route import FilePair, route
from tests.diff.cases_check import TABLE, ask, count_differences, snapshot
from tests.diff.cases_pair import Pair, Side, write
from tests.diff.cases_random import described
from tests.diff.cases_rows import applied_differences, row_differences
from tests.diff.test_aligned import VALUES
from tests.diff.test_paths import BLOCKS, lake_of, listed, values
from tests.effort import effort

DAY = datetime.date(2024, 1, 1)
KEYS: dict[str, tuple[pa.DataType, Sequence[Any]]] = {
    "int": (pa.int64(), range(-9, 20)),
    "narrow": (pa.int16(), range(-9, 20)),
    "date": (pa.date32(), [DAY + datetime.timedelta(n) for n in range(30)]),
    "moment": (pa.timestamp("us"), range(-9, 20)),
    "money": (pa.decimal128(20, 1), [Decimal(n) / 2 for n in range(-9, 20)]),
    "text": (pa.string(), ["", "a", "b", "ab", "ä", "A", *map(str, range(20))]),
    "blob": (pa.binary(), [bytes([n, 255 - n]) for n in range(0, 255, 9)]),
    "bool": (pa.bool_(), [False, True]),
    "float": (pa.float64(), [n / 2 for n in range(20)]),
    "NULL too": (pa.int64(), [None, *range(20)]),
    "few": (pa.int8(), range(5)),
}
CELLS = VALUES | {
    "uuid": (pa.uuid(), [b"\0" * 16, b"\xff" * 16, None]),
    "list": (pa.list_(pa.float64()), [[], [None], [-0.0], [0.0], None]),
    "struct": (pa.struct([("x", pa.int64())]), [{"x": 1}, {"x": None}, None]),
    "map": (pa.map_(pa.string(), pa.int64()), [[("a", 1)], [("a", 2)], [], None]),
}
OTHER_TYPES = {
    "int": pa.int64(),
    "half": pa.float64(),
    "money": pa.decimal128(38, 4),
}
Rows = list[dict[str, Any]]


def permuted_pair(rnd: random.Random) -> Pair:
    """Makes up two versions of a table, most of whose files hold the same keys in any order."""
    kinds = [rnd.choice(sorted(KEYS)) for _ in range(rnd.choice([1, 2, 2]))]
    names = rnd.sample(sorted(CELLS), rnd.choice([0, 1, 3, 5]))
    keys = [f"k{n}" for n in range(len(kinds))]
    types = {key: KEYS[kind][0] for key, kind in zip(keys, kinds, strict=True)}
    types |= {name: CELLS[name][0] for name in names}
    unique = rnd.random() < 0.9

    def row() -> dict[str, Any]:
        found = {key: rnd.choice(KEYS[kind][1]) for key, kind in zip(keys, kinds, strict=True)}
        return found | {name: rnd.choice(CELLS[name][1]) for name in names}

    def key_of(one: dict[str, Any]) -> str:
        return repr([one[key] for key in keys])

    partitioned = rnd.random() < 0.4
    rows = [row() for _ in range(rnd.choice([0, 1, 6, 12, 20]))]
    if unique:
        rows = list({key_of(one): one for one in rows}.values())
    files: list[tuple[str, Rows]] = []
    for number in range(rnd.choice([1, 1, 3])):
        folder = f"p={rnd.randint(0, 1)}/" if partitioned else ""
        files.append((folder, rows[number::3] if number else rows[0::3]))
    if len(files) == 1:
        files = [(files[0][0], rows)]
    later = dict(types)
    if rnd.random() < 0.3:
        later |= {n: OTHER_TYPES[n] for n in names if n in OTHER_TYPES}
    if rnd.random() < 0.2 and names:
        del later[rnd.choice(names)]
    if rnd.random() < 0.2:
        later["new"] = pa.int32()
    if "narrow" in kinds and rnd.random() < 0.5:
        later[keys[kinds.index("narrow")]] = pa.int64()
    before, after = {}, {}
    touched = [name for name in names if rnd.random() < 0.5]
    for number, (folder, content) in enumerate(files):
        before[f"{folder}old-{number}.parquet"] = table_of(content, types)
        newer = [dict(one, new=rnd.choice([None, 1])) for one in content]
        for one in newer:
            if rnd.random() < 0.4:
                one |= {name: rnd.choice(CELLS[name][1]) for name in touched}
        if rnd.random() < 0.8:
            rnd.shuffle(newer)
        if rnd.random() < 0.2 and newer:
            newer.pop()
        if rnd.random() < 0.1:
            newer.append(row() | {"new": None})
        after[f"{folder}new-{number}.parquet"] = table_of(newer, later)
    key = (*keys, "p") if partitioned and rnd.random() < 0.5 else tuple(keys)
    return Pair("permuted", Side(before, key), Side(after, key))


def table_of(rows: Rows, types: dict[str, pa.DataType]) -> pa.Table:
    return pa.table(
        {name: pa.array([one[name] for one in rows], kind) for name, kind in types.items()}
    )


PAIRS = st.integers(0, 2**63).map(random.Random).map(permuted_pair)


@pytest.mark.invariant("A diff counts what an oracle in plain Python counts")
@settings(max_examples=effort(25, 2000))
@given(PAIRS)
def test_any_diff_is_that_of_the_oracle(pair: Pair) -> None:
    note(described(pair))
    with tempfile.TemporaryDirectory() as folder:
        answer = ask(pair, Path(folder))
    assert count_differences(answer) == []
    assert row_differences(answer) == []
    assert applied_differences(answer) == []


@pytest.mark.invariant("Every path of a diff gives the answer of the join")
@settings(max_examples=effort(25, 2000))
@given(PAIRS, st.sampled_from([1, 2, 3, 65_536]))
def test_the_answer_is_that_of_the_join(pair: Pair, block: int) -> None:
    note(described(pair))
    with (
        tempfile.TemporaryDirectory() as name,
        pytest.MonkeyPatch.context() as patch,
        ExitStack() as diffs,
    ):
        for module in BLOCKS:
            patch.setattr(f"catalog.{module}.BLOCK_ROWS", block)
        folder = Path(name)
        lake = catalog.create(str(folder / "lake"))
        first = snapshot(lake, pair.before, write(pair.before, folder / "before"))
        second = snapshot(lake, pair.after, write(pair.after, folder / "after")) or first
        assert first is not None and second is not None
        fast, joined = (
            diffs.enter_context(
                lake.diff(first, second, tables=[TABLE], level="rows", method=method)
            )[TABLE]
            for method in ("auto", "join")
        )
        answers = [one.to_dict() for one in (fast, joined)]
        for one in answers:
            del one["files"]["bytes_read"]
        assert repr(answers[0]) == repr(answers[1])
        names = {pair.name for pair in fast._plan.pairs}
        narrow = fast.changes(columns="changed").read_all()
        patch.setattr("catalog.diff.row_form.SORTED_ROWS", -1)
        streamed = listed(fast.changes(), names)
        assert values(fast.changes(columns="changed").read_all(), "_to", names) == values(
            narrow, "_to", names
        )
        patch.setattr("catalog.diff.row_form.SORTED_ROWS", 1_000_000)
        rows = listed(joined.changes(), names)
        assert streamed == rows
        assert listed(fast.changes(), names) == rows


def pairs_of(lake: Any, first: str = "main~1", second: str = "main") -> list[FilePair]:
    plan = lake.diff(first, second, tables=[TABLE])[TABLE]._plan
    prints = kept_prints(lake.repository.store, plan)
    return [pair for task in plan.tasks for pair in route(plan, task, prints).pairs]


def rows(count: int) -> pa.Table:
    return pa.table(
        {
            "id": range(count),
            "v": [n % 7 for n in range(count)],
            "s": [f"text {n % 50}" for n in range(count)],
            "x": [n / 3 for n in range(count)],
        }
    )


def shuffled(table: pa.Table, seed: int = 0) -> pa.Table:
    order = list(range(table.num_rows))
    random.Random(seed).shuffle(order)
    return table.take(order)


def with_v(table: pa.Table, changed: Collection[int]) -> pa.Table:
    cells = [n % 7 + (n in changed) for n in range(table.num_rows)]
    return table.set_column(1, "v", pa.array(cells))


def lake_with_rows(tmp_path: Path, *versions: Side) -> Any:
    """Takes versions of a table with digests of their rows."""
    lake = catalog.create(str(tmp_path / "lake"))
    for number, side in enumerate(versions):
        with lake.transaction("main") as tx:
            source = str(write(side, tmp_path / f"v{number}"))
            tx.snapshot(TABLE, source, key=side.key, fingerprints="rows")
    return lake


def test_the_same_rows_in_another_order_are_never_opened(tmp_path: Path) -> None:
    lake = lake_with_rows(
        tmp_path,
        Side({"p=1/a.parquet": rows(50), "p=1/b.parquet": shuffled(rows(9))}, ("id", "s")),
        Side({"p=1/c.parquet": shuffled(rows(50)), "p=1/d.parquet": rows(9)}, ("id", "s")),
    )
    assert {step.path for step in lake.explain_diff("main~1", "main")[TABLE]} == {"identical"}
    assert pairs_of(lake) == []
    found = lake.diff("main~1", "main")[TABLE]
    assert (found.rows.inserted, found.rows.deleted, found.rows.updated) == (0, 0, 0)


def test_a_table_of_keys_alone_is_never_opened(tmp_path: Path) -> None:
    lake = lake_with_rows(
        tmp_path,
        Side({"a.parquet": rows(50).select(["id"])}, ("id",)),
        Side({"a.parquet": shuffled(rows(50)).select(["id"])}, ("id",)),
    )
    shutil.rmtree(tmp_path / "lake/data")
    found = lake.diff("main~1", "main")[TABLE]
    assert found.rows.updated == 0 and found.to_dict()["files"]["bytes_read"] == 0


@pytest.mark.parametrize("problem", ["twice", "NULL", "float"])
def test_keys_that_give_no_order_are_not_paired(tmp_path: Path, problem: str) -> None:
    base = rows(30)
    if problem == "float":
        base = base.set_column(0, "id", base.column("id").cast(pa.float64()))
    else:
        other = {"twice": 28, "NULL": None}[problem]
        base = base.set_column(0, "id", pa.array([*range(29), other]))
    after = shuffled(with_v(base, {3}))
    lake = lake_of(
        tmp_path, Side({"a.parquet": base}, ("id",)), Side({"a.parquet": after}, ("id",))
    )
    assert pairs_of(lake) == []
    assert lake.diff("main~1", "main")[TABLE].rows.updated == 1


def test_moved_rows_of_files_beside_are_found(tmp_path: Path) -> None:
    base = rows(40)
    moved = pa.table({"id": [99], "v": [1], "s": ["moved"], "x": [0.5]})
    lake = lake_of(
        tmp_path,
        Side({"p=1/a.parquet": base, "p=1/b.parquet": moved, "p=2/c.parquet": moved.slice(0, 0)}),
        Side({"p=1/a.parquet": shuffled(with_v(base, {3})), "p=2/c.parquet": moved}),
    )
    for method in ("auto", "join"):
        found = lake.diff("main~1", "main", key=["id"], method=method)[TABLE].rows
        assert (found.inserted, found.deleted, found.updated, found.moved) == (0, 0, 2, 1)


def test_rows_that_a_statement_leaves_in_no_order_are_compared_as_before(tmp_path: Path) -> None:
    base = shuffled(rows(50), 1)
    lake = lake_of(
        tmp_path,
        Side({"a.parquet": base}, ("id",)),
        Side({"a.parquet": shuffled(with_v(rows(50), {3}), 2)}, ("id",)),
    )
    lake.branches.create("fix", at="main~1")
    with lake.transaction("fix") as tx:
        tx.sql("UPDATE t SET x = -1 WHERE id = 7")
    assert len(pairs_of(lake, "main~1", "fix")) == 1
    assert pairs_of(lake, "fix", "main") == []
    for method in ("auto", "join"):
        found = lake.diff("fix", "main", method=method)[TABLE]
        changed = {name: one.changed for name, one in found.columns.items()}
        assert changed == {"id": 0, "v": 1, "s": 0, "x": 1}
