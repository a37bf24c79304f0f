"""``demo``: a small story over the sample data, with real commands."""

import contextlib
import shlex
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import AlreadyExists, CatalogError, ErrorKind, NotFound, StorageFailure
from cli import execution
from cli.exit_codes import ExitCode
from cli.output import stdout

DEFAULT_CATALOG = "lake"
DEFAULT_DIRECTORY = "parquetry-demo"
SAMPLE = "sample_data"


def demo(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="A new or empty directory.")
    ] = Path(DEFAULT_DIRECTORY),
    where: Annotated[
        str,
        typer.Option(
            "--catalog", metavar="URI", help="Where to create the catalog, e.g. s3://BUCKET/PREFIX."
        ),
    ] = DEFAULT_CATALOG,
    data_only: Annotated[
        bool, typer.Option("--data-only", help="Copy the sample data, and run nothing.")
    ] = False,
) -> None:
    """Run a backfill on sample data, and leave a catalog to play with."""
    from cli import story

    def run(words: story.Words, expected: ExitCode) -> None:
        stdout.line(f"$ {_shown(words)}")
        stdout.flush()
        code = execution.run(context.find_root().command, words)
        if code != expected:
            raise CatalogError(f"the demo stopped: the last command ended with {code}")
        if code != ExitCode.OK:
            stdout.line(f"# exit code {code}")

    sample = sample_directory()
    _copy(sample, directory)
    if data_only:
        stdout.line(f"sample data is in {directory}")
        return
    stdout.line(f"# sample data is in {directory}; all commands below run there")
    with contextlib.chdir(directory):
        Path("parquetry.toml").write_text(story.CONFIG.format(catalog=where), encoding="utf-8")
        for scene in story.SCENES:
            stdout.line()
            stdout.lines(f"# {text}" for text in scene.says)
            for name in scene.files:
                stdout.line(f"$ cat {name}")
                stdout.lines(Path(name).read_text(encoding="utf-8").splitlines())
            for words in scene.commands:
                located = tuple(where if word == DEFAULT_CATALOG else word for word in words)
                run(located, scene.expected)
    stdout.line()
    stdout.line("# now try, from that directory:")
    stdout.line(f"$ cd {shlex.quote(str(directory))}")
    stdout.lines(f"$ {_shown(words)}" for words in story.SUGGESTIONS)


def sample_directory() -> Path:
    """Returns where the sample data lies: inside the package, or beside it in a checkout.

    Raises:
        NotFound: It is missing from this installation.
    """
    package = Path(str(files("cli")))
    for candidate in (package / SAMPLE, package.parent / SAMPLE):
        if candidate.is_dir():
            return candidate
    raise NotFound(
        f"the sample data is missing from {package}",
        kind=ErrorKind.SAMPLE_DATA_MISSING,
        hint="install parquetry again: pip install --force-reinstall parquetry",
    )


def _copy(sample: Path, directory: Path) -> None:
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise AlreadyExists(
                f"{directory} already exists and is not empty",
                kind=ErrorKind.DIRECTORY_NOT_EMPTY,
                hint="name a new directory: parquetry demo DIR",
            )
        left_out = shutil.ignore_patterns("*.py", "__*", "expected.json")
        shutil.copytree(sample, directory, dirs_exist_ok=True, ignore=left_out)
    except OSError as error:
        raise StorageFailure(f"cannot write {directory}: {error.strerror or error}") from error


def _shown(words: tuple[str, ...]) -> str:
    """Returns a command as it is typed, with double quotes where it needs any."""
    return "parquetry " + " ".join(
        word if shlex.quote(word) == word or not set(word) & set(" '();&|<>*\"$#") else f'"{word}"'
        for word in words
    )
