"""YAML read with bounds, and with the line of every value.

Only what YAML itself means is made of it: no tag makes a Python object. Files may come from
anybody, so what costs more than its length says has bounds: nesting, and aliases, which let a few
lines stand for billions of values. Keys that are there twice are refused: the first of them
would be lost without a word.
"""

from typing import TYPE_CHECKING, TypeAlias

from catalog.dataclasses import dataclass, replace
from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.flow.check_sources.entry import Entry

if TYPE_CHECKING:
    import yaml

    _Pairs: TypeAlias = dict[str, tuple[yaml.ScalarNode, yaml.Node]]

MAX_BYTES = 4 << 20
"""Longest file; the largest that people keep in one piece are tenths of that."""

MAX_VALUES = 200_000
"""Most values of a file, each counted as often as aliases repeat it."""

MAX_DEPTH = 64
"""Deepest nesting."""

MAX_ANCHORS = 10_000
"""Most anchors: to keep them costs time that grows faster than their number."""

EXTRA = {"dbt": "PyYAML", "odcs": "open-data-contract-standard"}
"""The library that each extra of the distribution brings."""

_MERGE = "tag:yaml.org,2002:merge"
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


def missing_extra(extra: str, what: str) -> Unsupported:
    """Returns the error that the library of an extra is not installed."""
    return Unsupported(
        f"{what} needs the library {EXTRA[extra]}, which is not installed",
        kind=ErrorKind.EXTRA_NOT_INSTALLED,
        hint=f"pip install 'parquetry[{extra}]'",
    )


