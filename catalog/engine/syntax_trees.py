"""DuckDB's own syntax trees of queries, as it writes them in JSON."""

import json
import os
from functools import cache
from typing import TypeAlias

import duckdb

from catalog.dataclasses import dataclass
from catalog.engine.connection import connect, cursor, single_row

Node: TypeAlias = dict[str, object]
"""A node: its class, its type, where it is, and its parts by name."""


@dataclass(frozen=True, slots=True)
class SyntaxTrees:
    """What DuckDB makes of a text.

    Attributes:
        statements: The trees of its statements, without empty ones; none if it was refused.
        error: Why there are none, in DuckDB's words; empty if there are.
        offset: Offset of the offending place in the text, in code points, or None.
        parsed: Whether the text is valid for DuckDB's parser: if there is an error nevertheless,
            a statement in it is not a query.
    """

    statements: tuple[Node, ...]
    error: str = ""
    offset: int | None = None
    parsed: bool = True


@cache
def _parser(process: int) -> duckdb.DuckDBPyConnection:
    """Returns a connection that only parses, opened once in a process.

    It holds nothing. Opening one takes 15 ms, and every command looks at all definitions.
    """
    return connect(threads=1, temp_directory="")


def syntax_trees(text: str) -> SyntaxTrees:
    """Parses a text of queries; nothing is bound, looked up or run.

    Raises:
        RecursionError: It is nested too deeply for the usual stack.
    """
    with cursor(_parser(os.getpid())) as con:
        (written,) = single_row(con, "SELECT json_serialize_sql(CAST(? AS VARCHAR))", [text])
    found = json.loads(written)
    if not found["error"]:
        return SyntaxTrees(tuple(one["node"] for one in found["statements"]))
    position = str(found.get("position", ""))
    return SyntaxTrees(
        (),
        str(found.get("error_message", "")).partition("\n")[0],
        code_points(text, int(position)) if position.isdecimal() else None,
        found.get("error_type") != "parser",
    )


def code_points(text: str, offset_bytes: int) -> int:
    """Returns the offset in code points of a place that DuckDB gives in bytes of UTF-8."""
    if text.isascii():
        return offset_bytes
    return len(text.encode()[:offset_bytes].decode(errors="replace"))
