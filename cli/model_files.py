"""Model files: a directory of SELECTs, one for each derived table, as tools like dbt have it.

``{{ ref('x') }}`` means the table x, ``{{ source('a', 'b') }}`` the table a.b if there is one, else
b. Nothing else of Jinja is understood, and none of it is guessed.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, ErrorKind, InvalidInput, NotFound, StorageFailure
from catalog.model.keywords import KEYWORDS
from catalog.model.names import check_table_name
from cli.config import CONFIG_NAME, Config
from cli.location import config_distrust, find_config
from cli.specs import columns_of, typed_columns
from cli.usage import nearest

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.operations.flow.definition import Derivation

SUFFIX = ".sql"

MOST_BYTES = 1 << 20
"""Longest model file: what is longer is not written by people."""

_SIGNS = re.compile(r"\{\{|\{%|\{#")
_CONSTRUCT = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_CALL = re.compile(r"\{\{-?\s*(\w+)\s*\(([^{}]*)\)\s*-?\}\}")
_TEXT = r"(?:'([^'\"\\]*)'|\"([^'\"\\]*)\")"
_ARGUMENTS = re.compile(rf"\s*{_TEXT}\s*(?:,\s*{_TEXT}\s*)?,?\s*")
_HEADER = re.compile(r"--\s*([A-Za-z][\w -]*?)\s*:(.*)")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_NEARLY = frozenset(
    ("keys", "primary_key", "unique_key", "partition", "partitions", "partitioned_by")
)
"""Names in headers that somebody who wrote them took for ours."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file that defines a table.

    Attributes:
        table: The table: the name of the file.
        path: The file, as messages name it.
        text: What is in it.
        key: The key columns that its header names; None if it names none.
        partition_by: The partition columns that its header names, with their types.
    """

    table: str
    path: str
    text: str
    key: tuple[str, ...] | None = None
    partition_by: tuple[tuple[str, str | None], ...] | None = None

    def sql(self, known: Collection[str]) -> str:
        """Returns its SELECT, names of tables in place of what stands for them.

        Args:
            known: The names of all tables, in lower case.

        Raises:
            InvalidInput: It has something else of Jinja.
        """
        pieces, end = [], 0
        for sign in _SIGNS.finditer(self.text):
            if sign.start() < end:
                continue
            call = _CALL.match(self.text, sign.start())
            pieces += [self.text[end : sign.start()], self._table(sign, call, known)]
            end = call.end() if call is not None else len(self.text)
        return "".join((*pieces, self.text[end:]))

    def _table(
        self, sign: re.Match[str], call: re.Match[str] | None, known: Collection[str]
    ) -> str:
        names = None if call is None else _ARGUMENTS.fullmatch(call[2])
        if call is None or names is None or call[1] not in ("ref", "source"):
            raise self._refused(sign.start(), "is not understood")
        found = [one for one in names.groups() if one is not None]
        wanted = 1 if call[1] == "ref" else 2
        if len(found) != wanted or not all(found):
            raise self._refused(sign.start(), f"has to name {wanted} table" + "s" * (wanted > 1))
        full = ".".join(found)
        if wanted == 2 and full.casefold() not in known and found[1].casefold() in known:
            full = found[1]
        return ".".join(map(_quoted, full.split(".")))

    def _refused(self, offset: int, problem: str) -> InvalidInput:
        line = self.text.count("\n", 0, offset) + 1
        column = offset - self.text.rfind("\n", 0, offset)
        whole = _CONSTRUCT.match(self.text, offset)
        shown = (whole[0] if whole else self.text[offset:]).partition("\n")[0][:60]
        return InvalidInput(
            f"{self.path}, line {line}, column {column}: {shown} {problem}: only "
            "{{ ref('table') }} and {{ source('schema', 'table') }} are",
            kind=ErrorKind.BAD_DEFINITION,
            hint="render it with dbt, and take what that writes into target/compiled",
        )


def configured_models() -> tuple[Config, Path] | None:
    """Returns the configuration and the directory of models that it names; None if none.

    Raises:
        InvalidInput: The configuration is not valid, or cannot be trusted.
    """
    config = find_config()
    if config is None or config.models is None:
        return None
    reason = config_distrust(config.path)
    if reason:
        raise InvalidInput(
            f"the models of {config.path} are not used: {reason}",
            kind=ErrorKind.INVALID_CONFIG,
            hint=f"PARQUETRY_CONFIG={config.path} uses them nevertheless",
        )
    return config, Path(config.models)


def required_models() -> Path:
    """Returns the directory of models.

    Raises:
        InvalidInput: None is configured.
    """
    found = configured_models()
    if found is None:
        raise InvalidInput(
            "no directory of models is configured",
            kind=ErrorKind.INVALID_CONFIG,
            hint=f'name it in {CONFIG_NAME}: [models] path = "models"',
        )
    return found[1]


def read_models(folder: Path, *, only: str | None = None) -> list[ModelFile]:
    """Reads the model files of a directory, and of those below it.

    Args:
        folder: The directory.
        only: A table, whose files alone are read, if there are any; the others keep their names.

    Raises:
        InvalidInput: Some are not valid; the message lists them all.
        StorageFailure: The directory cannot be read.
    """
    found: dict[str, ModelFile] = {}
    errors: list[CatalogError] = []
    for path in sorted(_paths(folder)):
        try:
            is_other = only is not None and _table_of(path).casefold() != only.casefold()
            model = ModelFile(_table_of(path), "", "") if is_other else read_model(path, folder)
            other = found.setdefault(model.table.casefold(), model)
            if other is not model and model.path:
                raise InvalidInput(
                    f"{other.path} and {model.path} both define table {model.table!r}",
                    kind=ErrorKind.BAD_DEFINITION,
                )
        except (InvalidInput, StorageFailure) as error:
            errors.append(error)
    raise_all(errors)
    return list(found.values())


def raise_all(errors: Sequence[CatalogError]) -> None:
    """Raises errors as one, if there are any.

    Raises:
        InvalidInput: There are.
    """
    if len(errors) == 1:
        raise errors[0]
    if errors:
        listed = "".join(f"\n  {error.message}" for error in errors)
        raise InvalidInput(
            f"{len(errors)} model files are not valid:{listed}",
            kind=ErrorKind.BAD_DEFINITION,
            hint=next((error.advice for error in errors if error.advice), ""),
        )


def derivations(
    cat: "Catalog", branch: str, models: Sequence[ModelFile], *, wanted: ModelFile | None = None
) -> "list[Derivation]":
    """Returns what model files define, all or a wanted one.

    Names mean tables that the branch has, or that one of the files brings.

    Raises:
        InvalidInput: Some are not valid; the message lists them all.
    """
    from catalog.model.derived import Definition
    from catalog.operations.flow.definition import Derivation

    known = {one.name.casefold() for one in cat.tables(branch)}
    known |= {model.table.casefold() for model in models}
    found: list[Derivation] = []
    errors: list[CatalogError] = []
    for model in models if wanted is None else [wanted]:
        try:
            definition = Definition(sql=model.sql(known))
            found.append(
                Derivation(
                    model.table,
                    definition,
                    key=model.key,
                    partition_by=model.partition_by,
                    origin=model.path,
                )
            )
        except InvalidInput as error:
            errors.append(error)
    raise_all(errors)
    return found


def model_of(table: str, models: Sequence[ModelFile], folder: Path) -> ModelFile:
    """Returns the file that defines a table.

    Raises:
        NotFound: There is none.
    """
    for model in models:
        if model.table.casefold() == table.casefold():
            return model
    raise NotFound(
        f"no file {table}{SUFFIX} in {folder}",
        kind=ErrorKind.BAD_DEFINITION,
        hint=nearest(table, (model.table for model in models)),
    )


def _table_of(path: Path) -> str:
    return path.name.removesuffix(SUFFIX)


def _paths(folder: Path) -> Iterator[Path]:
    """Yields the model files; nothing hidden, and no directory behind a link."""
    try:
        for path in folder.iterdir():
            if path.name.startswith("."):
                continue
            if path.is_dir() and not path.is_symlink():
                yield from _paths(path)
            elif path.suffix == SUFFIX and path.is_file():
                yield path
    except OSError as error:
        raise StorageFailure(f"cannot read the models in {folder}: {error.strerror}") from error


def read_model(path: Path, folder: Path) -> ModelFile:
    """Reads one model file.

    Raises:
        InvalidInput: It is not text, or its name or its header is not valid.
        StorageFailure: It cannot be read.
    """
    shown = str(Path(folder.name, path.relative_to(folder)))
    text = read_sql(path, shown)
    try:
        table = check_table_name(_table_of(path))
    except InvalidInput as error:
        raise InvalidInput(f"{shown}: {error.message}", kind=error.kind) from error
    key: tuple[str, ...] | None = None
    partition_by: tuple[tuple[str, str | None], ...] | None = None
    for number, name, value in _headers(text):
        where = f"{shown}, line {number}"
        if name in _NEARLY:
            raise InvalidInput(
                f"{where}: {name} is not known in the header of a model",
                kind=ErrorKind.BAD_DEFINITION,
                hint=nearest(name, ("key", "partition_by")),
            )
        try:
            if name == "key":
                key = columns_of(value, where) if value else ()
            elif name == "partition_by":
                columns = typed_columns(value, where) if value else {}
                partition_by = tuple(columns.items())
        except CatalogError as error:
            raise InvalidInput(error.message, kind=ErrorKind.BAD_DEFINITION) from error
    return ModelFile(table, shown, text, key, partition_by)


def read_sql(path: Path, shown: str) -> str:
    """Returns the SQL in a file, whose lines end alike on every machine.

    Raises:
        InvalidInput: It is not text in UTF-8, or is too long.
        StorageFailure: It cannot be read.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise StorageFailure(f"cannot read {shown}: {error.strerror}") from error
    return sql_text(data, shown)


def sql_text(data: bytes, shown: str) -> str:
    """Returns bytes as SQL; lines end alike, and there is no byte order mark.

    Raises:
        InvalidInput: They are not text in UTF-8, or too many.
    """
    if len(data) > MOST_BYTES:
        raise InvalidInput(
            f"{shown} is longer than {MOST_BYTES:,} bytes", kind=ErrorKind.BAD_DEFINITION
        )
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{shown} is not text in UTF-8: {error.reason} at byte {error.start}",
            kind=ErrorKind.BAD_DEFINITION,
        ) from error


def _headers(text: str) -> Iterator[tuple[int, str, str]]:
    """Yields ``NAME: VALUE`` of the comments that a file begins with, with their lines."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("--"):
            return
        found = _HEADER.match(line.strip())
        if found:
            name = found[1].lower().replace("-", "_").replace(" ", "_")
            yield number, name, found[2].strip()


def _quoted(part: str) -> str:
    if _PLAIN.fullmatch(part) and part.lower() not in KEYWORDS:
        return part
    return '"' + part.replace('"', '""') + '"'
