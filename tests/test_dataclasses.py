"""Dataclasses of ours behave like those of the standard library, which is the oracle."""

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any, Generic, TypeVar

import pytest

from catalog.dataclasses import CALLS_BEFORE_COMPILING, dataclass

T = TypeVar("T")

Decorator = Callable[..., Any]

OPTIONS: list[dict[str, bool]] = [
    {"frozen": True, "slots": True},
    {"frozen": True},
    {"slots": True},
    {},
    {"frozen": True, "slots": True, "kw_only": True},
    {"frozen": True, "slots": True, "repr": False},
    {"frozen": True, "slots": True, "eq": False},
    {"frozen": True, "slots": True, "eq": False, "weakref_slot": True},
]


def classes(decorate: Decorator, options: dict[str, bool]) -> dict[str, Any]:
    """Returns classes of many kinds, made by a decorator."""

    class Point:
        x: int
        y: "list[int]" = dataclasses.field(default_factory=list)
        z: object = None
        hidden: int = dataclasses.field(default=3, repr=False, compare=False)
        later: float = dataclasses.field(default=0.5, kw_only=True)

    class Checked:
        """A class that computes a field."""

        size: int
        double: int = dataclasses.field(init=False)
        fixed: int = dataclasses.field(init=False, default=7)
        made: list[int] = dataclasses.field(init=False, default_factory=list)

        def __post_init__(self) -> None:
            if self.size < 0:
                raise ValueError("negative")
            object.__setattr__(self, "double", 2 * self.size)

    class Own:
        a: int = 1

        def __repr__(self) -> str:
            return "mine"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self))

    class Hashed:
        a: int = 1

        def __hash__(self) -> int:
            return 5

    class Box(Generic[T]):
        held: T

    class Empty:
        pass

    made = {one.__name__: decorate(**options)(one) for one in (Point, Checked, Own, Hashed, Box)}
    made["Empty"] = decorate(**options)(Empty)

    class Renamed(made["Point"]):  # type: ignore[misc]
        def __init__(self, x: int) -> None:
            super().__init__(x, z="renamed")

    made["Renamed"] = Renamed

    class Inherits(made["Box"]):  # type: ignore[misc]
        more: int = 2

    made["Inherits"] = decorate(**options)(Inherits)

    class Plain(made["Inherits"]):  # type: ignore[misc]
        pass

    made["Plain"] = Plain
    return made


CALLS: list[tuple[str, tuple[object, ...], dict[str, object]]] = [
    ("Point", (1,), {}),
    ("Point", (1, [2], "z", 4), {"later": 1.0}),
    ("Point", (), {}),
    ("Point", (1, 2, 3, 4, 5), {}),
    ("Point", (1,), {"x": 2}),
    ("Point", (), {"x": 1, "y": (), "z": float("nan"), "later": 2}),
    ("Checked", (4,), {}),
    ("Checked", (), {"size": 4}),
    ("Checked", (-4,), {}),
    ("Checked", (1, 2), {}),
    ("Own", (), {}),
    ("Own", (2,), {}),
    ("Hashed", (), {"a": 2}),
    ("Box", ("text",), {}),
    ("Box", (), {"held": [1]}),
    ("Inherits", (1,), {}),
    ("Inherits", (), {"held": 1, "more": 3}),
    ("Plain", (), {"held": 1}),
    ("Renamed", (1,), {}),
    ("Empty", (), {}),
    ("Empty", (1,), {}),
]


def outcome(action: Callable[[], object]) -> object:
    try:
        found = action()
    except Exception as error:  # noqa: BLE001 - all that may be raised is compared
        return type(error), str(error)
    return found


def sights(options: dict[str, bool]) -> Iterator[Callable[[Any], object]]:
    """Yields what can be seen of a value, at last by changing it."""
    if options.get("repr", True):
        yield repr
    if options.get("eq", True):
        yield hash
    yield dataclasses.asdict
    yield lambda v: [getattr(v, field.name) for field in dataclasses.fields(v)]
    yield lambda v: type(v).__hash__ is None
    yield lambda v: type(v).__match_args__
    yield lambda v: getattr(type(v), "__slots__", None)
    yield lambda v: str(inspect.signature(type(v)))
    yield lambda v: setattr(v, dataclasses.fields(v)[0].name, 1)
    yield lambda v: delattr(v, dataclasses.fields(v)[0].name)
    if not options.get("slots"):  # of frozen values the standard library words that wrongly
        yield lambda v: setattr(v, "unknown", 1)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "default")
@pytest.mark.parametrize("times", [1, CALLS_BEFORE_COMPILING], ids=["first", "compiled"])
def test_values_behave_alike(options: dict[str, bool], times: int) -> None:
    ours, theirs = classes(dataclass, options), classes(dataclasses.dataclass, options)
    pairs = []
    for name, positional, named in CALLS * times:
        one, other = (outcome(partial(c[name], *positional, **named)) for c in (ours, theirs))
        if isinstance(other, tuple):
            assert one == other, (name, positional, named)
        else:
            assert (type(one).__name__, type(other).__name__) == (name, name)
            pairs.append((one, other))
    pairs = pairs[-len(CALLS) :]
    for (one, other), (one2, other2) in product(pairs, pairs):
        assert (one == one2) == (other == other2), (one, one2)
    for look, (one, other) in product(sights(options), pairs):
        assert repr(outcome(partial(look, one))) == repr(outcome(partial(look, other)))


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that can be pickled, being a class of a module."""

    name: str
    size: int = 0
    more: tuple["Kept", ...] = ()


def test_values_are_pickled_copied_replaced_and_matched() -> None:
    value = Kept("a", 2, (Kept("b"),))
    assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value) == copy.copy(value)
    assert dataclasses.replace(value, size=3) == Kept("a", 3, (Kept("b"),))
    assert {Kept("a"): 1}[Kept("a")] == 1
    match value:
        case Kept(name, 2, (Kept(inner),)):
            assert (name, inner) == ("a", "b")
        case _:
            pytest.fail("is matched by position")


def test_no_method_is_compiled_for_a_few_values() -> None:
    program = """
import builtins
from catalog.dataclasses import CALLS_BEFORE_COMPILING, dataclass
compiled = []
execute = builtins.exec
builtins.exec = lambda text, *scopes: (compiled.append(text), execute(text, *scopes))
@dataclass(frozen=True, slots=True)
class Value:
    a: int
assert Value(1).a == 1
assert Value(1) == Value(1)
assert len({Value(1), Value(1), Value(2)}) == 2
assert repr(Value(1)) == "Value(a=1)"
assert compiled == []
assert [Value(n).a for n in range(100)] == list(range(100))
assert len(compiled) == 1, compiled
"""
    subprocess.run([sys.executable, "-c", program], check=True)
