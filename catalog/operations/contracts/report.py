"""What judging a change by contracts found."""

from catalog.dataclasses import dataclass
from catalog.diff.view import End
from catalog.model.judgement import Violation

FORMAT_VERSION = 1
"""Of the JSON form."""


@dataclass(frozen=True, slots=True)
class ContractReport:
    """What judging a change by contracts found.

    Attributes:
        before: The older side of the change.
        after: The newer side.
        contracts: The names of the contracts.
        violations: What they do not allow.
    """

    before: End
    after: End
    contracts: tuple[str, ...]
    violations: tuple[Violation, ...]

    @property
    def kept(self) -> bool:
        """Returns whether the change does nothing that a contract does not allow."""
        return not self.violations

    def to_dict(self) -> dict[str, object]:
        """Returns the JSON form."""
        return {
            "format_version": FORMAT_VERSION,
            "from": {"ref": self.before.ref, "commit": self.before.commit_id},
            "to": {"ref": self.after.ref, "commit": self.after.commit_id},
            "contracts": list(self.contracts),
            "kept": self.kept,
            "violations": [one.to_json() for one in self.violations],
        }
