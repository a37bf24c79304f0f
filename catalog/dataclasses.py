"""Dataclasses whose methods are compiled when they are first called.

The standard library writes six methods of a dataclass as text and compiles them while the class is
defined. That takes half a millisecond a class, and a command defines hundreds of classes of which
it makes a few dozen. Here every such method is a stub that compiles it, and takes its own place.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, field, fields, replace
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "field", "fields", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, repr=True, eq=True, **options):
        """Makes a class a dataclass, like the decorator of the standard library.

        Args:
            cls: The class.
            frozen: Whether nothing can be assigned to its fields.
            repr: Whether it gets a ``__repr__``.
            eq: Whether it is compared by its fields, and hashed by them if it is frozen.
            options: ``slots``, ``kw_only`` and ``weakref_slot`` of the standard library.
        """

        def made(cls):
            return _dataclass(cls, frozen=frozen, repr=repr, eq=eq, options=options)

        return made if cls is None else made(cls)


def _dataclass(cls: Any, *, frozen: bool, repr: bool, eq: bool, options: dict[str, bool]) -> Any:
    own = dict(vars(cls))
    if not cls.__doc__:  # else the standard library makes one of a signature, which takes long
        cls.__doc__ = cls.__name__
    cls = dataclasses.dataclass(init=False, repr=False, eq=False, **options)(cls)
    later: dict[str, Callable[[Any], Any]] = {"__init__": _init}
    if repr:
        later["__repr__"] = _written_repr
    if eq:
        later["__eq__"] = _written_eq
    for name, written in later.items():
        if name not in own:
            setattr(cls, name, _stub(cls, name, written))
    if eq and ("__hash__" not in own or (own["__hash__"] is None and "__eq__" in own)):
        cls.__hash__ = _stub(cls, "__hash__", _written_hash) if frozen else None
    if frozen:
        cls.__setattr__, cls.__delattr__ = _refusals(cls)
        if options.get("slots"):
            for name, method in (("__getstate__", _state), ("__setstate__", _set_state)):
                if name not in own:
                    setattr(cls, name, method)
    return cls


def _stub(cls: Any, name: str, written: Callable[[Any], Any]) -> Any:
    """Returns a method that makes the real one, gives it its place, and calls it."""

    def stub(self: Any, /, *args: Any, **named: Any) -> Any:
        method = written(cls)
        setattr(cls, name, method)
        return method(self, *args, **named)

    stub.__name__ = name
    stub.__qualname__ = f"{cls.__qualname__}.{name}"
    return stub


def _init(cls: Any) -> Any:
    """Returns an ``__init__`` that sets the fields from parameters and defaults.

    For fields ``name: str`` and ``size: int = 0`` of a frozen class its text is::

        def __init__(_self, name, size=_default_1):
            _set(_self, "name", name)
            _set(_self, "size", size)
    """
    scope: dict[str, Any] = {"_set": object.__setattr__, "_missing": MISSING}
    positional: list[str] = []
    named: list[str] = []
    body: list[str] = []
    is_frozen = cls.__setattr__ is not object.__setattr__
    for n, one in enumerate(fields(cls)):
        value, default = one.name, ""
        if one.default_factory is not MISSING:
            scope[f"_make_{n}"] = one.default_factory
            default = "=_missing"
            value = f"_make_{n}() if {one.name} is _missing else {one.name}"
        elif one.default is not MISSING:
            scope[f"_default_{n}"] = one.default
            default = f"=_default_{n}"
        if one.init:
            (named if one.kw_only else positional).append(one.name + default)
        elif default:
            value = f"_default_{n}" if one.default_factory is MISSING else f"_make_{n}()"
        else:
            continue
        assignment = f'_set(_self, "{one.name}", {value})'
        body.append("    " + (assignment if is_frozen else f"_self.{one.name} = {value}"))
    if hasattr(cls, "__post_init__"):
        body.append("    _self.__post_init__()")
    parameters = ", ".join(["_self", *positional, *(["*", *named] if named else [])])
    exec("\n".join([f"def __init__({parameters}):", *(body or ["    pass"])]), scope)
    method = scope["__init__"]
    method.__qualname__ = f"{cls.__qualname__}.__init__"
    method.__module__ = cls.__module__
    return method


def _written_repr(cls: Any) -> Any:
    return _like(cls, repr=True, eq=False).__repr__


def _written_eq(cls: Any) -> Any:
    return _like(cls, repr=False, eq=True).__eq__


def _written_hash(cls: Any) -> Any:
    return _like(cls, repr=False, eq=True, unsafe_hash=True).__hash__


def _like(cls: Any, **methods: bool) -> Any:
    """Returns a dataclass of the same fields with methods of the standard library."""
    copies = {
        one.name: dataclasses.field(
            default=None, repr=one.repr, hash=one.hash, compare=one.compare, kw_only=one.kw_only
        )
        for one in fields(cls)
    }
    names = {"__annotations__": dict.fromkeys(copies, object), "__doc__": cls.__name__}
    place = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    return dataclasses.dataclass(init=False, **methods)(
        type(cls.__name__, (), {**copies, **names, **place})
    )


def _refusals(cls: Any) -> tuple[Any, Any]:
    names = frozenset(one.name for one in fields(cls))

    def __setattr__(self: Any, name: str, value: object) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return __setattr__, __delattr__


def _state(self: Any) -> list[Any]:
    """Returns what a pickle keeps of a frozen value with slots."""
    return [getattr(self, one.name) for one in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for one, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)
