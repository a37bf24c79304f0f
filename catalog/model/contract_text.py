"""Contracts as TOML, as somebody would write them."""

import json
import re
from collections.abc import Iterator, Mapping

from catalog.model.contracts import Contract

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_NUMBER = re.compile(r"[0-9]{1,18}")


def contract_toml(contract: Contract) -> str:
    r"""Returns a contract as TOML; reading it gives an equal one.

    Example:
        >>> print(contract_toml(Contract("late", tables=("weather",))))
        [contract.late]
        tables = ["weather"]
        <BLANKLINE>
    """
    stored = contract.to_json()
    stored.pop("version", None)
    return "\n".join(_section(("contract", contract.name), stored)).lstrip("\n") + "\n"


def _section(path: tuple[str, ...], stored: Mapping[str, object]) -> Iterator[str]:
    """Yields the lines of a section and of those within."""
    inner = {key: value for key, value in stored.items() if isinstance(value, Mapping)}
    own = {key: value for key, value in stored.items() if key not in inner}
    if own or not inner:
        yield ""
        yield f"[{'.'.join(map(_key, path))}]"
        yield from (f"{_key(key)} = {_value(value)}" for key, value in own.items())
    for key, value in inner.items():
        yield from _section((*path, key), value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    text = str(value)
    return text if _NUMBER.fullmatch(text) and str(int(text)) == text else _text(text)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
