"""Opens the catalog a command works on, and reads ``TABLE@REF`` arguments."""

import re
from functools import partial
from typing import TYPE_CHECKING

import typer

from cli.check_functions import configured_functions
from cli.execution import EXPLAINED
from cli.gate import configured_hooks
from cli.location import (
    bucket_options,
    catalog_uri,
    configured_workers,
    named_uri,
    time_limit_s,
    verification,
)
from cli.publications import kept_current
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.engine.executor import Executor

DEFAULT_REF = "main"

_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')
_SQL_NAME = re.compile(rf"(?:{_PART.pattern})(?:\.(?:{_PART.pattern}))*")


def opened(
    context: typer.Context,
    *,
    allow_commands: bool = False,
    cache: str | None = None,
    workers: int | None = None,
) -> "Catalog":
    """Opens the catalog of a command.

    Args:
        context: The command.
        allow_commands: Whether Python checks may run that no configuration of the user's names.
        cache: As ``catalog.open`` takes it.
        workers: Processes that run tasks, 0 for none; None is what the configuration says.

    Raises:
        NotFound: There is none.
    """
    import catalog

    uri = catalog_uri(context)
    buckets = bucket_options(uri, context, named=named_uri(context) is not None)
    found = catalog.open(
        uri,
        **buckets,
        cache=cache,
        verify=verification(context),
        time_limit_s=time_limit_s(),
        hooks=configured_hooks,
        check_functions=partial(configured_functions, allow=allow_commands),
        executor=_executor(configured_workers() if workers is None else workers),
    )
    kept_current(context, found)
    context.meta[EXPLAINED] = found.repository.expiry.explained
    return found


def _executor(workers: int) -> "Executor | None":
    if not workers:
        return None
    from catalog import ProcessExecutor

    return ProcessExecutor(workers)


def table_at(text: str) -> tuple[str, str]:
    """Splits ``orders@main~1``; without a ref it is main, as in ``orders@{2024-05-01}``.

    Raises:
        UsageError: A side is missing.
    """
    table, at, ref = text.partition("@")
    if not table or (at and not ref):
        raise UsageError(f"{text!r} is not of the form TABLE@REF", hint="e.g. orders@main~1")
    if ref.startswith("{"):
        ref = f"{DEFAULT_REF}@{ref}"
    return _bare(table), _bare(ref) or DEFAULT_REF


def _bare(name: str) -> str:
    """Returns a name without the quotes that SQL puts around it, or around its parts."""
    if not _SQL_NAME.fullmatch(name):
        return name
    parts = (quoted or plain for quoted, plain in _PART.findall(name))
    return ".".join(part.replace('""', '"') for part in parts)
