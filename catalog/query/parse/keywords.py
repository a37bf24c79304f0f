"""The keywords of DuckDB that decide whether an ``@`` after a word begins a ref."""

_RESERVED = """
all analyse analyze and any array as asc asymmetric both case cast check collate column
constraint create default deferrable desc describe distinct do else end except false fetch
for foreign from group having in initially intersect into lambda lateral leading limit not
null offset on only or order pivot pivot_longer pivot_wider placing primary qualify
references returning select show some summarize symmetric table then to trailing true union
unique unpivot using variadic when where window with
"""

_TYPE_OR_FUNCTION = """
anti asof at authorization binary by collation concurrently cross freeze full glob ilike
inner is isnull join left like natural notnull outer overlaps positional right semi similar
tablesample unpack verbose
"""

_BEFORE_EXPRESSIONS = "between escape if"

NEVER_BEFORE_REF: frozenset[str] = frozenset(
    f"{_RESERVED} {_TYPE_OR_FUNCTION} {_BEFORE_EXPRESSIONS}".split()
)
"""Unquoted words after which ``@`` is the operator for the absolute value.

DuckDB takes none of the reserved and type-or-function words as a table name without quotes
(a test compares them with ``duckdb_keywords()``). The last three could name a table, but an
expression may follow them at once (``x BETWEEN@y AND 3``); such a table is written in quotes.
"""

RESERVED: frozenset[str] = frozenset(_RESERVED.split())
"""Words that cannot be an alias or a table name without quotes."""


def fold(name: str) -> str:
    """Returns the form of a name under which DuckDB compares names: only A to Z are folded.

    Example:
        >>> fold("ORDERS_Ä")
        'orders_Ä'
    """
    if name.isascii():
        return name.lower()
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)
