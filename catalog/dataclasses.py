"""Dataclasses that are defined without compiling anything.

The standard library writes six methods of a dataclass as text and compiles them while the class is
defined. That takes half a millisecond a class, and a command defines hundreds of classes of which
it makes a few dozen. Here methods go through the fields, but for ``__init__``: it is compiled for
classes of which many are made.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, field, fields, replace
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "field", "fields", "replace"]

CALLS_BEFORE_COMPILING = 16
"""Calls of an ``__init__`` until it is compiled, which takes as long as forty of them."""

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
    methods = {"__init__": _init(cls)}
    if repr:
        methods["__repr__"] = _repr(cls)
    if eq:
        methods["__eq__"], hashed = _comparison(cls)
        if "__hash__" not in own or (own["__hash__"] is None and "__eq__" in own):
            cls.__hash__ = hashed if frozen else None
    if frozen:
        methods["__setattr__"], methods["__delattr__"] = _refusals(cls)
        if options.get("slots"):
            methods |= {"__getstate__": _state, "__setstate__": _set_state}
    for name, method in methods.items():
        if name not in own:
            setattr(cls, name, method)
    if "__init__" not in own:
        cls.__signature__ = _Signature(cls)
    return cls


class _Signature:
    """What ``help`` and ``inspect`` say that a class is called with, found out when they ask."""

    def __init__(self, cls: Any) -> None:
        self._cls = cls

    def __get__(self, instance: object, owner: Any) -> Any:
        if instance is not None or owner.__init__ is not self._cls.__init__:
            raise AttributeError("__signature__")
        import inspect

        parameters = []
        for one in sorted((f for f in fields(self._cls) if f.init), key=lambda f: bool(f.kw_only)):
            kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
            default = inspect.Parameter.empty if one.default is MISSING else one.default
            if one.default_factory is not MISSING:
                default = _FACTORY
            parameters.append(
                inspect.Parameter(
                    one.name, kinds[bool(one.kw_only)], default=default, annotation=one.type
                )
            )
        return inspect.Signature(parameters, return_annotation=None)


class _Factory:
    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Factory()


def _init(cls: Any) -> Any:
    """Returns an ``__init__`` that goes through the fields at first, and then compiles itself."""
    known = fields(cls)
    names = [one.name for one in known if one.init and not one.kw_only]
    permitted = frozenset(one.name for one in known if one.init)
    needed = frozenset(
        one.name for one in known if one.init and MISSING is one.default is one.default_factory
    )
    calls = 0

    def __init__(self: Any, /, *values: Any, **named: Any) -> None:  # noqa: N807
        nonlocal calls
        calls += 1
        given = dict(zip(names, values, strict=False))
        right = len(values) <= len(names) and given.keys().isdisjoint(named)
        given |= named
        if calls > CALLS_BEFORE_COMPILING or not right or not needed <= given.keys() <= permitted:
            cls.__init__ = _compiled_init(cls)
            cls.__init__(self, *values, **named)
            return
        for one in known:
            if one.name in given:
                object.__setattr__(self, one.name, given[one.name])
            elif one.default_factory is not MISSING:
                object.__setattr__(self, one.name, one.default_factory())
            elif one.default is not MISSING:
                object.__setattr__(self, one.name, one.default)
        if hasattr(cls, "__post_init__"):
            self.__post_init__()

    return __init__


def _compiled_init(cls: Any) -> Any:
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


def _repr(cls: Any) -> Any:
    names = [one.name for one in fields(cls) if one.repr]

    @recursive_repr()
    def __repr__(self: Any) -> str:  # noqa: N807
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({shown})"

    return __repr__


def _comparison(cls: Any) -> tuple[Any, Any]:
    """Returns ``__eq__`` and ``__hash__``."""
    compared = [one.name for one in fields(cls) if one.compare]
    hashed = [one.name for one in fields(cls) if (one.compare if one.hash is None else one.hash)]
    compared_values, hashed_values = _values(compared), _values(hashed)

    def __eq__(self: Any, other: object) -> bool:  # noqa: N807
        if other is self:
            return True
        if other.__class__ is not self.__class__:
            return NotImplemented
        same: bool = compared_values(self) == compared_values(other)
        return same

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(hashed_values(self))

    return __eq__, __hash__


def _values(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Returns what returns the tuple of some attributes."""
    if len(names) == 1:
        get = attrgetter(names[0])
        return lambda value: (get(value),)
    return attrgetter(*names) if names else lambda value: ()


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
