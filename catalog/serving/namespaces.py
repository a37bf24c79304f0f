"""Namespaces: which states of the catalog they stand for.

A namespace is a ref, or a ref and behind it the namespace of tables in the catalog: table
``sales.orders`` of branch ``main`` is ``sales.orders`` in ``main``, and ``orders`` in
``main.sales``. Many clients make levels of a name at its dots, and cannot send slashes. For them
dots, slashes and levels are the same thing, unless that leaves several tables to choose from.
"""

from collections.abc import Iterable, Iterator, Sequence

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, ErrorKind, InvalidInput, NotFound
from catalog.model.ids import ID_PREFIX
from catalog.model.names import canonical_name
from catalog.model.ref_expressions import parse_ref
from catalog.repository.commits import StoredTable
from catalog.repository.repository import Repository
from catalog.repository.resolve import ResolvedRef

MAX_PARTS = 32
"""Most parts between dots of a namespace that are tried as refs and namespaces of tables."""


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace as it was found.

    Attributes:
        ref: The ref, and its commit.
        schema: The namespace of tables behind it, with a dot at its end; empty if there is none.
    """

    ref: ResolvedRef
    schema: str = ""

    def inner(self, table: str) -> str | None:
        """Returns the name of one of the commit's tables in this namespace; None if it is not."""
        if not table.casefold().startswith(self.schema.casefold()):
            return None
        return table[len(self.schema) :] or None


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table of a namespace."""

    place: Place
    stored: StoredTable


class NamespaceFinder:
    """Finds what namespaces stand for, each time anew: branches move."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def names(self) -> list[str]:
        """Returns the branches and tags by name."""
        branches = [branch.name for branch in self._repository.branches.heads()]
        return sorted({*branches, *self._repository.tags.names()})

    def find(self, levels: Sequence[str]) -> Place:
        """Returns what a namespace stands for.

        Raises:
            NotFound: There is no such namespace.
            InvalidInput: It may be several.
        """
        found = [place for place in self._places(levels) if self._exists(place)]
        if not found:
            raise _unknown(levels)
        return _only(found, levels)

    def find_table(self, levels: Sequence[str], name: str) -> FoundTable:
        """Returns a table of a namespace.

        Raises:
            NotFound: There is no such namespace, or table.
            InvalidInput: It may be several.
        """
        from catalog.operations.tables import find_table, unknown_table

        name = canonical_name(name)
        places = self._places(levels)
        found = []
        for place in places:
            stored = find_table(self._repository, place.schema + name, place.ref) if name else None
            found += [] if stored is None else [FoundTable(place, stored)]
        if found:
            _only([one.place for one in found], levels)
            return found[0]
        if not any(self._exists(place) for place in places):
            raise _unknown(levels)
        entries = self._repository.commits.entries(places[0].ref.commit_id)
        raise unknown_table(places[0].schema + name, places[0].ref.text, entries)

    def tables(self, place: Place) -> Iterator[str]:
        """Yields the tables of a namespace by name, with those of the namespaces in it."""
        for table in sorted(self._repository.commits.entries(place.ref.commit_id)):
            inner = place.inner(table)
            if inner is not None:
                yield inner

    def schemas(self, place: Place) -> list[str]:
        """Returns the namespaces of tables right within a namespace."""
        inner = (table.partition(".") for table in self.tables(place))
        return sorted({schema for schema, dot, _ in inner if dot})

    def _exists(self, place: Place) -> bool:
        return not place.schema or next(self.tables(place), None) is not None

    def _places(self, levels: Sequence[str]) -> list[Place]:
        """Returns all that a namespace may stand for, of refs that exist.

        Raises:
            NotFound: There is none.
            InvalidInput: It begins with an abbreviated commit id that fits several commits.
        """
        missing = _unknown(levels)
        if len(levels) == 1:
            try:
                return [Place(self._repository.refs.resolve(levels[0]))]
            except CatalogError as error:
                if error.kind not in _NO_REF:
                    raise
                missing = NotFound(error.message, kind=ErrorKind.REF_NOT_FOUND, hint=error.advice)
        parts = ".".join(levels).split(".")
        places = list(self._split(parts)) if 1 < len(parts) <= MAX_PARTS else []
        if not places:
            raise missing
        return places

    def _split(self, parts: Sequence[str]) -> Iterator[Place]:
        """Yields the places that parts between dots may be, by the longest ref first."""
        names: dict[str, list[str]] = {}
        for name in {*self._repository.branches.names(), *self._repository.tags.names()}:
            names.setdefault(name.replace("/", "."), []).append(name)
        for length in range(len(parts), 0, -1):
            schema = "".join(f"{part}." for part in parts[length:])
            for ref in self._refs(".".join(parts[:length]), names):
                yield Place(ref, schema)

    def _refs(self, text: str, names: dict[str, list[str]]) -> Iterator[ResolvedRef]:
        try:
            text = canonical_name(text)
            name = parse_ref(text).name or ""
        except InvalidInput:
            return
        known: Iterable[str] = names.get(name.replace("/", "."), ())
        for one in known or ([name] if ID_PREFIX.fullmatch(name) else []):
            try:
                yield self._repository.refs.resolve(one + text[len(name) :])
            except CatalogError as error:
                if error.kind not in _NO_REF:
                    raise


_NO_REF = frozenset({ErrorKind.REF_NOT_FOUND, ErrorKind.INVALID_REF, ErrorKind.NOT_UNICODE})
"""What errors say of a text that is no ref here."""


def _only(places: Sequence[Place], levels: Sequence[str]) -> Place:
    """Returns the only place of a list.

    Raises:
        InvalidInput: There are others.
    """
    if len(places) == 1:
        return places[0]
    meant = " or ".join(
        f"{place.schema[:-1]!r} at {place.ref.text!r}" if place.schema else repr(place.ref.text)
        for place in places
    )
    raise InvalidInput(
        f"the namespace {'.'.join(levels)!r} may be {meant}",
        kind=ErrorKind.AMBIGUOUS_REF,
        hint="name the ref by its commit id, or put ~0 behind it",
    )


def _unknown(levels: Sequence[str]) -> NotFound:
    """Returns the error for a namespace that does not exist."""
    return NotFound(
        f"no branch, tag or commit has the namespace {'.'.join(levels)!r}",
        kind=ErrorKind.REF_NOT_FOUND,
    )
