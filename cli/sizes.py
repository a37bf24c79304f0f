"""Sizes on the command line: how large data files are to be."""

from typing import Annotated, TypeAlias

import typer

from cli.diff.request import memory_bytes

TargetSize: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--target-size", metavar="SIZE", help="How large files are to be. Default: 128MB."
    ),
]


def target_bytes(written: str | None) -> int | None:
    """Reads how large files are to be; None is the default.

    Raises:
        UsageError: It is not a size.
    """
    if written is None:
        return None
    return memory_bytes(written, option="--target-size", example="128MB")
