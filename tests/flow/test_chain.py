"""Chains of derived tables of random shape: after any changes, a refresh is a full rebuild."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.engine.executor import ThreadExecutor
from catalog.model.derived import Definition
from catalog.operations.flow.definition import Derivation
from catalog.operations.flow.derive import derive
from tests.effort import effort

from .chains import Chain, Model, Oracle, Rows, described, row_sql, rows

LENGTH = effort(14, 30)
"""Derived tables of a chain."""

ROUNDS = effort(2, 12)
"""Refreshes of a chain, each after some changes."""


@dataclass
class Trial:
    """A catalog and an oracle with the same tables."""

    cat: Catalog
    chain: Chain
    oracle: Oracle = field(default_factory=Oracle)
    added: int = 0

    @property
    def draw(self) -> random.Random:
        return self.chain.draw

    def fill(self) -> None:
        with self.cat.transaction() as tx:
            for model in self.chain.inputs:
                query = row_sql(self.draw, model.x, 0, self.draw.choice([0, 5, 60, 60]))
                self.oracle.con.execute(f"CREATE TABLE {model.name} AS {query}")
                data = self.oracle.con.table(model.name)
                tx.write(model.name, data, mode="append", partition_by=model.by)
        for _ in range(LENGTH):
            self.chain.add()
        self.define(self.chain.models)

    def define(self, models: Sequence[Model], *, compute: bool = False) -> None:
        derivations = [
            Derivation(m.name, Definition(sql=m.sql), m.key, tuple((p, None) for p in m.by))
            for m in models
        ]
        derive(self.cat.context, "main", derivations, compute=compute)

    def sql(self, statement: str) -> None:
        """Does the same to an input in both."""
        self.oracle.con.execute(statement)
        with self.cat.transaction() as tx:
            tx.sql(statement)

    def change(self, kind: str = "") -> str:
        """Changes one input, or a definition; returns how."""
        draw, model = self.draw, self.draw.choice(self.chain.inputs)
        name, start, con = model.name, draw.randrange(200), self.oracle.con
        new = row_sql(draw, model.x, start, draw.choice([1, 3, 20]))
        kind = kind or draw.choice(
            ["insert", "update", "delete", "move", "overwrite", "partitions", "column", "recreate"]
            + ["redefine"] * 2
        )
        match kind:
            case "insert":
                columns = "id, day, c, v, w, x"
                self.sql(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM ({new})")
            case "update":
                self.sql(f"UPDATE {name} SET v = v + 1.3, w = w + 1 WHERE day = {start % 7}")
            case "delete":
                where = draw.choice([f"id % 5 = {start % 5}", "day IS NULL", f"day = {start % 7}"])
                self.sql(f"DELETE FROM {name} WHERE {where}")
            case "move":
                day = draw.choice(["NULL", "3", "99"])
                self.sql(f"UPDATE {name} SET day = {day} WHERE w = {start % 15}")
            case "column":
                self.added += 1
                self.sql(f"ALTER TABLE {name} ADD COLUMN extra{self.added} INTEGER")
            case "overwrite" | "recreate":
                con.execute(f"CREATE OR REPLACE TABLE {name} AS {new}")
                by = draw.choice([model.by, ()]) if kind == "recreate" else None
                with self.cat.transaction() as tx:
                    if kind == "recreate":
                        tx.drop(name)
                with self.cat.transaction() as tx:
                    tx.write(name, con.table(name), mode="overwrite", partition_by=by)
            case "partitions" if self.cat.table(name).partition_by:
                con.execute(f"CREATE OR REPLACE TEMP TABLE new AS {new}")
                same = f"new.day IS NOT DISTINCT FROM {name}.day"
                con.execute(f"DELETE FROM {name} WHERE EXISTS (SELECT 1 FROM new WHERE {same})")
                con.execute(f"INSERT INTO {name} BY NAME FROM new")
                with self.cat.transaction() as tx:
                    tx.write(name, con.table("new"), mode="overwrite_partitions")
            case "redefine":
                place = draw.randrange(LENGTH)
                old = self.chain.models[place]
                drawn = (self.chain.drawn(old.name, upto=place) for _ in range(20))
                found = next((one for one in drawn if one.x == old.x), None)
                if found is not None:
                    self.chain.models[place] = found
                    self.define([found], compute=True)
        return f"{kind} {name}"

    def files(self, model: Model) -> dict[str, set[str]]:
        """Returns the paths of a table's files, by the text of their partition of one column."""
        found: dict[str, set[str]] = {}
        for file in self.cat.files(model.name):
            found.setdefault(Path(file.path).parent.name, set()).add(file.path)
        return found

    def check(self, why: object) -> None:
        """Checks that all tables are what a rebuild gives."""
        with self.cat.connect("main") as session:
            for model in (*self.chain.inputs, *self.chain.models):
                columns = described(session, model.name)
                assert columns == self.oracle.columns(model.name), (why, model)
                wanted, found = self.oracle.rows(model.name), rows(session, model.name, columns)
                assert found == wanted, (why, model, found - wanted, wanted - found)
        assert not [one for one in self.cat.stale() if one.is_stale]
        assert self.cat.refresh().commit is None


