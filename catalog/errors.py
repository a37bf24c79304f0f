"""The errors of the catalog: few categories, by what the caller would do about them."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from catalog.hints import Hint, python_wording
from catalog.messages import shown

if TYPE_CHECKING:
    import pyarrow as pa


class ErrorKind(StrEnum):
    """What exactly went wrong, as a stable word for programs.

    Kinds are only ever added, at the end of their list; none is renamed or reused.

    Attributes:
        meaning: One sentence for people.
    """

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "ErrorKind":
        """Makes a kind of its word and its meaning."""
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.meaning = meaning
        return kind

    ERROR = "error", "An error without a more specific kind; also a bug in Parquetry."
    NOT_FOUND = "not-found", "Something named does not exist."
    ALREADY_EXISTS = "already-exists", "A name is taken."
    CONFLICT = "conflict", "Somebody else's change is in the way."
    MERGE_CONFLICT = "merge-conflict", "Both sides of a merge changed the same differently."
    INVALID_INPUT = "invalid-input", "The request is not valid as it stands."
    CORRUPT_DATA = "corrupt-data", "Stored bytes are not what was written."
    STORAGE = "storage", "The storage failed."
    UNSUPPORTED = "unsupported", "This version or installation cannot do it."
    USAGE = "usage", "The command line was used wrongly."
    SWAP_LOST = "swap-lost", "Internal: another writer moved the ref first."
    OUTCOME_UNKNOWN = "outcome-unknown", "Nobody can say whether the write took effect."

    AMBIGUOUS_COLUMNS = "ambiguous-columns", "SQL on a branch cannot tell the columns apart."
    AMBIGUOUS_REF = "ambiguous-ref", "An abbreviated commit id fits several commits."
    AZURE_CONFIGURATION = "azure-configuration", "The Azure settings are not valid."
    BAD_COLUMNS = "bad-columns", "The columns of the data are missing, repeated or not named."
    BAD_DATA = "bad-data", "The data cannot be read as rows."
    BAD_KEY = "bad-key", "The key columns are not a possible key."
    BAD_QUERY = "bad-query", "The compared query fails, or its columns are ambiguous."
    BAD_TOLERANCE = "bad-tolerance", "A tolerance is not valid, or not for a number."
    BAD_WHERE = "bad-where", "The condition is not a valid condition on single rows."
    BRANCH_DELETED = "branch-deleted", "The branch was deleted meanwhile."
    BRANCH_MOVED = "branch-moved", "The branch was moved meanwhile."
    BRANCH_PROTECTED = "branch-protected", "The branch changes only by merge."
    BUCKET_NOT_FOUND = "bucket-not-found", "The bucket does not exist."
    CATALOG_EXISTS = "catalog-exists", "A catalog is already there."
    CATALOG_NOT_FOUND = "catalog-not-found", "No catalog is there."
    COLUMN_NOT_FOUND = "column-not-found", "A column does not exist."
    CONFLICT_TABLE = "conflict-table", "A merge in conflict, or its table, is in the way."
    DAMAGED_PARQUET = "damaged-parquet", "A Parquet file cannot be read."
    DESCRIPTION_LOST = "description-lost", "The catalog's description is missing."
    DESTINATION_EXISTS = "destination-exists", "Something is already where the output should go."
    DIRECTORY_NOT_EMPTY = "directory-not-empty", "The directory must be empty."
    DUPLICATE_KEY = "duplicate-key", "Several rows would share a key."
    EMPTY_SOURCE = "empty-source", "The source has no data files."
    EXTRA_NOT_INSTALLED = "extra-not-installed", "A library that this needs is not installed."
    FILE_CHANGED = "file-changed", "A data file is missing or is not what was committed."
    IN_TRANSACTION = "in-transaction", "The statement cannot run inside a transaction."
    INVALID_CONFIG = "invalid-config", "The configuration file is not valid."
    INVALID_NAME = "invalid-name", "A name of a table, branch or tag is not allowed."
    INVALID_REF = "invalid-ref", "The text is not a ref expression."
    KEY_MISSING = "key-missing", "A key column is missing."
    MERGE_GONE = "merge-gone", "The merge was completed or dropped by somebody else."
    MERGE_NOT_FOUND = "merge-not-found", "No such merge is in conflict."
    MERGE_UNDER_WAY = "merge-under-way", "The same merge already waits to be completed."
    MIXED_PARTITIONING = "mixed-partitioning", "A source is partitioned inconsistently."
    NARROWING_TYPE = "narrowing-type", "The new type cannot hold every value of the old one."
    NEWER_FORMAT = "newer-format", "The catalog was written in a newer format."
    NO_CONDITIONAL_WRITES = "no-conditional-writes", "The server ignores conditions."
    NO_CREDENTIALS = "no-credentials", "No credentials were found."
    NO_ENDPOINT = "no-endpoint", "The server cannot be reached."
    NO_MERGE_BASE = "no-merge-base", "Two refs share no ancestor."
    NO_PARENT = "no-parent", "The commit does not have that parent."
    NO_SPACE = "no-space", "The disk or bucket is full."
    NOT_A_DIRECTORY = "not-a-directory", "A directory is needed, and there is a file."
    NOT_DURABLE = "not-durable", "The write may not survive a power failure."
    NOT_PERMITTED = "not-permitted", "Access is denied."
    NOT_TEXT = "not-text", "The value must be text."
    NOT_UNICODE = "not-unicode", "The text is not valid UTF-8."
    NOTHING_TO_TAKE = "nothing-to-take", "No source was given."
    OBJECT_EXISTS = "object-exists", "A stored object already exists."
    OBJECT_NOT_FOUND = "object-not-found", "A stored object does not exist."
    OTHER_FORMAT = "other-format", "The source is, has or lies in a table of another format."
    OUT_OF_MEMORY = "out-of-memory", "The memory limit is too low for this."
    OUTPUT_UNWRITABLE = "output-unwritable", "The output cannot be written."
    PARTIAL_REVERT = "partial-revert", "The commits changed other tables as well."
    PARTITION_COLUMN_MISMATCH = "partition-column-mismatch", "A file contradicts its path."
    PARTITION_VALUE = "partition-value", "A value does not fit its partition column."
    PARTITIONING_MISMATCH = "partitioning-mismatch", "Partition columns differ."
    PATH_OUTSIDE = "path-outside", "A path leads out of where it must stay."
    READ_ONLY = "read-only", "Queries cannot write."
    REF_EXISTS = "ref-exists", "A branch or tag has that name."
    REF_NOT_FOUND = "ref-not-found", "A ref does not exist."
    RESERVED_NAME = "reserved-name", "The name is reserved."
    ROWS_MISSING = "rows-missing", "Rows are not in the data files that must hold them."
    ROWS_NOT_KEPT = "rows-not-kept", "The diff counted rows but did not keep them."
    S3_CONFIGURATION = "s3-configuration", "The settings for S3 are not valid."
    SAMPLE_DATA_MISSING = "sample-data-missing", "The installation lacks the sample data."
    SCHEMA_MISMATCH = "schema-mismatch", "Columns of files do not fit together."
    SETTLED_OTHERWISE = "settled-otherwise", "A side cannot be taken for what was settled by hand."
    SHAPE_CONFLICT = "shape-conflict", "A merge's schemas contradict each other."
    SOURCE_CHANGED = "source-changed", "The source changed while it was read."
    SOURCE_NOT_FOUND = "source-not-found", "The source does not exist."
    SQL_ERROR = "sql-error", "The SQL is not valid, or failed."
    TABLE_EXISTS = "table-exists", "A table has that name."
    TABLE_NOT_FOUND = "table-not-found", "A table does not exist."
    TAG_SPENT = "tag-spent", "A deleted tag had that name; tags never move."
    TOO_MANY_RACES = "too-many-races", "Other writers kept winning every race."
    TRANSACTION_ENDED = "transaction-ended", "The transaction has ended."
    TRANSACTION_NOT_BEGUN = "transaction-not-begun", "The transaction has not begun."
    UNKNOWN_FORMAT = "unknown-format", "What lies there is not a catalog's description."
    UNREADABLE_TYPE = "unreadable-type", "A Parquet type cannot be read exactly."
    UNSUPPORTED_CONSTRAINT = "unsupported-constraint", "The constraint is not supported."
    UNSUPPORTED_STATEMENT = "unsupported-statement", "The statement is not supported."
    UNWRITABLE_TYPE = "unwritable-type", "A type cannot be stored in Parquet."
    UNWRITABLE_VALUE = "unwritable-value", "A value cannot be stored exactly in Parquet."
    WRITE_CONFLICT = "write-conflict", "Somebody else changed the same meanwhile."
    WRONG_FINGERPRINT = "wrong-fingerprint", "A stored fingerprint contradicts its data file."
    SECRET_IN_URI = "secret-in-uri", "A URI contains a password, a key or a signature."
    CLOCK_SKEW = "clock-skew", "A server refuses requests, since this machine's clock is wrong."
    MACHINE_LIMIT = "machine-limit", "A limit of the process: open files, threads."
    INSECURE_ENDPOINT = "insecure-endpoint", "A token would be sent without encryption."
    ENCRYPTED = "encrypted", "A Parquet file is encrypted."
    NOT_A_FILE = "not-a-file", "A source has a pipe, a socket or a device in the place of a file."
    DERIVED_TABLE = "derived-table", "A derived table is not written by hand."
    NOT_DERIVED = "not-derived", "The table is not a derived one."
    BAD_DEFINITION = "bad-definition", "The definition of a derived table is not valid."
    DERIVATION_CYCLE = "derivation-cycle", "Derived tables depend on each other in a circle."
    STEP_FAILED = "step-failed", "A derived table could not be computed."
    INPUTS_GONE = "inputs-gone", "What a table was computed from is no longer in the catalog."
    NOT_REPRODUCIBLE = "not-reproducible", "What is recorded does not say how to compute it."
    STORED_SQL = "stored-sql", "SQL that a catalog stores does more than it may."
    TIME_LIMIT = "time-limit", "A statement was stopped since its time was over."
    COMMAND_REFUSED = "command-refused", "A command of a catalog is not allowed to run."
    COMMAND_FAILED = "command-failed", "A command failed, or did not end in time."
    ROW_NOT_FOUND = "row-not-found", "No row of the table has that key."
    GATE_REFUSED = "gate-refused", "A change does not pass the gate of the branch."
    BRANCH_GATED = "branch-gated", "The rules of the branch do not allow it to be moved so."
    BAD_CHECK = "bad-check", "A check is not valid."
    CHECK_NOT_FOUND = "check-not-found", "The table has no check of that name."
    BAD_CONTRACT = "bad-contract", "A contract is not valid."
    CONTRACT_NOT_FOUND = "contract-not-found", "There is no contract of that name."
    BACKFILL_EXISTS = "backfill-exists", "Another backfill has that name."
    BACKFILL_NOT_FOUND = "backfill-not-found", "There is no backfill of that name."
    BACKFILL_BROKEN = "backfill-broken", "The branch of a backfill was moved or deleted."
    BACKFILL_FAILED = "backfill-failed", "A step of a backfill failed."
    BACKFILL_EMPTY = "backfill-empty", "The fix of a backfill changed nothing."
    UNSUPPORTED_RULE = "unsupported-rule", "No check can hold a rule of a file."
    CHECK_EXISTS = "check-exists", "The table has another check of that name."
    FILE_SET = "file-set", "A file set is written by snapshots of files and DELETE only."
    IMAGE_TOO_LARGE = "image-too-large", "An image takes too much memory or time to look at."
    UNSUPPORTED_FEATURE = "unsupported-feature", "A table of another format has what is not known."
    LOG_DAMAGED = "log-damaged", "The log of a table of another format is damaged."
    VERSION_NOT_FOUND = "version-not-found", "A table of another format has no such version."
    LIVE_FILE_MISSING = "live-file-missing", "A file that such a table lists is missing or cut."
    FORMAT_LIMIT = "format-limit", "Another format cannot say what a table holds."
    FOREIGN_TARGET = "foreign-target", "What is at the target is not a publication of the branch."
    IMPORT_BROKEN = "import-broken", "A branch does not continue the log of a table."
    DATA_EXPIRED = "data-expired", "The data of an old commit was expired; its history is kept."
    GC_UNDER_WAY = "gc-under-way", "What is needed is being removed as garbage, or was."
    GC_REFUSED = "gc-refused", "It is not safe to remove garbage now."
    WORKER_DIED = "worker-died", "A process ended that was working on a task for this one."
    WORKER_DIFFERS = "worker-differs", "A worker has another release, or lacks a library."
    SOURCE_DAMAGED = "source-damaged", "What a copy needs is missing or damaged in its source."
    REFS_PARTED = "refs-parted", "A ref of a copy is not an earlier state of its source's."
    OTHER_CATALOG = "other-catalog", "Two catalogs are not copies of one."
    OLDER_FORMAT = (
        "older-format",
        "The catalog has an earlier format, which does not provide for it.",
    )


class CatalogError(Exception):
    """Base class of all catalog errors.

    Attributes:
        message: What failed, with the value, then why; never a secret of a URI.
        kind: A stable word for programs, e.g. ``ref-not-found``.
        advice: What helps, as a value that a front end words; empty if nothing does.
    """

    default_kind = ErrorKind.ERROR

    def __init__(
        self, message: str, *, kind: ErrorKind | None = None, hint: Hint | str = ""
    ) -> None:
        message = shown(message)
        super().__init__(message)
        self.message = message
        self.kind = kind or self.default_kind
        self.advice = Hint(hint) if isinstance(hint, str) else hint

    def __reduce__(self) -> "tuple[object, ...]":
        return _restored, (type(self), self.args, self.__dict__)

    @property
    def hint(self) -> str:
        """Returns what helps, in Python's words; empty if nothing does."""
        return self.advice.worded(python_wording)


