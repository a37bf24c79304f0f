"""Runs the sessions that the pages show, and writes the program's output into them.

A session is all ``console`` blocks of a page, in order, run by a shell in one new directory that
holds the sample data, or nothing if the page fetches them itself. A line that begins with ``$`` is
a command, ``>`` continues one, all else is output. ``<!-- clock: 2013-07-01T06:00 -->`` sets the
time that the next command reads; every command after that reads one minute more, so that a page
tells a story. Commit ids are new in every run; a page is left alone if nothing else differs.

Commands of ``parquetry`` alone run in this process, which has imported what they need; a shell
runs all others.
"""

import argparse
import contextlib
import datetime
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
PAGES = (
    "README.md",
    "docs/tutorial/validate-a-backfill.md",
    "docs/how-to/compare-two-places.md",
    "docs/how-to/snapshot-from-a-pipeline.md",
    "docs/how-to/guard-a-nightly-snapshot.md",
    "docs/how-to/change-rows-with-sql.md",
    "docs/how-to/query-from-other-tools.md",
    "docs/how-to/write-rows-from-python.md",
    "docs/how-to/backfill-by-rollback.md",
    "docs/how-to/backfill-in-one-command.md",
    "docs/how-to/backfill-on-a-branch.md",
    "docs/how-to/contracts.md",
    "docs/how-to/settle-a-conflict.md",
    "docs/how-to/who-changed-this-row.md",
    "docs/how-to/which-inputs-made-this-number.md",
    "docs/how-to/derive-tables.md",
    "docs/how-to/take-over-checks.md",
    "docs/how-to/check-in-python.md",
    "docs/how-to/check-tables.md",
    "docs/how-to/replace-images.md",
    "docs/how-to/version-a-directory.md",
    "docs/how-to/bring-a-tables-history-in.md",
    "docs/how-to/snapshot-an-iceberg-table.md",
    "docs/how-to/snapshot-a-delta-table.md",
)
"""The pages with sessions."""

AUTHOR = "ana"
FIRST_MOMENT = "2013-07-01T06:00:00"

PROGRAM = """\
import datetime, os, sys
from pathlib import Path

import catalog.catalog as facade
import catalog.reader as reading

clock = Path(os.environ["SESSION_CLOCK"])
now = datetime.datetime.fromisoformat(clock.read_text()).replace(tzinfo=datetime.UTC)
clock.write_text((now + datetime.timedelta(minutes=1)).replace(tzinfo=None).isoformat())
facade.utc_now = reading.utc_now = lambda: now
if len(sys.argv) > 1 and sys.argv[1].endswith(".py"):
    del sys.argv[0]
    sys.path[0] = os.getcwd()  # as for any script that is run
    exec(compile(Path(sys.argv[0]).read_text(), sys.argv[0], "exec"))
else:
    from cli.main import main

    main()
"""
"""``parquetry`` with a clock that the session sets; given a Python file, it runs that instead."""

_BLOCK = re.compile(
    r"^<!-- clock: (?P<clock>\S+) -->$"
    r"|^<!-- file: (?P<file>\S+) -->\n+```\w*\n(?P<text>.*?)^```$"
    r"|^```console\n(?P<session>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_QUOTED = re.compile(r"'[^']*'|\"[^\"$`\\\\]*\"")
_NEEDS_SHELL = re.compile(r"[^\w\s=.,:/@~^+-]")
"""Characters that may mean something to a shell; plain calls have none of them outside quotes."""

_CHANGES_DIRECTORY = re.compile(r"cd ([\w-]+)\n")

FETCHES_DATA = "$ parquetry demo --data-only "
"""The command of a page that begins in an empty directory."""