def read_yaml(text: str, file: str) -> Entry:
    """Reads YAML.

    Args:
        text: What is in the file.
        file: The file, as messages name it.

    Raises:
        InvalidInput: It is not valid, or beyond a bound.
        Unsupported: The library for it is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise missing_extra("dbt", f"reading {file}") from error
    try:
        _check_bounds(text, file)
        loader = _loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                raise InvalidInput(f"{file} is empty", kind=ErrorKind.BAD_CHECK)
            return _Reading(file, loader).entry(node, "")
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _invalid(error, file) from error
    except RecursionError as error:
        raise _beyond(file, "is nested too deeply") from error


def _loader(text: str) -> "yaml.SafeLoader":
    """Returns a loader: the one in C where there is one, which is ten times as fast."""
    import yaml

    kind = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: yaml.SafeLoader = kind(text)
    return loader


def _check_bounds(text: str, file: str) -> None:
    """Checks nesting and length before anything is built of a file.

    Raises:
        InvalidInput: One is beyond its bound.
    """
    import yaml

    if len(text) > MAX_BYTES:
        raise _beyond(file, f"has more than {MAX_BYTES:,} characters")
    loader = _loader(text)
    depth = values = anchors = 0
    try:
        while loader.check_event():
            event = loader.get_event()  # type: ignore[no-untyped-call]
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            values += isinstance(event, yaml.NodeEvent)
            anchors += isinstance(event, yaml.NodeEvent) and event.anchor is not None
            if depth > MAX_DEPTH:
                raise _beyond(file, f"has more than {MAX_DEPTH} levels")
            if anchors > MAX_ANCHORS:
                raise _beyond(file, f"has more than {MAX_ANCHORS:,} anchors and aliases")
            if values > MAX_VALUES:
                raise _beyond(file, f"has more than {MAX_VALUES:,} values")
    finally:
        loader.dispose()


@dataclass(frozen=True, slots=True)
class _Sized:
    """An entry, for how many values it stands, and how deep it is."""

    entry: Entry
    size: int
    depth: int


class _Reading:
    """Turns nodes into entries; each node once, however many aliases lead to it."""

    def __init__(self, file: str, loader: "yaml.SafeLoader") -> None:
        self._file = file
        self._loader = loader
        self._known: dict[int, _Sized] = {}
        self._pairs: dict[int, _Pairs] = {}
        self._open: set[int] = set()

    def entry(self, node: "yaml.Node", name: str) -> Entry:
        """Returns a node as an entry.

        Raises:
            InvalidInput: It holds itself, has a key twice, or stands for too many values.
        """
        return self._sized(node, name).entry

    def _sized(self, node: "yaml.Node", name: str) -> "_Sized":
        import yaml

        if id(node) in self._known:
            return self._known[id(node)]
        line = node.start_mark.line + 1
        self._enter(node, line)
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _COLLECTIONS:
            raise self._error(line, f"the tag {node.tag} is not known")
        inner: list[_Sized] = []
        value: object
        if isinstance(node, yaml.MappingNode):
            found: dict[str, Entry] = {}
            for text, (key, below) in self._merged(node).items():
                inner.append(self._sized(below, f"{name}.{text}" if name else text))
                entry = inner[-1].entry
                found[text] = replace(entry, line=key.start_mark.line + 1)
            value = found
        elif isinstance(node, yaml.SequenceNode):
            inner = [self._sized(below, f"{name}[{n}]") for n, below in enumerate(node.value)]
            value = tuple(one.entry for one in inner)
        else:
            value = self._scalar(node, line)
        size = 1 + sum(one.size for one in inner)
        depth = 1 + max((one.depth for one in inner), default=0)
        if size > MAX_VALUES:
            raise _beyond(self._file, f"stands for more than {MAX_VALUES:,} values")
        if depth > MAX_DEPTH + 1:
            raise _beyond(self._file, f"has more than {MAX_DEPTH} levels")
        self._open.discard(id(node))
        sized = _Sized(Entry(self._file, name, value, line), size, depth)
        return self._known.setdefault(id(node), sized)

    def _enter(self, node: "yaml.Node", line: int) -> None:
        if id(node) in self._open:
            raise self._error(line, "an alias stands for something that holds it")
        self._open.add(id(node))

    def _merged(self, node: "yaml.MappingNode") -> "_Pairs":
        """Returns keys and values of a mapping, with those that it merges in by ``<<``."""
        import yaml

        if id(node) in self._pairs:
            return self._pairs[id(node)]
        own: _Pairs = {}
        inherited: _Pairs = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(line, "a key must be a text")
            if key.tag == _MERGE:
                for part in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if not isinstance(part, yaml.MappingNode):
                        raise self._error(line, "<< merges mappings only")
                    if id(part) not in self._pairs:
                        self._enter(part, line)
                    inherited = {**self._merged(part), **inherited}
                    self._open.discard(id(part))
                continue
            if key.value in own:
                first = own[key.value][0].start_mark.line + 1
                raise self._error(line, f"the key {key.value!r} is there already, in line {first}")
            own[key.value] = key, value
        return self._pairs.setdefault(id(node), {**inherited, **own})

    def _scalar(self, node: "yaml.Node", line: int) -> object:
        try:
            return self._loader.construct_object(node)
        except (ValueError, OverflowError) as error:  # a date like 2024-13-45
            raise self._error(line, f"{self._shown(node)} is not a valid value") from error

    def _shown(self, node: "yaml.Node") -> str:
        return Entry(self._file, "", node.value if isinstance(node.value, str) else ()).shown

    def _error(self, line: int, message: str) -> InvalidInput:
        return Entry(self._file, "", None, line).error(message)


def _invalid(error: "yaml.YAMLError", file: str) -> InvalidInput:
    mark = getattr(error, "problem_mark", None)
    place = file if mark is None else f"{file}, line {mark.line + 1}, column {mark.column + 1}"
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return InvalidInput(f"{place}: not valid YAML: {problem}", kind=ErrorKind.BAD_CHECK)


def _beyond(file: str, problem: str) -> InvalidInput:
    return InvalidInput(f"{file} {problem}", kind=ErrorKind.BAD_CHECK)
