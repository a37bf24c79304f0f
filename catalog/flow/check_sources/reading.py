"""Files that state checks: which kind each is, and what is found in them."""

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput, NotFound, StorageFailure
from catalog.flow.check_sources.dbt_file import NODES, OTHER_SECTIONS, find_dbt_checks
from catalog.flow.check_sources.entry import Entry
from catalog.flow.check_sources.findings import Findings
from catalog.flow.check_sources.known import KnownTables
from catalog.flow.check_sources.odcs_file import KIND, find_odcs_checks
from catalog.flow.check_sources.toml_file import find_toml_checks, read_toml
from catalog.flow.check_sources.yaml_text import MAX_BYTES, read_yaml
from catalog.model.texts import path_text


class SourceKind(StrEnum):
    """The kinds of files that state checks."""

    TOML = "toml"
    DBT = "dbt"
    ODCS = "odcs"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that states checks.

    Attributes:
        kind: Its kind.
        path: The file, relative to the root of the project if it is in there.
        document: What is in it.
    """

    kind: SourceKind
    path: str
    document: Entry

    @property
    def source(self) -> str:
        """Returns what checks keep of where they are from: ``dbt:models/schema.yml``."""
        return f"{self.kind}:{self.path}"


_FIND: Mapping[SourceKind, Callable[[Entry, Findings], None]] = {
    SourceKind.TOML: find_toml_checks,
    SourceKind.DBT: find_dbt_checks,
    SourceKind.ODCS: find_odcs_checks,
}


def read_sources(
    paths: Sequence["str | os.PathLike[str]"], *, root: "str | os.PathLike[str] | None" = None
) -> list[SourceFile]:
    """Reads files that state checks.

    Args:
        paths: The files.
        root: The directory of the project: files are known by their paths from there, so that it
            does not matter where it lies. None is the working directory.

    Raises:
        NotFound: A file does not exist.
        InvalidInput: One is not valid, or named twice.
        StorageFailure: One cannot be read.
        Unsupported: The library for one is not installed.
    """
    base = os.path.realpath(path_text(root, "the root") if root is not None else os.getcwd())
    found: dict[str, SourceFile] = {}
    for given in paths:
        path = path_text(given, "a file of checks")
        name = os.path.relpath(os.path.realpath(path), base).replace(os.sep, "/")
        one = _read(path, name)
        if found.setdefault(name, one) is not one:
            raise InvalidInput(f"{path} is named twice", kind=ErrorKind.BAD_CHECK)
    return list(found.values())


def find_checks(files: Sequence[SourceFile], tables: KnownTables) -> Findings:
    """Returns what is found in files about some tables."""
    findings = Findings(tables)
    for file in files:
        findings.source = file.source
        with findings.collected():
            _FIND[file.kind](file.document, findings)
    return findings


def _read(path: str, name: str) -> SourceFile:
    text = _text(path)
    if path.casefold().endswith(".toml"):
        return SourceFile(SourceKind.TOML, name, read_toml(text, path))
    if not path.casefold().endswith((".yml", ".yaml", ".json")):
        raise InvalidInput(
            f"{path} is of no known kind",
            kind=ErrorKind.BAD_CHECK,
            hint="parquetry.toml, a schema.yml of dbt, or a data contract of ODCS in YAML",
        )
    document = read_yaml(text, path)
    keys = document.mapping("a properties file of dbt, or a data contract of ODCS")
    if "dataContractSpecification" in keys:
        raise document.error(
            "it is a contract of the Data Contract Specification",
            hint="convert it to ODCS: datacontract export --format odcs",
        )
    if keys.get("kind", document).value == KIND or "apiVersion" in keys:
        return SourceFile(SourceKind.ODCS, name, document)
    if any(key in keys for key in (*NODES, "sources", "unit_tests", *OTHER_SECTIONS)):
        return SourceFile(SourceKind.DBT, name, document)
    raise document.error(
        "it is neither a properties file of dbt nor a data contract of ODCS",
        hint="dbt's have sections such as models, contracts have kind: DataContract",
    )


def _text(path: str) -> str:
    """Returns what is in a file, which must be one and not a pipe.

    Raises:
        NotFound: It does not exist.
        InvalidInput: It is no file, too long, or not text.
        StorageFailure: It cannot be read.
    """
    try:
        with open(path, "rb", opener=_opener) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InvalidInput(f"{path} is not a file", kind=ErrorKind.NOT_A_FILE)
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"no file {path}", kind=ErrorKind.SOURCE_NOT_FOUND) from error
    except IsADirectoryError as error:
        raise InvalidInput(f"{path} is a directory", kind=ErrorKind.NOT_A_FILE) from error
    except OSError as error:
        raise StorageFailure(f"cannot read {path}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{path} has more than {MAX_BYTES:,} bytes", kind=ErrorKind.BAD_CHECK)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{path} is not text in UTF-8: {error.reason} at byte {error.start}",
            kind=ErrorKind.BAD_CHECK,
        ) from error


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would be waited for
