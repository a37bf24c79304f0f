"""The rules of a contract for one table, and violations of them."""

from collections.abc import Iterable, Mapping, Sequence

from catalog.dataclasses import dataclass
from catalog.diff.cell_counts import Label
from catalog.diff.held_rows import ShownRow
from catalog.model.contracts import EVERY, NO_LIMITS, Contract, Most, TableLimits
from catalog.model.judgement import Example, Violation
from catalog.model.partition import partition_text
from catalog.report.figures import count, counted

EXAMPLES = 3
"""Rows that a violation shows: enough to find what made them."""

PARTITIONS_NAMED = 3
"""Partitions that a message names."""


@dataclass(frozen=True, slots=True)
class TableRules:
    """The rules of a contract for one table.

    Attributes:
        contract: The contract.
        table: The table.
        limits: What may happen to its rows.
    """

    contract: Contract
    table: str
    limits: TableLimits

    @staticmethod
    def of(contract: Contract, table: str) -> "TableRules":
        """Returns the rules of a contract for a table."""
        return TableRules(contract, table, contract.limits(table))

    def path(self, *keys: str) -> str:
        """Returns the place of a key in the contract: of the table itself, or of every table."""
        folded = self.table.casefold()
        own = next((name for name in self.contract.table if name.casefold() == folded), EVERY)
        stated = getattr(self.contract.table.get(own, NO_LIMITS), keys[0])
        section = own if stated not in (None, "") and stated != {} else EVERY
        return ".".join(("table", *map(_quoted, (section, *keys))))

    def violation(
        self,
        rule: str,
        message: str,
        *,
        column: str = "",
        count: int | None = None,
        allowed: str = "",
        partitions: Mapping[Label, int] | None = None,
        examples: Sequence[ShownRow] = (),
    ) -> Violation:
        """Returns a violation of a rule; the message says what is wrong.

        Args:
            rule: The place of the rule in the contract.
            message: What is wrong.
            column: The column.
            count: How many rows or cells.
            allowed: What is allowed.
            partitions: How many of them are in which partition.
            examples: Some rows.
        """
        found = partitions or {}
        named = [label for label in found if label]
        one = dict(named[0]) if len(found) == len(named) == 1 else None
        return Violation(
            self.contract.name,
            rule,
            message + _in_partitions({label: found[label] for label in named}),
            self.table,
            one,
            column,
            count,
            allowed,
            tuple(Example(row.key, row.column, row.before, row.after) for row in examples),
        )


def _in_partitions(found: Mapping[Label, int]) -> str:
    """Returns in which partitions something is, to follow what it is."""
    if not found:
        return ""
    most = sorted(found, key=lambda label: (-found[label], partition_text(dict(label))))
    texts = [partition_text(dict(label)) for label in most[:PARTITIONS_NAMED]]
    if len(most) == 1:
        return f", in {texts[0]}"
    listed = ", ".join(
        f"{count(found[label])} in {text}" for label, text in zip(most, texts, strict=False)
    )
    rest = len(most) - len(texts)
    return f": {listed}" + (f" and more in {counted(rest, 'other partition')}" if rest else "")


def allowance(most: Most, rows: int) -> str:
    """Returns what a limit of rows or cells allows of a number of rows."""
    if most.nothing:
        return "none"
    return f"at most {most}" + (f" of {counted(rows, 'row')}" if most.share else "")


def listed(names: Iterable[str]) -> str:
    """Returns names in a sentence."""
    *most, last = list(names) or ["nothing"]
    return f"{', '.join(most)} and {last}" if most else last


def _quoted(name: str) -> str:
    plain = name.replace("_", "").replace("-", "")
    return name if plain.isascii() and plain.isalnum() else f'"{name}"'