def _restored(kind: type[CatalogError], args: tuple[str, ...], state: dict[str, Any]) -> Any:
    """Returns an error as another process raised it, whatever its class is made from."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class NotFound(CatalogError):
    """Something named does not exist: name another, or create it."""

    default_kind = ErrorKind.NOT_FOUND


class AlreadyExists(CatalogError):
    """A name is taken: choose another one."""

    default_kind = ErrorKind.ALREADY_EXISTS


class Conflict(CatalogError):
    """Somebody else's change is in the way: look at it, then decide."""

    default_kind = ErrorKind.CONFLICT


class MergeConflict(Conflict):
    """Both sides of a merge changed the same differently: settle it, or drop the merge.

    Attributes:
        conflicts: A pyarrow table with ``table_name``, ``kind``, ``key`` (JSON of texts by
            column), ``column_name``, ``base``, ``ours``, ``theirs`` (texts).
        branch: The branch that the merge left for settling them; empty if it left none.
    """

    default_kind = ErrorKind.MERGE_CONFLICT

    def __init__(
        self, message: str, *, conflicts: "pa.Table", branch: str = "", hint: Hint | str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.conflicts = conflicts
        self.branch = branch


class GateRefused(CatalogError):
    """A change does not pass the gate of the branch: look at what it found, then correct it.

    Attributes:
        judgement: What it found; see ``catalog.model.judgement.Judgement``.
    """

    default_kind = ErrorKind.GATE_REFUSED

    def __init__(self, message: str, *, judgement: Any = None, hint: Hint | str = "") -> None:
        super().__init__(message, hint=hint)
        self.judgement = judgement


class InvalidInput(CatalogError):
    """The request is not valid as it stands: change it."""

    default_kind = ErrorKind.INVALID_INPUT


class CorruptData(CatalogError):
    """Stored bytes are not what was written: restore them, never trust them."""

    default_kind = ErrorKind.CORRUPT_DATA


class StorageFailure(CatalogError):
    """The storage failed: look into it, then try again."""

    default_kind = ErrorKind.STORAGE


class Unsupported(CatalogError):
    """This version or installation cannot do what was asked."""

    default_kind = ErrorKind.UNSUPPORTED
