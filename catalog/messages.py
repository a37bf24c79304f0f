"""Texts from outside as messages may show them: no secrets, no controls, and not without end."""

import re

MASK = "***"
"""Stands where a secret was."""

SHOWN_CHARACTERS = 2000
"""Longest message: more than any of ours, and still to be read. What is longer repeats an input."""

_URI = re.compile(r"(?i)\b(?P<scheme>[a-z][a-z0-9+.-]{0,20})://(?P<rest>[^\s\"'<>|]*)")

_BUCKETS = ("az", "gcs", "gs", "s3", "s3a", "s3n")
"""Schemes whose URIs have no port."""

_CONTAINERS = ("abfs", "abfss", "wasb", "wasbs")
"""Schemes that have a container where others have a user: ``abfss://container@account…``."""

_HOST = re.compile(r"(?:[^:@\[\]]*|\[[0-9a-fA-F:.]*\])(?::[0-9]*)?(?![\w+:])")

_SECRET_NAME = (
    r"(?:[\w.-]{0,40}(?:signature|token|secret|passw(?:or)?d|pwd|credential|sas|access[_-]?key(?:id)?"
    r"|account[_-]?key|api[_-]?key)[\w.-]{0,40}|sig)"
)

_PARAMETER = re.compile(rf"(?i)(?P<name>[?&;]{_SECRET_NAME}=)(?P<value>[^&;\s\"'<>]+)")
"""A parameter of a query, or of a connection string."""


def masked(text: str) -> str:
    """Returns a text without the passwords, keys and signatures of the URIs in it.

    Example:
        >>> masked("no bucket s3://AKIA:se/cret@lake/prod")
        'no bucket s3://***@lake/prod'
        >>> masked("https://a.blob.core.windows.net/c?sv=2024&sig=abc")
        'https://a.blob.core.windows.net/c?sv=2024&sig=***'
    """
    if "://" in text:
        text = _URI.sub(_without_user, text)
    if "=" in text:
        text = _PARAMETER.sub(rf"\g<name>{MASK}", text)
    return text


def _without_user(found: re.Match[str]) -> str:
    scheme, rest = found["scheme"], found["rest"]
    if not _has_user(scheme.lower(), rest.partition("/")[0]):
        return found[0]
    _, at, place = rest.rpartition("@")  # the key of a user may contain a slash
    return f"{scheme}://{MASK}{at}{place if at else ''}"


def _has_user(scheme: str, authority: str) -> bool:
    """Returns whether what follows ``scheme://`` begins with a user, a password or a key."""
    if scheme in _CONTAINERS and ":" not in authority:
        return False
    if "@" in authority:
        return True
    if scheme in _BUCKETS:
        return ":" in authority and not authority.startswith("arn:")
    return not _HOST.match(authority)


def shortened(text: str, length: int = SHOWN_CHARACTERS) -> str:
    """Returns a text of bounded length: its beginning and its end.

    Example:
        >>> shortened("a" * 30 + "b" * 70, 20)
        'aaaaaaaaaaaaaaa … (80 more characters) … bbbbb'
    """
    if len(text) <= length:
        return text
    end = length // 4
    left_out = len(text) - length
    return f"{text[: length - end]} … ({left_out:,} more characters) … {text[-end:]}"


def printable(text: str) -> str:
    r"""Returns a text that cannot steer a terminal, in lines as it is.

    Whatever is not a letter, mark, digit, sign, blank or end of line is written as an escape:
    control characters, and those that turn the direction of a line.

    Example:
        >>> printable("\x1b[31mred\x9b\u202e")
        '\\x1b[31mred\\x9b\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )


def shown(text: str) -> str:
    """Returns a message as everybody may see it, also in Python's tracebacks."""
    return printable(shortened(masked(text)))
