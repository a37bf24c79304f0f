"""Reads ``parquetry.toml``: the catalog, and the tables that ``snapshot`` takes."""

import shlex
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from catalog import AzureOptions, GcsOptions, S3Options
from catalog.dataclasses import dataclass, field
from catalog.errors import ErrorKind, InvalidInput, StorageFailure
from catalog.model.datafile import VERIFY, Verify
from catalog.model.published import PUBLICATION_FORMATS, PublicationFormat
from catalog.model.texts import path_text
from cli.specs import FileMode, PartitionBy, SourceFormat, TableSpec
from cli.usage import nearest

if TYPE_CHECKING:
    from catalog import TableDefaults
    from catalog.model.guards import Guard

CONFIG_NAME = "parquetry.toml"
DEFAULT_BRANCH = "main"
"""The branch of a publication that names none."""

TOP_KEYS = (
    "catalog",
    "verify",
    "record_code",
    "s3",
    "gcs",
    "azure",
    "tables",
    "models",
    "steps",
    "hooks",
    "time_limit_s",
    "checks",
    "check_files",
    "python_checks",
    "contract",
    "publish",
    "guard",
    "metrics",
    "workers",
)
S3_KEYS = ("endpoint_url", "region", "profile", "path_style")
GCS_KEYS = ("endpoint_url",)
AZURE_KEYS = ("account", "endpoint_url")
SOURCE_KEYS = ("source", "key", "partition_by", "mode", "format", "at")
COMPARED_KEYS = ("ignore", "tolerance")
"""What is said of a table for diffs: it need not have a source for that."""

GUARD_KEYS = ("schema", "max_loss")
"""What is said of a table for snapshots from wherever: it need not have a source for that, too."""

TABLE_KEYS = (*SOURCE_KEYS, *COMPARED_KEYS, *GUARD_KEYS)

MODELS_KEYS = ("path",)
STEP_KEYS = ("command", "timeout_s")
HOOK_KEYS = ("command", "function", "timeout_s")
PUBLISH_KEYS = ("branch", "target", "format", "tables")


