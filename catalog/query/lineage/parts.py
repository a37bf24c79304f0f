"""The columns of inputs that take part in an expression, and in which ways: a small algebra."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from catalog.model.lineage import ColumnInput, Influence

Leaf: TypeAlias = tuple[int, str]
"""A column of an input: the position of the input, and the column's name."""

Parts: TypeAlias = Mapping[Leaf, int]
"""What takes part in an expression: by column, a bit for each way in which it does."""

UNKNOWN: Leaf = (-1, "")
"""Stands for whatever could not be followed: any column of any input."""

NOTHING: Parts = {}

BITS = {kind: 1 << n for n, kind in enumerate(Influence)}

_IDENTITY = BITS[Influence.IDENTITY]
_TRANSFORMED = BITS[Influence.TRANSFORMATION]
_AGGREGATED = BITS[Influence.AGGREGATION]
_DIRECT = _IDENTITY | _TRANSFORMED | _AGGREGATED


def column(at: int, name: str) -> Parts:
    """Returns what a column of an input is made from: itself."""
    return {(at, name): _IDENTITY}


def united(parts: Iterable[Parts]) -> Parts:
    """Returns everything that takes part in any of several expressions."""
    found: dict[Leaf, int] = {}
    for one in parts:
        for leaf, bits in one.items():
            found[leaf] = found.get(leaf, 0) | bits
    return found


def through(parts: Parts, kind: Influence) -> Parts:
    """Returns what takes part in something that an expression takes part in, in one way.

    What decides rather than contributes goes on deciding in the way it does; an aggregate stays
    one, whatever is made of it.

    Example:
        >>> through(column(0, "a"), Influence.AGGREGATION)
        {(0, 'a'): 4}
    """
    bit = BITS[kind]
    if bit == _IDENTITY or not parts:
        return parts
    if bit == _TRANSFORMED:
        return {leaf: _transformed(bits) for leaf, bits in parts.items()}
    return {
        leaf: bit | (bits & ~_DIRECT) if bits & _DIRECT else bits for leaf, bits in parts.items()
    }


def column_inputs(parts: Parts) -> tuple[ColumnInput, ...]:
    """Returns parts as they are recorded, without what is unknown."""
    return tuple(
        ColumnInput(at, name, tuple(kind for kind, bit in BITS.items() if parts[at, name] & bit))
        for at, name in sorted(parts)
        if at >= 0
    )


def _transformed(bits: int) -> int:
    changed = _TRANSFORMED if bits & _IDENTITY else 0
    return (bits & ~_IDENTITY) | changed
