"""Requests of the Iceberg REST protocol: what a method and a path ask for."""

from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from catalog.dataclasses import dataclass, field

SEPARATOR = "\x1f"
"""Stands between the levels of a namespace in a path and in ``parent``, as the protocol has it."""

MAX_NAME_CHARACTERS = 2500
"""Longest namespace or table that is looked for: more than a ref with all its steps may have."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a server has received it.

    Attributes:
        method: ``GET``, ``HEAD`` or any other.
        path: The path as it was sent: percent-encoded, without the query.
        query: The parameters behind ``?``, decoded.
        known: The ETags of answers that the client still has.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """How clients are to talk to this catalog."""


@dataclass(frozen=True, slots=True)
class Namespaces:
    """The namespaces within another one; those at the top if that has no levels."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """One namespace, by its levels."""

    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a namespace."""

    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    levels: tuple[str, ...]
    name: str


Wanted: TypeAlias = Config | Namespaces | Namespace | Tables | Table

ENDPOINTS = (
    "GET /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}",
    "HEAD /v1/{prefix}/namespaces/{namespace}",
    "GET /v1/{prefix}/namespaces/{namespace}/tables",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}",
)
"""What clients are told that they may ask for: they refuse all else by themselves, writes first."""


def wanted(path: str) -> Wanted | None:
    """Returns what a path asks for; None if it is no path of this catalog.

    It is taken apart before it is decoded: the names in it may contain slashes.
    """
    match path.split("/"):
        case ["", "v1", "config"]:
            return Config()
        case ["", "v1", "namespaces"]:
            return Namespaces()
        case ["", "v1", "namespaces", namespace]:
            return Namespace(_levels(namespace))
        case ["", "v1", "namespaces", namespace, "tables"]:
            return Tables(_levels(namespace))
        case ["", "v1", "namespaces", namespace, "tables", table]:
            return Table(_levels(namespace), _decoded(table))
    return None


def levels_of(text: str) -> tuple[str, ...]:
    """Returns the levels of a namespace as a query names it; none of them is empty.

    A text that names none, such as one with an empty level, has the level of an empty name, which
    nothing has.
    """
    levels = tuple(text.split(SEPARATOR))
    return levels if all(levels) and len(text) <= MAX_NAME_CHARACTERS else ("",)


def _levels(segment: str) -> tuple[str, ...]:
    return levels_of(_decoded(segment))


def _decoded(segment: str) -> str:
    """Returns the name in a segment of a path; empty if it is none in UTF-8, or too long."""
    if len(segment) > 12 * MAX_NAME_CHARACTERS:  # four bytes each, and three characters a byte
        return ""
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        return ""
    return text if len(text) <= MAX_NAME_CHARACTERS else ""
