"""The service: what it answers to each request. It has no answer that changes anything."""

import bisect
from collections.abc import Mapping, Sequence

from catalog.errors import CatalogError, ErrorKind, NotFound
from catalog.model.commit import time_text
from catalog.operations.context import OperationContext
from catalog.serving.answers import (
    EMPTY,
    NO_NAMESPACE,
    UNSUPPORTED,
    Answer,
    answered,
    failed,
    refused,
)
from catalog.serving.namespaces import NamespaceFinder, Place
from catalog.serving.requests import (
    ENDPOINTS,
    Config,
    Namespace,
    Namespaces,
    Request,
    Table,
    Tables,
    levels_of,
    wanted,
)
from catalog.serving.tables import TableCache
from catalog.storage.failures import machine_failure

READ = ("GET", "HEAD")
"""The methods that are answered; there is no code for others."""

MAX_PAGE = 10_000
"""Most names in an answer where a client asks for pages."""


class CatalogService:
    """Answers requests about one catalog; may be asked from many threads at a time."""

    def __init__(
        self,
        context: OperationContext,
        tables: TableCache,
        *,
        defaults: Mapping[str, str] | None = None,
    ) -> None:
        """Takes the catalog.

        Args:
            context: The catalog.
            tables: What makes tables loadable.
            defaults: What clients are to assume of the storage unless told otherwise by their
                users; no secrets.
        """
        self._context = context
        self._finder = NamespaceFinder(context.repository)
        self._tables = tables
        self._defaults = dict(defaults or {})

    def answer(self, request: Request) -> Answer:
        """Returns the answer to a request; errors are answers, too."""
        if request.method not in READ:
            return refused(
                405,
                UNSUPPORTED,
                f"{request.method[:20]}: the catalog is served read-only",
                headers={"Allow": ", ".join(READ)},
            )
        try:
            with self._context.repository.expiry.explaining():
                return self._answer(request)
        except CatalogError as error:
            return failed(error)
        except Exception as error:
            failure = machine_failure(error)
            if failure is None:
                raise
            return failed(failure)

    def _answer(self, request: Request) -> Answer:
        match wanted(request.path):
            case Config():
                return answered(
                    {"defaults": self._defaults, "overrides": {}, "endpoints": list(ENDPOINTS)}
                )
            case Namespaces():
                return self._namespaces(request)
            case Namespace(levels):
                return self._namespace(levels, request)
            case Tables(levels):
                names = list(self._finder.tables(self._finder.find(levels)))
                page, more = _page(names, request.query)
                tables = [{"namespace": list(levels), "name": name} for name in page]
                return answered({"identifiers": tables, **more})
            case Table(levels, name):
                return self._table(levels, name, request)
        return refused(404, "NotFoundException", f"{request.path[:200]}: there is no such path")

    def _namespaces(self, request: Request) -> Answer:
        parent = request.query.get("parent", "")
        levels = levels_of(parent) if parent else ()
        found = self._finder
        names = found.schemas(found.find(levels)) if levels else found.names()
        page, more = _page(names, request.query)
        return answered({"namespaces": [[*levels, name] for name in page], **more})

    def _namespace(self, levels: Sequence[str], request: Request) -> Answer:
        place = self._finder.find(levels)
        if request.method == "HEAD":
            return EMPTY
        return answered({"namespace": list(levels), "properties": self._properties(place)})

    def _properties(self, place: Place) -> dict[str, str]:
        commit = self._context.repository.commits.read(place.ref.commit_id)
        return {
            "parquetry.ref": place.ref.text,
            "parquetry.commit": place.ref.commit_id,
            "parquetry.time": time_text(commit.time),
            "comment": commit.title,
        }

    def _table(self, levels: Sequence[str], name: str, request: Request) -> Answer:
        try:
            found = self._finder.find_table(levels, name)
        except NotFound as error:
            if error.kind == ErrorKind.REF_NOT_FOUND:  # clients ask for a table and mean one
                return refused(404, NO_NAMESPACE, error.message)
            raise
        if request.method == "HEAD":
            return EMPTY
        loaded = self._tables.load(found)
        etag = f'"{loaded.etag}"'
        if etag in request.known:
            return Answer(304, headers={"ETag": etag})
        return Answer(200, loaded.body, {"ETag": etag})


def _page(
    names: Sequence[str], query: Mapping[str, str]
) -> tuple[Sequence[str], dict[str, str | None]]:
    """Returns a page of sorted names, and what the answer says of the next one.

    The token of a page is its first name: pages stay right while names come and go. All names are
    one page unless the client asks for pages.
    """
    token, size = query.get("pageToken", ""), query.get("pageSize", "")
    start = bisect.bisect_left(names, token) if token else 0
    if not size and "pageToken" not in query:
        return names, {}
    is_number = size.isascii() and size.isdigit() and len(size) < 10
    end = start + min(max(int(size), 1) if is_number else MAX_PAGE, MAX_PAGE)
    return names[start:end], {"next-page-token": names[end] if end < len(names) else None}