_ID = re.compile(r"\b[0-9a-f]{8}(?:[0-9a-f]{24}|[0-9a-f]{56})?\b")


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a page.

    Attributes:
        line: Its line in the page, counted from 1.
        command: The text for the shell.
        output: The output that the page shows, stdout and stderr together.
    """

    line: int
    command: str
    output: str


def masked(text: str) -> str:
    """Returns text without the ids of commits and backfills, which no two catalogs share."""
    return _ID.sub("<id>", text)


def steps(block: str, *, line: int) -> list[Step]:
    """Returns the commands of a console block that begins at a line."""
    found: list[Step] = []
    for number, text in enumerate(block.splitlines(keepends=True), line):
        last = found[-1] if found else None
        if text.startswith("$ "):
            found.append(Step(number, text[2:], ""))
        elif last is None:
            raise ValueError(f"line {number}: output before the first command")
        elif text.startswith("> ") and not last.output:
            found[-1] = replace(last, command=last.command + text[2:])
        else:
            found[-1] = replace(last, output=last.output + text)
    return found


def typed(step: Step) -> str:
    """Returns a command as a page shows it."""
    first, *more = step.command.splitlines()
    return "".join([f"$ {first}\n", *(f"> {text}\n" for text in more)])


def call(command: str) -> list[str] | None:
    """Returns the arguments of a call of ``parquetry``; None if a command is more than that."""
    command = command.replace("\\\n", " ")
    if not command.startswith("parquetry ") or _NEEDS_SHELL.search(_QUOTED.sub("", command)):
        return None
    return shlex.split(command)[1:]


@contextmanager
def session(*, by_shell: bool = False, empty: bool = False) -> Iterator["Session"]:
    """Yields a session in a new directory, which is deleted at the end."""
    with tempfile.TemporaryDirectory() as directory:
        yield Session(Path(directory), by_shell=by_shell, empty=empty)


class Session:
    """A directory with the sample data in which commands run, and a clock.

    Args:
        directory: Where the session's directory is made.
        by_shell: Whether every command is a process that a shell starts.
        empty: Whether there is nothing in it at first.
    """

    def __init__(self, directory: Path, *, by_shell: bool = False, empty: bool = False) -> None:
        self._by_shell = by_shell
        self._work = directory / "session"
        ignored = shutil.ignore_patterns("*.py", "*.md", "*.json", "__*")
        if empty:
            self._work.mkdir()
        else:
            shutil.copytree(ROOT / "sample_data", self._work, ignore=ignored)
        self._clock = directory / "clock"
        self.set_clock(FIRST_MOMENT)
        commands = directory / "bin"
        commands.mkdir()
        (commands / "program.py").write_text(PROGRAM)
        run = f'exec "{sys.executable}" "{commands / "program.py"}" "$@"\n'
        for name in ("parquetry", "python"):
            (commands / name).write_text(f"#!/bin/sh\n{run}")
            (commands / name).chmod(0o755)
        self._environment = {
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
            "LOGNAME": AUTHOR,
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "SESSION_CLOCK": str(self._clock),
            "TZ": "UTC",
        }

    def set_clock(self, moment: str) -> None:
        """Sets the time that the next command reads, UTC."""
        self._clock.write_text(moment)

    def write(self, name: str, text: str) -> None:
        """Writes a file that the page shows."""
        path = self._work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, command: str) -> str:
        """Runs a command and returns its output, of both streams."""
        if (directory := _CHANGES_DIRECTORY.fullmatch(command)) is not None:
            self._work /= directory[1]
            return ""
        arguments = None if self._by_shell else call(command)
        return self._in_shell(command) if arguments is None else self._here(arguments)

    def _here(self, arguments: list[str]) -> str:
        """Runs a command line in this process, its streams buffered as those of a process."""
        import catalog.catalog as facade
        import catalog.reader as reading
        from cli.main import run

        text = self._clock.read_text()
        now = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
        self.set_clock((now + datetime.timedelta(minutes=1)).replace(tzinfo=None).isoformat())
        answer = io.BytesIO()
        out = io.TextIOWrapper(io.BufferedWriter(answer), encoding="utf-8")  # type: ignore[type-var]
        err = io.TextIOWrapper(answer, encoding="utf-8", write_through=True)
        with (
            mock.patch.object(facade, "utc_now", lambda: now),
            mock.patch.object(reading, "utc_now", lambda: now),
            mock.patch.dict(os.environ, self._environment, clear=True),
            mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO())),
            contextlib.chdir(self._work),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            run(arguments)
            out.flush()
        return answer.getvalue().decode()

    def _in_shell(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self._work,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        return done.stdout


def answered(
    page: str, *, by_shell: bool = False
) -> Iterator[tuple[re.Match[str], list[tuple[Step, str]]]]:
    """Runs the session of a page, and yields its blocks with the outputs of their commands."""
    with session(by_shell=by_shell, empty=FETCHES_DATA in page) as running:
        for block in _BLOCK.finditer(page):
            if block["clock"]:
                running.set_clock(block["clock"])
            elif block["file"]:
                running.write(block["file"], block["text"])
            else:
                line = page.count("\n", 0, block.start("session")) + 1
                found = steps(block["session"], line=line)
                yield block, [(step, running.run(step.command)) for step in found]


def renewed(page: str) -> str:
    """Returns a page with current outputs, or as it is if only commit ids differ."""
    parts, end, same = [], 0, True
    for block, answers in answered(page):
        same = same and all(masked(step.output) == masked(answer) for step, answer in answers)
        body = "".join(typed(step) + answer for step, answer in answers)
        parts += [page[end : block.start("session")], body]
        end = block.end("session")
    return page if same else "".join([*parts, page[end:]])


def differences(page: str, *, by_shell: bool = False) -> list[str]:
    """Returns the commands whose output is not the one shown, with their output."""
    return [
        f"line {step.line}: $ {step.command}{answer}"
        for _, answers in answered(page, by_shell=by_shell)
        for step, answer in answers
        if masked(answer) != masked(step.output)
    ]


def main() -> int:
    """Renews the pages, or checks them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if a page is out of date")
    parser.add_argument("pages", nargs="*", default=PAGES)
    options = parser.parse_args()
    stale = 0
    for name in options.pages:
        path = ROOT / name
        page = path.read_text(encoding="utf-8")
        if options.check:
            found = differences(page)
            stale += len(found)
            print(*(f"{name}, {one}" for one in found), sep="\n", end="")
        else:
            path.write_text(renewed(page), encoding="utf-8")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
