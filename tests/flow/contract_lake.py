"""A catalog in which changes are made on branches, and judged by contracts."""

import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from catalog import Catalog
from catalog.diff.view import End
from catalog.model.contract_reading import read_contracts
from catalog.model.contracts import Contract
from catalog.model.judgement import Violation
from catalog.operations.contracts.judge import judge_contracts

WEATHER = {
    "id": [1, 2, 3, 4, 5, 6],
    "month": ["01", "01", "02", "02", "03", "03"],
    "wind": [1.5, None, 3.5, None, 5.5, 6.5],
    "temp": pa.array(
        [Decimal("1.00"), Decimal("2.00"), None, Decimal("4.00"), None, None], pa.decimal128(9, 2)
    ),
    "region": ["EU", "EU", "US", "EU", None, "US"],
}


class Lake:
    """A catalog whose main stays as it is; every change is made once, on a branch of its own."""

    def __init__(self, path: Path) -> None:
        self.cat = cat = Catalog.create(path, author="tester")
        with cat.transaction("main", message="made") as tx:
            weather = pa.table(WEATHER)
            tx.write("weather", weather, mode="append", key=["id"], partition_by=["month"])
            tx.write("log", pa.table({"line": ["a", "b", "b"]}), mode="append")
            tx.write("other", pa.table({"k": [1, 2], "v": ["x", "y"]}), mode="append", key=["k"])
        cat.derive("daily", "SELECT month, count(wind) AS n FROM weather GROUP BY month")
        cat.refresh()
        self._changes: dict[str, str] = {}

    def changed(self, *statements: str) -> str:
        """Returns a branch on which statements changed main."""
        text = "; ".join(statements)
        if text not in self._changes:
            branch = f"change-{len(self._changes)}"
            self.cat.branches.create(branch)
            with self.cat.transaction(branch, message=text) as tx:
                for statement in statements:
                    tx.sql(statement)
            self._changes[text] = branch
        return self._changes[text]

    def changed_by(self, name: str, change: Callable[[Catalog, str], object]) -> str:
        """Returns a branch of some name on which a function changed main."""
        if name not in self._changes:
            self.cat.branches.create(name)
            change(self.cat, name)
            self._changes[name] = name
        return name

    def judged(self, rules: str, after: str, before: str = "main") -> list[Violation]:
        """Judges what changed between two refs by the rules of one contract."""
        contracts = contracts_of(f"[contract.c]\n{rules}")
        ends = [End(ref, self.cat.context.resolve(ref).commit_id) for ref in (before, after)]
        return judge_contracts(self.cat.context, contracts, ends[0], ends[1])


def contracts_of(text: str) -> tuple[Contract, ...]:
    return read_contracts(tomllib.loads(text, parse_float=Decimal), source="c.toml")