@dataclass(frozen=True, slots=True)
class StepCommand:
    """A command that may run to compute a derived table.

    Attributes:
        table: The table.
        command: The words of the command.
        timeout_s: After how many seconds it is stopped; None means never.
    """

    table: str
    command: tuple[str, ...]
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class HookEntry:
    """A hook of gates: a command, or a function as ``package.module:function``."""

    name: str
    command: tuple[str, ...] = ()
    function: str = ""
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class PublicationEntry:
    """A copy of a branch in another format that is kept current; ``tables`` None means all."""

    branch: str
    target: str
    format: PublicationFormat
    tables: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration; its catalog is absolute or has a scheme, and is None if it names none.

    Its directory of models is absolute.

    Attributes:
        has_checks: Whether it states checks itself; nobody but ``check sync`` looks at them.
        check_files: Other files from which checks are taken over.
        python_checks: The Python checks that may run, by name.
        publications: The copies that are kept current.
        defaults: What diffs ignore and tolerate, by table.
        metrics: Queries that diffs run at both ends, by name.
        guard: What snapshots may do to any table.
        guards: What they may do to some, by table: it counts before that.
        workers: Processes that run tasks, 0 for none.
    """

    path: Path
    catalog: str | None
    s3: S3Options
    gcs: GcsOptions
    azure: AzureOptions
    tables: tuple[TableSpec, ...]
    verify: Verify | None = None
    models: str | None = None
    steps: tuple[StepCommand, ...] = ()
    hooks: tuple[HookEntry, ...] = ()
    record_code: bool = True
    time_limit_s: float | None = None
    has_checks: bool = False
    check_files: tuple[str, ...] = ()
    python_checks: tuple[str, ...] = ()
    publications: tuple[PublicationEntry, ...] = ()
    defaults: Mapping[str, "TableDefaults"] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    guard: "Guard | None" = None
    guards: "Mapping[str, Guard]" = field(default_factory=dict)
    workers: int = 0


def read_config(path: Path) -> Config:
    """Reads a configuration; paths in it are relative to its directory.

    Raises:
        InvalidInput: It is not valid TOML, or has keys or values that are not valid.
        StorageFailure: It cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StorageFailure(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _not_toml(path, error) from error
    return _config(path, text)


def _not_toml(path: Path, error: ValueError) -> InvalidInput:
    return InvalidInput(f"{path} is not valid TOML: {error}", kind=ErrorKind.INVALID_CONFIG)


@lru_cache(maxsize=4)  # a command asks several times, each time for another setting
def _config(path: Path, text: str) -> Config:
    import tomllib

    try:
        stored = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, error) from error
    root = _Entry(path, "", stored).section(TOP_KEYS)
    s3 = root["s3"].section(S3_KEYS)
    tables = _tables(root["tables"])
    return Config(
        path,
        root["catalog"].location(),
        S3Options(path_style=s3.pop("path_style").boolean(), chosen_by=str(path), **_texts(s3)),
        GcsOptions(chosen_by=str(path), **_texts(root["gcs"].section(GCS_KEYS))),
        AzureOptions(chosen_by=str(path), **_texts(root["azure"].section(AZURE_KEYS))),
        tuple(_table(name, entry) for name, entry in tables if not _has_no_source(entry)),
        root["verify"].choice(VERIFY),
        _models(root["models"]),
        tuple(_step(name, entry) for name, entry in _tables(root["steps"], part="command")),
        tuple(_hook(name, entry) for name, entry in root["hooks"].named().items()),
        root["record_code"].boolean() is not False,
        root["time_limit_s"].seconds(),
        has_checks=bool(root["checks"].value),
        check_files=tuple(
            str(path.parent / Path(one).expanduser())
            for one in root["check_files"].listed('["models/schema.yml"]')
        ),
        python_checks=root["python_checks"].listed('["plausible_weather"]'),
        publications=tuple(map(_publication, root["publish"].sections())),
        defaults=_defaults(tables),
        metrics={name: entry.text() or "" for name, entry in root["metrics"].named().items()},
        guard=_guard(root["guard"].section(GUARD_KEYS)),
        guards={
            name: _guard(entry.section(TABLE_KEYS))
            for name, entry in tables
            if _says(entry.value, GUARD_KEYS)
        },
        workers=root["workers"].count(),
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value of the file, or None where it has none, with its place for messages."""

    path: Path
    name: str
    value: object

    def invalid(self, wanted: str) -> InvalidInput:
        message = f"{self.path}: {self.name} must be {wanted}, not {self.value!r}"
        return InvalidInput(message, kind=ErrorKind.INVALID_CONFIG)

    def inner(self, key: str, value: object) -> "_Entry":
        return _Entry(self.path, f"{self.name}.{key}" if self.name else key, value)

    def section(self, known: tuple[str, ...]) -> dict[str, "_Entry"]:
        """Returns the entries of a section, one for every key that is known."""
        stored = {} if self.value is None else self.value
        if not isinstance(stored, dict):
            raise self.invalid(f"a table like [{self.name}]")
        for key in stored:
            if key not in known:
                raise InvalidInput(
                    f"{self.path}: unknown key {self.inner(key, None).name}",
                    kind=ErrorKind.INVALID_CONFIG,
                    hint=nearest(key, known),
                )
        return {key: self.inner(key, stored.get(key)) for key in known}

    def named(self) -> dict[str, "_Entry"]:
        """Returns the sections of a section of names that the user chooses."""
        stored = {} if self.value is None else self.value
        if not isinstance(stored, dict):
            raise self.invalid(f"sections like [{self.name}.NAME]")
        return {key: self.inner(key, value) for key, value in stored.items()}

    def sections(self) -> list["_Entry"]:
        """Returns the sections of a list of them."""
        stored = [] if self.value is None else self.value
        if not isinstance(stored, list):
            raise self.invalid(f"sections like [[{self.name}]]")
        return [_Entry(self.path, f"{self.name}[{n}]", one) for n, one in enumerate(stored)]

    def words(self) -> tuple[str, ...]:
        """Returns the words of a command."""
        words = self.value
        if isinstance(words, str):
            with suppress(ValueError):  # quotes that are not closed
                words = shlex.split(words)
        if not isinstance(words, list) or not words or not all(isinstance(w, str) for w in words):
            raise self.invalid('a list of words like ["python", "score.py"]')
        return tuple(words)

    def text(self) -> str | None:
        if self.value is not None and (not isinstance(self.value, str) or not self.value):
            raise self.invalid("a text")
        return self.value

    def location(self) -> str | None:
        """Returns a path relative to the file, or something with a scheme."""
        text = self.text()
        if text is None:
            return None
        text = path_text(text, f"{self.path}: {self.name}")
        if "://" in text or text.startswith("iceberg:"):
            return text
        form = "delta:" if text.startswith("delta:") else ""
        return form + str(self.path.parent / Path(text.removeprefix(form)).expanduser())

    def boolean(self) -> bool | None:
        if self.value is not None and not isinstance(self.value, bool):
            raise self.invalid("true or false")
        return self.value

    def names(self) -> tuple[str, ...] | None:
        if self.value is None:
            return None
        return self.listed('["order_id"]', of="columns")

    def listed(self, like: str, *, of: str = "texts") -> tuple[str, ...]:
        """Returns a list of texts, none if there is none."""
        value = [] if self.value is None else self.value
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise self.invalid(f"a list of {of} like {like}")
        return tuple(value)

    def seconds(self) -> float | None:
        match self.value:
            case None:
                return None
            case int() | float() as number if number > 0 and self.value is not True:
                return number
        raise self.invalid("a number of seconds")

    def count(self) -> int:
        """Returns a whole number, 0 if there is none."""
        if self.value is None:
            return 0
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            raise self.invalid("a whole number from 0")
        return self.value

    def choice(self, known: tuple[str, ...]) -> Any:
        if self.value is not None and self.value not in known:
            raise self.invalid(f"one of {', '.join(known)}")
        return self.value


def _texts(section: dict[str, _Entry]) -> dict[str, str | None]:
    return {key: entry.text() for key, entry in section.items()}


def _models(entry: _Entry) -> str | None:
    """Returns the directory of models: ``models = "models"``, or ``path`` of a section."""
    if not isinstance(entry.value, str):
        entry = entry.section(MODELS_KEYS)["path"]
    found = entry.location()
    if found is not None and "://" in found:
        raise entry.invalid("a local directory")
    return found


def _publication(entry: _Entry) -> PublicationEntry:
    keys = entry.section(PUBLISH_KEYS)
    target, form = keys["target"].location(), keys["format"].choice(PUBLICATION_FORMATS)
    for key, value in (("target", target), ("format", form)):
        if value is None:
            raise InvalidInput(
                f"{entry.path}: {entry.name} has no {key}",
                kind=ErrorKind.INVALID_CONFIG,
                hint='e.g. target = "published" and format = "delta"',
            )
    tables = keys["tables"]
    names = None if tables.value is None else tables.listed('["orders"]', of="tables")
    return PublicationEntry(keys["branch"].text() or DEFAULT_BRANCH, target or "", form, names)


def _step(name: str, entry: _Entry) -> StepCommand:
    keys = entry.section(STEP_KEYS)
    return StepCommand(name, keys["command"].words(), keys["timeout_s"].seconds())


def _hook(name: str, entry: _Entry) -> HookEntry:
    keys = entry.section(HOOK_KEYS)
    function, timeout_s = keys["function"].text() or "", keys["timeout_s"].seconds()
    if bool(function) == (keys["command"].value is not None):
        raise entry.invalid("a section with either a command or a function")
    if not function:
        return HookEntry(name, keys["command"].words(), timeout_s=timeout_s)
    module, _, inner = function.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *inner.split("."))):
        raise keys["function"].invalid('a function like "package.module:function"')
    return HookEntry(name, function=function, timeout_s=timeout_s)


def _tables(entry: _Entry, prefix: str = "", *, part: str = "source") -> list[tuple[str, _Entry]]:
    """Lists the tables; ``[tables.sales.orders]`` is the table ``sales.orders``."""
    stored = {} if entry.value is None else entry.value
    if not isinstance(stored, dict):
        raise entry.invalid(f"tables like [{entry.name}.orders]")
    found: list[tuple[str, _Entry]] = []
    for name, value in stored.items():
        inner = entry.inner(name, value)
        has_tables = isinstance(value, dict) and value and part not in value
        has_tables = has_tables and not (part == "source" and _says(value))
        if has_tables and all(isinstance(one, dict) for one in value.values()):
            found += _tables(inner, f"{prefix}{name}.", part=part)
        else:
            found.append((prefix + name, inner))
    return found


def _says(value: object, keys: tuple[str, ...] = (*COMPARED_KEYS, *GUARD_KEYS)) -> bool:
    """Returns whether a section says something of a table under a key, rather than hold tables."""
    if not isinstance(value, dict):
        return False
    found = (value.get(key) for key in keys)
    return any(
        one is not None and not (isinstance(one, dict) and ("source" in one or _says(one)))
        for one in found
    )


def _has_no_source(entry: _Entry) -> bool:
    """Returns whether a section only says how a table is compared, or guarded."""
    value = entry.value
    return isinstance(value, dict) and _says(value) and not {*value} & {*SOURCE_KEYS}


def _guard(keys: dict[str, _Entry]) -> "Guard":
    """Returns what is said of snapshots under the keys of a section."""
    from catalog.model.guards import Guard, most_lost, schema_guard

    schema, loss = keys["schema"], keys["max_loss"]
    try:
        return Guard(
            None if schema.value is None else schema_guard(schema.value, name=schema.name),
            None if loss.value is None else most_lost(loss.value, name=loss.name),
        )
    except InvalidInput as error:
        message = f"{loss.path}: {error.message}"
        raise InvalidInput(message, kind=ErrorKind.INVALID_CONFIG, hint=error.advice) from error


def _defaults(tables: list[tuple[str, _Entry]]) -> Mapping[str, "TableDefaults"]:
    """Returns what diffs ignore and tolerate, by table."""
    chosen = [(name, one) for name, one in tables if _says(one.value, COMPARED_KEYS)]
    if not chosen:
        return {}
    from catalog import TableDefaults

    found = {}
    for name, entry in chosen:
        keys = entry.section(TABLE_KEYS)
        ignore = keys["ignore"].listed('["loaded_at"]', of="columns")
        tolerance = {name: _number(one) for name, one in keys["tolerance"].named().items()}
        try:
            found[name] = TableDefaults(ignore, tolerance)
        except InvalidInput as error:
            message = f"{entry.path}: {keys['tolerance'].name}: {error.message}"
            raise InvalidInput(message, kind=ErrorKind.INVALID_CONFIG, hint=error.advice) from error
    return found


def _number(entry: _Entry) -> str:
    """Returns a tolerance: a number, or a text such as ``0.01`` or ``1%``."""
    value = entry.value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise entry.invalid('a number, or a text like "0.01" or "1%"')
    return str(value)


def _table(name: str, entry: _Entry) -> TableSpec:
    if not isinstance(entry.value, dict):
        raise entry.invalid("a table with a source")
    keys = entry.section(TABLE_KEYS)
    source = keys["source"].location()
    if source is None:
        raise InvalidInput(
            f"{entry.path}: {entry.name} has no source",
            kind=ErrorKind.INVALID_CONFIG,
            hint='name its directory: source = "exports/orders"',
        )
    return TableSpec(
        table=name,
        source=source,
        key=keys["key"].names(),
        partition_by=_partition_by(keys["partition_by"]),
        mode=keys["mode"].choice(get_args(FileMode)),
        format=keys["format"].choice(get_args(SourceFormat)),
        at=keys["at"].text(),
    )


def _partition_by(entry: _Entry) -> PartitionBy | None:
    if isinstance(entry.value, dict):
        typed = {name: entry.inner(name, kind).text() for name, kind in entry.value.items()}
        return tuple(typed.items())
    names = entry.names()
    return None if names is None else tuple((name, None) for name in names)
