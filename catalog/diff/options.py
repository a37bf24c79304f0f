"""What a diff is asked for, checked where it comes in."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from catalog.dataclasses import dataclass, field
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.texts import check_text, listed

_AMOUNT = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(%?)")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A difference that does not count: an amount, or a share of the older value."""

    amount: Fraction
    relative: bool


@dataclass(frozen=True, slots=True)
class TableDefaults:
    """What holds for a table in every diff, unless the options of one say otherwise.

    Attributes:
        ignore: Columns that are not compared.
        tolerance: By column, ``"0.5"`` or ``"1%"``.

    Raises:
        InvalidInput: A value is not valid.
    """

    ignore: Sequence[str] = ()
    tolerance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Checks the values."""
        object.__setattr__(self, "ignore", tuple(listed(self.ignore, "ignore")))
        _check_tolerances(self.tolerance)


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """How tables are to be compared.

    Attributes:
        key: Key columns; None means the tables' own.
        columns: Columns to compare; None means all.
        tolerance: By column, ``"0.5"`` or ``"1%"``.
        check_keys: Whether to look for NULL and duplicate keys in all rows.
        full_stats: Whether statistics cover all rows.
        explain: Whether to look for what explains the changes; see ``Findings``.
        distributions: Whether to count the values of changed columns, to be drawn.
        ignore: Columns that are not compared.
        defaults: What holds unless the above say otherwise, by table.
        notes: What is to be said of a table, for options that mean nothing there.
        regrouped: Whether entries of files are believed that say of which files they have the rows.

    Raises:
        InvalidInput: A value is not valid, whatever the tables.
    """

    key: Sequence[str] | None = None
    columns: Sequence[str] | None = None
    tolerance: Mapping[str, str] = field(default_factory=dict)
    check_keys: bool = False
    full_stats: bool = False
    explain: bool = False
    distributions: bool = False
    ignore: Sequence[str] = ()
    defaults: Mapping[str, TableDefaults] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    regrouped: bool = True

    def __post_init__(self) -> None:
        """Checks the values."""
        for name in ("key", "columns", "ignore"):
            columns = getattr(self, name)
            if columns is not None:
                object.__setattr__(self, name, listed(columns, name))
        if self.key is not None and len(set(self.key)) < len(self.key):
            raise InvalidInput(
                f"the key {', '.join(self.key)} names a column twice", kind=ErrorKind.BAD_KEY
            )
        _check_tolerances(self.tolerance)
        if not isinstance(self.defaults, Mapping) or not all(
            isinstance(table, str) and isinstance(one, TableDefaults)
            for table, one in self.defaults.items()
        ):
            raise InvalidInput(
                f"defaults must be a dictionary of tables, not {self.defaults!r}",
                hint='e.g. defaults={"orders": catalog.TableDefaults(ignore=["loaded_at"])}',
            )

    def tolerance_of(self, column: str) -> Tolerance | None:
        """Returns the tolerance of a column; None if it has none.

        Raises:
            InvalidInput: It is not a number or a percentage.
        """
        if column not in self.tolerance:
            return None
        return _tolerance(column, self.tolerance[column])


def _check_tolerances(tolerance: object) -> None:
    """Checks tolerances by column.

    Raises:
        InvalidInput: They are no dictionary, or one is not a number or a percentage.
    """
    if not isinstance(tolerance, Mapping):
        raise InvalidInput(
            f"tolerance must be a dictionary, not {tolerance!r}",
            kind=ErrorKind.BAD_TOLERANCE,
            hint='e.g. tolerance={"amount": "0.01"}',
        )
    for column, stated in tolerance.items():
        check_text(column, "a column with a tolerance")
        _tolerance(column, stated)


def _tolerance(column: str, value: object) -> Tolerance:
    stated = str(value).strip()
    match = _AMOUNT.fullmatch(stated)
    if match is None:
        raise InvalidInput(
            f"tolerance {stated!r} of column {column!r} is not a number or a percentage",
            kind=ErrorKind.BAD_TOLERANCE,
            hint="write e.g. amount=0.01 or amount=1%",
        )
    amount = Fraction(stated.rstrip("%"))
    return Tolerance(amount / 100 if match[3] else amount, bool(match[3]))
