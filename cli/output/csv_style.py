"""How CSV is written: what stands for NULL, and what a spreadsheet makes of it."""

from catalog.dataclasses import dataclass
from cli.usage import UsageError

NULL = "NULL"

FORMULA_STARTS = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"
"""Characters with which a spreadsheet takes a text for a formula, or skips to one that does."""

BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class CsvStyle:
    """How CSV is written.

    Attributes:
        null: What stands for NULL, without quotes; a text that is the same stands in quotes.
        byte_order_mark: Whether the file begins with one, by which Excel knows UTF-8.
        escape_formulas: Whether texts that a spreadsheet would take for formulas get a ``'``.

    Raises:
        UsageError: What stands for NULL cannot stand without quotes.
    """

    null: str = NULL
    byte_order_mark: bool = False
    escape_formulas: bool = False

    def __post_init__(self) -> None:
        if any(c in self.null for c in ',"\r\n') or self.null != self.null.strip():
            raise UsageError(
                f"--null {self.null!r} cannot stand for NULL in CSV",
                hint="without commas, quotes, line ends, and blanks around it, e.g. --null ''",
            )

    def check_format(self, *, is_csv: bool) -> None:
        """Checks that it is asked for where CSV is written.

        Raises:
            UsageError: It is not.
        """
        if self != CsvStyle() and not is_csv:
            raise UsageError(
                "--null, --bom and --escape-formulas say how CSV is written",
                hint="add --format csv",
            )

    def safe(self, text: str) -> str:
        """Returns a text as a spreadsheet may see it."""
        is_formula = self.escape_formulas and text[:1] in FORMULA_STARTS and text
        return f"'{text}" if is_formula else text


PLAIN = CsvStyle()
