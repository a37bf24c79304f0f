"""Contracts as somebody gives them: a file, what one says, or as values."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

from catalog.errors import ErrorKind, InvalidInput, NotFound, StorageFailure
from catalog.model.contract_reading import read_contracts
from catalog.model.contracts import Contract
from catalog.model.texts import path_text

GivenContracts: TypeAlias = (
    str | os.PathLike[str] | Mapping[str, object] | Contract | Sequence[Contract]
)
"""A TOML file with sections ``[contract.NAME]``, what one says as a dictionary, or contracts."""

SHARED_FILE = "parquetry.toml"
"""A file that says other things beside."""


def given_contracts(
    given: GivenContracts, *, names: Sequence[str] | None = None
) -> tuple[Contract, ...]:
    """Returns contracts that were given in any form.

    Args:
        given: The contracts.
        names: Those that are meant; None means all.

    Raises:
        InvalidInput: They are not valid.
        NotFound: There is no such file, or no contract of such a name in it.
        StorageFailure: The file cannot be read.
    """
    found, source = _read(given)
    if names is None:
        return found
    by_name = {one.name.casefold(): one for one in found}
    for name in names:
        if name.casefold() not in by_name:
            raise NotFound(
                f"no contract {name!r} in {source}",
                kind=ErrorKind.CONTRACT_NOT_FOUND,
                hint=f"there are: {', '.join(one.name for one in found)}",
            )
    return tuple(by_name[name] for name in dict.fromkeys(map(str.casefold, names)))


def _read(given: GivenContracts) -> tuple[tuple[Contract, ...], str]:
    source = "the contracts"
    if isinstance(given, Contract):
        return (given,), source
    if isinstance(given, Mapping):
        return read_contracts(given, source=source), source
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        path = path_text(given, "the file of contracts")
        return contracts_in_file(path), path
    contracts = tuple(given)
    for one in contracts:
        if not isinstance(one, Contract):
            raise InvalidInput(
                f"{one!r} is not a contract", hint="read a file: catalog.read_contracts(FILE)"
            )
    return contracts, source


def contracts_in_file(path: str) -> tuple[Contract, ...]:
    """Reads the contracts of a TOML file.

    Raises:
        NotFound: There is no such file.
        InvalidInput: It is not TOML, or a contract in it is not valid.
        StorageFailure: It cannot be read.
    """
    try:
        stored = tomllib.loads(Path(path).read_text(encoding="utf-8"), parse_float=Decimal)
    except FileNotFoundError as error:
        raise NotFound(f"no file {path}", kind=ErrorKind.SOURCE_NOT_FOUND) from error
    except OSError as error:
        raise StorageFailure(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            f"{path} is not valid TOML: {error}", kind=ErrorKind.BAD_CONTRACT
        ) from error
    return read_contracts(stored, source=path, alone=Path(path).name != SHARED_FILE)
