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


_JOINERS = "\u200c\u200d"

_EMOJI = re.compile("[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")

_EMOJI_END = re.compile(f"{_EMOJI.pattern}|\ufe0f")
"""What an emoji ends with: itself, a colour of skin, or the sign that it is one."""

_JOINED_LETTER = re.compile(
    "[\u0600-\u0603\u0606-\u061b\u061d-\u06dc\u06de-\u06ff\u0750-\u077f\u0900-\u0dff\u1780-\u17b3\u1820-\u18aa]"
)
"""Arabic letters, those of India and Sri Lanka, Khmer and Mongolian: joiners change their form."""

_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f")
"""The flag of a part of a country, such as Scotland."""


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
    return text if text.isprintable() else escaped(text, kept="\n\t")


def escaped(text: str, kept: str = "") -> str:
    r"""Returns a text with escapes for all that cannot be seen, or would turn a line.

    A joiner stays between emoji, and between letters of scripts that are written with it; so do
    the tags of a flag. Elsewhere they would hide a difference. Characters to be ``kept`` stay.

    Example:
        >>> escaped("a\u200db \u202e")
        'a\\u200db \\u202e'
    """
    unseen = [c for c in set(text) if not c.isprintable() and c not in kept]
    if not unseen:
        return text
    flags = {at for match in _FLAG.finditer(text) for at in range(*match.span())}

    def escape(found: re.Match[str]) -> str:
        character, at = found[0], found.start()
        if at in flags or (character in _JOINERS and _joins(text, at)):
            return character
        return character.encode("unicode_escape").decode()

    return re.sub(f"[{re.escape(''.join(sorted(unseen)))}]", escape, text)


def _joins(text: str, at: int) -> bool:
    """Returns whether a joiner has its meaning: between two emoji, or two letters that need it."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if text[at] == "\u200d" and _EMOJI_END.fullmatch(before) and _EMOJI.fullmatch(after):
        return True
    return bool(_JOINED_LETTER.fullmatch(before) and _JOINED_LETTER.fullmatch(after))


def shown(text: str) -> str:
    """Returns a message as everybody may see it, also in Python's tracebacks."""
    return printable(shortened(masked(text)))