def by_day(oracle: Oracle, model: Model) -> dict[str | None, Rows]:
    """Returns the rows of a table by the text of ``day``."""
    place = [name for name, _ in oracle.columns(model.name)].index("day")
    found: dict[str | None, Rows] = {}
    for row, count in oracle.rows(model.name).items():
        found.setdefault(row[place], Rows())[row] = count
    return found


@pytest.mark.invariant("A refresh gives what computing all derived tables anew gives, row for row")
@pytest.mark.parametrize("seed", range(effort(1, 12)))
def test_a_chain_is_what_a_rebuild_gives(
    cat: Catalog, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    four = (4,)  # steps side by side, as on a machine with more cores
    monkeypatch.setattr(ThreadExecutor.__init__, "__defaults__", four)
    trial = Trial(cat, Chain(effort(seed, random.randrange(1 << 30))))
    trial.fill()
    trial.oracle.rebuild(trial.chain.models)
    cat.refresh()
    trial.check("at first")
    ways = set()
    for number in range(ROUNDS):
        old = {model.name: model for model in trial.chain.models}
        rows_before = {one: by_day(trial.oracle, model) for one, model in old.items()}
        shapes = {one: trial.oracle.columns(one) for one in old}
        files_before = {one: trial.files(model) for one, model in old.items()}
        why = (trial.chain.seed, [trial.change("" if number else "update")])
        if trial.draw.random() < 0.3:
            why[1].append(trial.change())
        trial.oracle.rebuild(trial.chain.models)
        planned = {one.table for one in cat.refresh(dry_run=True).tables}
        report = cat.refresh()
        ways |= {one.how for one in report.tables}
        assert {one.table for one in report.tables} <= planned, why
        trial.check(why)
        for model in trial.chain.models:
            if model != old[model.name] or shapes[model.name] != trial.oracle.columns(model.name):
                continue
            now, files = by_day(trial.oracle, model), trial.files(model)
            if model.by == ("day",):
                for day in now.keys() & rows_before[model.name].keys():
                    folder = f"day={day if day is not None else '__HIVE_DEFAULT_PARTITION__'}"
                    if now[day] == rows_before[model.name][day]:
                        assert files[folder] == files_before[model.name][folder], (why, model)
            elif now == rows_before[model.name]:
                assert files == files_before[model.name], (why, model)
        if number % 3 == 0:
            trial_files = {model.name: trial.files(model) for model in trial.chain.models}
            assert cat.refresh(full=True).commit is None, why
            assert trial_files == {model.name: trial.files(model) for model in trial.chain.models}
    assert "incremental" in ways
