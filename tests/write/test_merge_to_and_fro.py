"""Branches that give columns of their own the same ids, and are merged again and again.

``--thorough`` makes many more histories.
"""

import random
from typing import Any

import pytest

from catalog.catalog import Catalog
from tests.effort import effort

from .merges import check_totals, put

Model = dict[int, dict[str, Any]]


def found(cat: Catalog, ref: str) -> Model:
    table = cat.sql("FROM t", ref=ref).to_arrow_table()
    assert isinstance(table.num_rows, int)
    return {row.pop("k"): row for row in table.to_pylist()}


def check(cat: Catalog, ref: str, model: Model, columns: list[str]) -> None:
    wanted = {k: {name: row.get(name) for name in columns} for k, row in model.items()}
    assert found(cat, ref) == wanted
    assert set(cat.table("t", ref).schema.names) == {"k", *columns}


def changes(cat: Catalog, before: str, after: str) -> set[tuple[str, str]]:
    tables = cat.diff(before, after).to_dict()["tables"]
    return {(c["change"], c["column"]) for table in tables for c in table["schema_changes"]}


def started(cat: Catalog) -> None:
    put(cat, "main", [{"k": 1, "v": 1}, {"k": 2, "v": 2}], key=["k"])
    cat.branches.create("work")


def test_a_column_goes_on_to_its_own_column_at_the_next_merge(cat: Catalog) -> None:
    started(cat)
    put(cat, "main", [{"k": 1, "v": 1, "a": "x"}, {"k": 2, "v": 2, "a": "y"}])
    put(cat, "work", [{"k": 1, "v": 1, "b": 10}, {"k": 2, "v": 2, "b": 20}])
    cat.merge("work")
    put(cat, "work", [{"k": 3, "v": 3, "b": 30}, {"k": 1, "v": 1, "b": 11}], mode="upsert")
    cat.merge("work")
    assert found(cat, "main") == {
        1: {"v": 1, "a": "x", "b": 11},
        2: {"v": 2, "a": "y", "b": 20},
        3: {"v": 3, "a": None, "b": 30},
    }


def test_what_is_taken_back_from_another_branch_keeps_the_ids_of_the_line(cat: Catalog) -> None:
    started(cat)
    put(cat, "main", [{"k": 1, "v": 1, "a": "x"}, {"k": 2, "v": 2, "a": "y"}])
    put(cat, "work", [{"k": 1, "v": 1, "b": "p"}, {"k": 2, "v": 2, "b": "q"}])
    cat.merge("main", into="work")
    cat.merge("work")
    assert changes(cat, "main~1", "main") == {("column_added", "b")}
    cell = cat.diff("main~1", "main")["t"].columns["b"]
    assert (cell.filled, cell.corrected) == (2, 0)
    assert found(cat, "main") == found(cat, "work")


def test_a_commit_is_picked_into_columns_of_its_names(cat: Catalog) -> None:
    started(cat)
    put(cat, "main", [{"k": 1, "v": 1, "a": "x"}, {"k": 2, "v": 2, "a": "y"}])
    put(cat, "work", [{"k": 1, "v": 1, "a": "x", "b": "p"}, {"k": 2, "v": 2, "b": "q"}])
    put(cat, "main", [{"k": 2, "v": 2, "a": "y", "c": "z"}], mode="upsert")
    put(cat, "main", [{"k": 2, "v": 2, "a": "y", "c": "z", "b": "q"}], mode="upsert")
    pick = put(cat, "work", [{"k": 2, "v": 2, "b": "picked"}], mode="upsert")
    cat.cherry_pick(pick.id, branch="main")
    assert found(cat, "main")[2] == {"v": 2, "a": "y", "c": "z", "b": "picked"}


@pytest.mark.invariant(
    "Columns that two branches gave one field id keep their values, however often they are merged"
)
@pytest.mark.parametrize("seed", range(effort(5, 200)))
def test_any_to_and_fro_keeps_every_value_in_its_column(cat: Catalog, seed: int) -> None:
    chance = random.Random(seed)
    started(cat)
    models: dict[str, Model] = {b: {1: {"v": 1}, 2: {"v": 2}} for b in ("main", "work")}
    columns = {branch: ["v"] for branch in models}
    number = 10
    for _ in range(9):
        branch = chance.choice(["main", "work"])
        other = "work" if branch == "main" else "main"
        if chance.random() < 0.4:
            before = cat.resolve(branch).commit_id
            cat.merge(other, into=branch)
            new = [name for name in columns[other] if name not in columns[branch]]
            columns[branch] += new
            own = models["main"][1], models["work"][2]
            models[branch] = {**models[branch], **models[other], 1: own[0], 2: own[1]}
            assert changes(cat, before, branch) == {("column_added", name) for name in new}
        else:
            number += 1
            if chance.random() < 0.7:
                columns[branch].append(f"c{number}")
            mine = 1 if branch == "main" else 2
            for key in (number, mine):
                row = models[branch].get(key, {})
                given = {name: chance.randrange(100) for name in columns[branch]}
                if key == mine:
                    given = {**row, columns[branch][-1]: number}
                models[branch][key] = given
            data = [
                {"k": k, **{name: models[branch][k].get(name) for name in columns[branch]}}
                for k in (number, mine)
            ]
            put(cat, branch, data, mode="upsert")
        check(cat, branch, models[branch], columns[branch])
        check_totals(cat, branch)
