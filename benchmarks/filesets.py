"""Measures what versions of a directory of many small files cost: CPU seconds of whole commands.

A directory of files is made, and taken as a file set: at first, with nothing changed, with every
file touched, with one file replaced, and with a directory of 1,000 files renamed. What else is
judged is checked beside: which contents were written, and what the diff tells. Each command is a
process of its own; its CPU time is its own and its children's, start-up included.

Beside it stands what a tool without records would do, which is to read all files and hash them
(``hashed``), and what looks at them alone costs (``listed``); ratios are to the former.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HASHED = """
import hashlib, os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            hashlib.file_digest(file, "sha256").hexdigest()
"""

LISTED = """
import os, sys
pending = [sys.argv[1]]
while pending:
    for entry in os.scandir(pending.pop()):
        if entry.is_dir():
            pending.append(entry.path)
        else:
            entry.stat()
"""

PER_FOLDER = 1000
"""Files of a directory: one of these is renamed."""

TARGET_S = 2.0
"""CPU seconds that a snapshot of 100,000 files may take if nothing changed."""


@dataclass(frozen=True)
class Run:
    """Is a command that ran.

    Attributes:
        name: What it was.
        cpu_s: Its CPU time, user and system.
        out: What it printed.
    """

    name: str
    cpu_s: float
    out: str


def run(name: str, *command: str) -> Run:
    """Runs a command, and returns what it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stderr}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(name, cpu_s, done.stdout)


def plant(folder: Path, count: int, size: int) -> None:
    """Makes a directory of files of unlike contents."""
    for start in range(0, count, PER_FOLDER):
        inner = folder / f"{start // PER_FOLDER:04d}"
        inner.mkdir(parents=True)
        for number in range(start, min(start + PER_FOLDER, count)):
            text = f"file {number} ".encode()
            (inner / f"{number:07d}.txt").write_bytes((text * (size // len(text) + 1))[:size])


def contents(lake: Path) -> int:
    """Returns how many contents a catalog has."""
    return sum(len(names) for _, _, names in os.walk(lake / "blobs"))


def changed_files(ours: list[str]) -> dict[str, Any]:
    """Returns what the diff of the last commit tells of files."""
    told: dict[str, Any] = json.loads(run("diff", *ours, "diff", "main~1", "main", "--json").out)
    found: dict[str, Any] = told["tables"][0]["file_set"]
    return found


def measure(data: Path, count: int, size: int) -> tuple[list[Run], list[str]]:
    """Returns the runs, and what is wrong with their results."""
    source, lake = data / "files", data / "lake"
    plant(source, count, size)
    parquetry = [sys.executable, "-m", "parquetry"]
    ours = [*parquetry, "-C", str(lake)]
    subprocess.run([*ours, "init"], check=True, capture_output=True)
    time.sleep(2)  # what was written just now is read once more

    def snapshot(name: str) -> Run:
        table = ["snapshot", f"files={source}", "--format", "files", "-m", name, "--json"]
        return run(name, *ours, *table)

    hashed = run("hashed", sys.executable, "-c", HASHED, str(source))
    listed = run("listed", sys.executable, "-c", LISTED, str(source))
    runs, problems = [hashed, listed, snapshot("first")], []
    had = contents(lake)

    def check(right: bool, problem: str) -> None:
        if not right:
            problems.append(f"{runs[-1].name}: {problem}: {runs[-1].out}")

    runs.append(snapshot("unchanged"))
    check(json.loads(runs[-1].out)["commit"] is None, "a commit was made")
    replaced = source / "0000" / "0000007.txt"
    replaced.write_bytes(b"replaced")
    runs.append(snapshot("one replaced"))
    check(contents(lake) == had + 1, "not one content was written")
    found = changed_files(ours)
    names = [one["to"]["path"] for one in found["listed"]["replaced"]]
    check(names == ["0000/0000007.txt"], f"the diff does not name it: {found}")
    (source / "0000").rename(source / "renamed")
    runs.append(snapshot("renamed"))
    (table,) = json.loads(runs[-1].out)["tables"]
    moved = min(PER_FOLDER, count)
    check((table["files_added"], table["files_removed"]) == (moved, moved), "not all moved")
    check(contents(lake) == had + 1, "a content was written")
    found = changed_files(ours)
    check(found["moved"] == moved and not found["added"], f"the diff tells no moves: {found}")
    for folder, _, names in os.walk(source):
        for name in names:
            os.utime(os.path.join(folder, name))
    time.sleep(2)
    runs.append(snapshot("all touched"))
    check(json.loads(runs[-1].out)["commit"] is None, "a commit was made")
    runs.append(run("restored", *ours, "export", "files", str(data / "out"), "--format", "files"))
    return runs, problems


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=100_000, help="How many files there are.")
    parser.add_argument("--size", type=int, default=200, help="Bytes of each.")
    parser.add_argument("--data", type=Path, help="A directory to work in. Default: a temporary.")
    parser.add_argument("--json", type=Path, help="A file for the figures.")
    options = parser.parse_args()
    data = Path(tempfile.mkdtemp(dir=options.data, prefix="filesets-"))
    try:
        runs, problems = measure(data, options.files, options.size)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    (hashed, *_) = runs
    print(f"{options.files:,} files of {options.size:,} bytes")
    print("| | CPU s | to hashing all |\n|---|---|---|")
    for one in runs:
        print(f"| {one.name} | {one.cpu_s:.2f} | {one.cpu_s / hashed.cpu_s:.2f} |")
    if options.json:
        figures = {one.name: round(one.cpu_s, 3) for one in runs}
        options.json.write_text(json.dumps({"figures": figures, "problems": problems}))
    for problem in problems:
        print(problem, file=sys.stderr)
    raise SystemExit(bool(problems))


if __name__ == "__main__":
    main()
