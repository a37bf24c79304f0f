"""Rows handed over with a check after the last of them: of files that others can change.

A check that fails comes too late for rows that were handed over in batches, and in time for
whoever waits for the last.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, cast

import duckdb
import pyarrow as pa

from catalog.engine.checks import Check, checked
from catalog.engine.frames import Relation, with_conversions


def checked_reader(rows: pa.RecordBatchReader, checks: Sequence[Check]) -> pa.RecordBatchReader:
    """Returns a reader of the same batches, which fails after the last if a check does."""

    def batches() -> Iterator[pa.RecordBatch]:
        with checked(checks):
            yield from rows

    return pa.RecordBatchReader.from_batches(rows.schema, batches()) if checks else rows


def checked_relation(relation: duckdb.DuckDBPyRelation, checks: Sequence[Check] = ()) -> Relation:
    """Returns a relation whose methods run checks after they have read rows.

    It is DuckDB's own for ``isinstance``, and so is what is derived from it.
    """
    relation = with_conversions(relation)
    return cast(Relation, _Checked(relation, tuple(checks))) if checks else relation


class _Checked:
    """A relation of DuckDB's, and the checks of the files that it reads."""

    __slots__ = ("_checks", "_relation")

    def __init__(self, relation: duckdb.DuckDBPyRelation, checks: tuple[Check, ...]) -> None:
        self._relation = relation
        self._checks = checks

    __class__ = property(lambda self: duckdb.DuckDBPyRelation)

    def __getattr__(self, name: str) -> Any:
        return self._wrapped(getattr(self._relation, name))

    def _wrapped(self, found: Any) -> Any:
        """Returns what an attribute, or a method's result, is outside."""
        if isinstance(found, duckdb.DuckDBPyRelation) or _is_grouped(found):
            return _Checked(found, self._checks)
        if isinstance(found, pa.RecordBatchReader):
            return checked_reader(found, self._checks)
        if isinstance(found, Iterator):
            return self._iterated(found)
        return self._method(found) if callable(found) else found

    def _method(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def called(*args: Any, **options: Any) -> Any:
            plain = [_plain(one) for one in args]
            named = {name: _plain(one) for name, one in options.items()}
            with checked(self._checks):
                found = method(*plain, **named)
            return self._wrapped(found) if not callable(found) else found

        return called

    def _iterated(self, rows: Iterator[Any]) -> Iterator[Any]:
        with checked(self._checks):
            yield from rows

    def __getitem__(self, name: str) -> Any:
        return self._wrapped(self._relation[name])

    def __len__(self) -> int:
        return int(self._method(self._relation.__len__)())

    def __contains__(self, name: str) -> bool:
        return name in self._relation

    def __repr__(self) -> str:
        return str(self._method(self._relation.__repr__)())

    __str__ = __repr__

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        reader = checked_reader(self._relation.to_arrow_reader(), self._checks)
        return reader.__arrow_c_stream__(requested_schema)


def _plain(value: Any) -> Any:
    return value._relation if type(value) is _Checked else value


def _is_grouped(value: Any) -> bool:
    """Returns whether a value is DuckDB's relation with group keys, whose class is not public."""
    return type(value).__name__ == "GroupedRelation"
