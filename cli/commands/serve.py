"""``serve``: the catalog for other engines, as an Iceberg REST catalog."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import ErrorKind, Unsupported
from cli.opening import opened
from cli.output import stdout
from cli.usage import UsageError

DEFAULT_PORT = 8181
"""The port that clients of Iceberg REST catalogs try first."""


def serve(
    context: typer.Context,
    *,
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, help="The port; 0 takes one that is free."),
    ] = DEFAULT_PORT,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Where to listen. Any but this machine itself (loopback) needs a token.",
        ),
    ] = "127.0.0.1",
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="The bearer token that clients must send. Default: PARQUETRY_TOKEN, else none.",
        ),
    ] = None,
) -> None:
    """Serve the catalog as a read-only Iceberg REST catalog.

    Every branch, tag and commit is a namespace, whose tables are as they are there. It prints its
    address, and ends by Ctrl-C or SIGTERM with 0. It speaks HTTP without TLS: put a proxy in front
    of it where others can listen.

    Examples:
      parquetry serve
      parquetry serve --port 0
      parquetry serve --host 0.0.0.0 --token-file token.txt
    """
    _check_installed()
    from cli.serve.server import listen, run
    from cli.serve.service import catalog_application
    from cli.serve.token import VARIABLE, read_token

    token = read_token(token_file)
    cat = opened(context)
    application = catalog_application(cat, token=token)
    listener = listen(host, port)
    if token is None and not listener.is_loopback:
        listener.socket.close()
        raise UsageError(
            f"{host} is reached from other machines, and there is no token",
            hint=f"put one into a file: --token-file FILE; or into {VARIABLE}",
        )
    stdout.line(f"serving {cat.uri} at {listener.address}")
    stdout.flush()
    run(application, listener)


def _check_installed() -> None:
    """Checks that the libraries of the server are there.

    Raises:
        Unsupported: One is not.
    """
    for library in ("pyiceberg", "starlette", "uvicorn"):
        try:
            import_module(library)
        except ImportError as error:
            raise Unsupported(
                f"serving a catalog needs {library}, which is not installed",
                kind=ErrorKind.EXTRA_NOT_INSTALLED,
                hint="install it with pip install 'parquetry[serve]'",
            ) from error
