"""Contracts of a backfill, as somebody gives them: a file, a document, or as values."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from catalog.errors import ErrorKind, InvalidInput, NotFound, StorageFailure
from catalog.model.backfill import contract_text
from catalog.model.contract_reading import read_contracts
from catalog.model.contracts import Contract
from catalog.model.texts import path_text

ContractArgument: TypeAlias = (
    str | os.PathLike[str] | Mapping[str, object] | Contract | Sequence[Contract]
)
"""A TOML file, what one says, or contracts."""


def stored_contracts(given: ContractArgument | None) -> str | None:
    """Returns contracts as the description of a backfill keeps them; None if none are given.

    Raises:
        InvalidInput: They are not valid.
        NotFound: There is no such file.
    """
    if given is None:
        return None
    if isinstance(given, Contract):
        return contract_text([given])
    if isinstance(given, Mapping):
        return contract_text(read_contracts(given, source="the contract"))
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        return contract_text(_of_file(path_text(given, "the contract")))
    return contract_text(list(given))


def _of_file(path: str) -> Sequence[Contract]:
    try:
        stored = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(f"no file {path}", kind=ErrorKind.SOURCE_NOT_FOUND) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not TOML: {error}", kind=ErrorKind.BAD_CONTRACT) from error
    except OSError as error:
        raise StorageFailure(f"cannot read {path}: {error}") from error
    return read_contracts(stored, source=path)
