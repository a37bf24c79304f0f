"""The errors of the catalog: few categories, by what the caller would do about them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class CatalogError(Exception):
    """Is the base of every error that the catalog raises on purpose.

    Attributes:
        message: What failed, with the value, then why.
        kind: A stable word for programs, e.g. ``ref-not-found``.
        hint: The exact command or argument that helps, or an empty string.
    """

    default_kind = "error"

    def __init__(self, message: str, *, kind: str | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or self.default_kind
        self.hint = hint


class NotFound(CatalogError):
    """Says that something named does not exist: name another, or create it."""

    default_kind = "not-found"


class AlreadyExists(CatalogError):
    """Says that a name is taken: choose another one."""

    default_kind = "already-exists"


class Conflict(CatalogError):
    """Says that somebody else's change is in the way: look at it, then decide."""

    default_kind = "conflict"


class MergeConflict(Conflict):
    """Says that two branches changed the same in unlike ways: settle it, or drop the merge.

    Attributes:
        conflicts: A pyarrow table with ``table_name``, ``kind``, ``key`` (JSON of texts by
            column), ``column_name``, ``base``, ``ours``, ``theirs`` (texts).
        branch: The branch that the merge left for settling them; empty if it left none.
    """

    default_kind = "merge-conflict"

    def __init__(
        self, message: str, *, conflicts: "pa.Table", branch: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.conflicts = conflicts
        self.branch = branch


class InvalidInput(CatalogError):
    """Says that what was asked for makes no sense as it stands: change the request."""

    default_kind = "invalid-input"


class CorruptData(CatalogError):
    """Says that stored bytes are not what was written: restore them, never trust them."""

    default_kind = "corrupt-data"


class StorageFailure(CatalogError):
    """Says that the storage did not do what it was asked: look at it, then try again."""

    default_kind = "storage"


class Unsupported(CatalogError):
    """Says that a known wish is not met by this version or installation."""

    default_kind = "unsupported"
