"""What is asked of a diff, checked as it comes in."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from catalog.dataclasses import dataclass
from catalog.diff.options import DiffOptions, TableDefaults
from catalog.errors import InvalidInput
from catalog.model.texts import check_integer, check_text, check_texts, listed
from catalog.repository.repository import DEFAULT_BRANCH

if TYPE_CHECKING:
    from catalog.engine.executor import Executor

Level = Literal["stat", "cells", "rows"]
Method = Literal["auto", "join"]
Progress = Callable[..., None]
"""Receives the tasks done, the tasks in all, and the rows compared so far; if it takes ``phase``,
also what goes on, each time that changes."""


def takes_phase(progress: Progress) -> bool:
    """Returns whether a function has a parameter ``phase``, beside three numbers."""
    try:
        inspect.signature(progress).bind(0, 0, 0, phase="")
    except (TypeError, ValueError):  # it takes other arguments, or does not say which
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRequest:
    """The arguments of ``Catalog.diff``, which describes them.

    Attributes:
        executor: What compares parts of tables elsewhere; None: all is compared here.

    Raises:
        InvalidInput: One of them is not valid.
    """

    from_ref: str
    to_ref: str = DEFAULT_BRANCH
    tables: Sequence[str] | None = None
    key: Sequence[str] | None = None
    columns: Sequence[str] | None = None
    tolerance: Mapping[str, str] | None = None
    level: Level = "cells"
    method: Method = "auto"
    check_keys: bool = False
    full_stats: bool = False
    explain: bool = False
    distributions: bool = False
    ignore: Sequence[str] | None = None
    defaults: Mapping[str, TableDefaults] | None = None
    where: str | None = None
    metrics: Mapping[str, str] | None = None
    threads: int | None = None
    memory_limit_bytes: int | None = None
    progress: Progress | None = None
    executor: "Executor | None" = None

    def __post_init__(self) -> None:
        for name in ("tables", "key", "columns", "ignore"):  # one may come from an iterator
            if (names := getattr(self, name)) is not None:
                object.__setattr__(self, name, listed(names, name))
        if self.where is not None:
            check_text(self.where, "a condition")
        if self.metrics is not None:
            check_texts(self.metrics, "metrics")
        _ = self.options  # what is wrong with a value is said before anything is looked up
        if self.method not in get_args(Method):
            raise InvalidInput(f"unknown method {self.method!r} of a diff", hint="auto or join")
        if self.level not in get_args(Level):
            raise InvalidInput(
                f"unknown level {self.level!r} of a diff", hint="stat, cells or rows"
            )
        for name, value in (
            ("threads", self.threads),
            ("memory_limit_bytes", self.memory_limit_bytes),
        ):
            if value is not None:
                check_integer(value, name, least=1)

    @property
    def by_fingerprints(self) -> bool:
        """Returns whether fingerprints may say which rows need not be compared."""
        return self.method == "auto"

    @property
    def names(self) -> Sequence[str] | None:
        """Returns the tables that are compared; None means all that changed."""
        return self.tables

    @property
    def options(self) -> DiffOptions:
        """Returns how tables are compared."""
        return DiffOptions(
            key=self.key,
            columns=self.columns,
            tolerance={} if self.tolerance is None else self.tolerance,
            check_keys=self.check_keys,
            full_stats=self.full_stats,
            explain=self.explain,
            distributions=self.distributions,
            ignore=() if self.ignore is None else self.ignore,
            defaults={} if self.defaults is None else self.defaults,
            regrouped=self.by_fingerprints,
        )
