"""Which code writes: the file that called, and the commit of the git repository that it lies in.

Git's own files are read, without starting git: ``HEAD``, refs, ``packed-refs``, worktrees. Only
whether files differ from the commit is asked of git itself, once per process and commit, and not
in a repository whose configuration names programs to run. Whatever cannot be read is left out.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import FrameType

from catalog.messages import printable

VARIABLE = "PARQUETRY_RECORD_CODE"
"""Environment variable: ``no`` switches the search off."""

GIT_SECONDS = 2
"""How long git may take to compare files; a repository of 100,000 takes a tenth of it."""

MOST_BYTES = 1 << 20
"""Bytes that are read of a file of git's: ``packed-refs`` of 10,000 tags has half that."""

MOST_LINKS = 5
"""Symbolic refs that lead to one another."""

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/(?!.*\.\.)[^\s\0~^:?*\[\\]+")
_SECTION = re.compile(r'\s*\[\s*([\w.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]')
_SETTING = re.compile(r"\s*(\w[\w-]*)\s*=\s*(.*?)\s*")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[^/]*@)?([^/?#]+)(/[^?#]*)?.*", re.IGNORECASE)
_SSH = re.compile(r"(?:[^@/:]+@)?([\w.-]+):(?!/)([^?#:\s][^?#\s]*)")

_OWN = ("catalog", "cli", "parquetry", "contextlib")
"""Packages whose frames are not those of a caller."""

_RUNS_PROGRAMS = ("filter", "include", "includeif", "diff")
"""Sections of a repository's configuration with which git may run what the repository says."""


def calling_code() -> dict[str, str]:
    """Returns which code called the catalog; nothing if it is not in a repository.

    Code without a file, as of a notebook or a prompt, is in the repository of the working
    directory.
    """
    if _is_off():
        return {}
    path = _calling_file()
    return _described(path.parent if path else None, path)


def code_in_directory(file: Path | None = None) -> dict[str, str]:
    """Returns the code of the working directory, or of a file that is run."""
    if _is_off():
        return {}
    path = None if file is None else Path(os.path.abspath(file))
    return _described(path.parent if path else None, path)


def _is_off() -> bool:
    return os.environ.get(VARIABLE, "").strip().lower() in ("no", "0", "off", "false")


def _calling_file() -> Path | None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] not in _OWN:
            name = frame.f_code.co_filename
            return Path(os.path.abspath(name)) if os.path.isfile(name) else None
        frame = frame.f_back
    return None


def _described(directory: Path | None, file: Path | None) -> dict[str, str]:
    try:
        start = Path(os.path.realpath(directory or os.getcwd()))
        found = _repository(start)
        if found is None:
            return {}
        root, git = found
        common = _common(git)
        commit = _head(git, common)
        if commit is None:
            return {}
        code = {"commit": commit}
        changed = _differs(str(root), commit, _runs_programs(common, git))
        if changed is not None:
            code["dirty"] = "yes" if changed else "no"
        remote = _remote(common)
        if remote:
            code["remote"] = remote
        if file is not None:
            code["file"] = _shown(os.path.relpath(os.path.realpath(file), root))
        return code
    except (OSError, ValueError):  # what is not readable is not recorded
        return {}


def _repository(start: Path) -> tuple[Path, Path] | None:
    """Returns the root of the repository around a directory, and where git keeps its files."""
    for root in (start, *start.parents):
        git = root / ".git"
        if git.is_dir():
            return root, git
        if git.is_file():
            found = re.fullmatch(r"gitdir: (.+)\n?", _text(git))
            return None if found is None else (root, Path(os.path.join(root, found[1])))
    return None


def _common(git: Path) -> Path:
    """Returns where a worktree's repository keeps what all its worktrees share."""
    path = git / "commondir"
    return Path(os.path.join(git, _text(path).strip())) if path.is_file() else git


def _head(git: Path, common: Path) -> str | None:
    text = _text(git / "HEAD").strip()
    for _ in range(MOST_LINKS):
        if _ID.fullmatch(text):
            return text
        name = text.removeprefix("ref: ").strip()
        if name == text or not _REF.fullmatch(name):
            return None
        held = next((p for p in (git / name, common / name) if p.is_file()), None)
        if held is None:
            return _packed(common, name)
        text = _text(held).strip()
    return None


def _packed(common: Path, name: str) -> str | None:
    path = common / "packed-refs"
    if not path.is_file():
        return None
    found = re.search(rf"(?m)^({_ID.pattern}) {re.escape(name)}$", _text(path))
    return None if found is None else found[1]


def _settings(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yields section, subsection, name and value of a configuration of git's."""
    section = subsection = ""
    for line in _text(path).splitlines() if path.is_file() else ():
        header = _SECTION.match(line)
        if header is not None:
            section, subsection = header[1].lower(), header[2] or ""
            yield section, subsection, "", ""
            line = line[header.end() :]
        setting = _SETTING.fullmatch(line)
        if setting is not None:
            yield section, subsection, setting[1].lower(), setting[2].strip('"')


def _remote(common: Path) -> str:
    """Returns where the repository comes from, without anything that may be a secret.

    A directory of this machine is nothing that others could look at.
    """
    settings = list(_settings(common / "config"))
    wanted = ("remote", "url")
    urls = {sub: value for section, sub, name, value in settings if (section, name) == wanted}
    url = urls.get("origin") or next(iter(urls.values()), "")
    named = _SCHEME.fullmatch(url)
    if named is not None:
        scheme, host, path = named[1].lower(), named[2], named[3] or ""
        return "" if scheme == "file" else _shown(f"{scheme}://{host}{path}")
    short = _SSH.fullmatch(url)
    return "" if short is None or len(short[1]) == 1 else _shown(f"{short[1]}:{short[2]}")


def _runs_programs(common: Path, git: Path) -> bool:
    """Returns whether the repository's own configuration may make git run a program."""
    if (git / "config.worktree").exists():
        return True
    return any(
        section in _RUNS_PROGRAMS or (section == "core" and name in ("fsmonitor", "worktree"))
        for section, _, name, _ in _settings(common / "config")
    )


@lru_cache(64)
def _differs(root: str, commit: str, untrusted: bool) -> bool | None:
    """Returns whether tracked files differ from a commit; None if that is not known."""
    if untrusted:
        return None
    safe = ("--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
    asked = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        answer = subprocess.run(
            ["git", *safe, *asked],
            cwd=root,
            env=inherited,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return bool(answer.stdout.strip())


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MOST_BYTES).decode(errors="replace")


def _shown(text: str) -> str:
    """Returns a text that can be stored and shown, whatever bytes a name has."""
    return printable(text.encode(errors="replace").decode())


def checked_code(code: object) -> Mapping[str, str] | None:
    """Returns the code that a caller gave, as it is recorded; None if it is to be found.

    Raises:
        InvalidInput: It is not a mapping of text to text.
    """
    from catalog.model.texts import check_texts

    if code is None:
        return None
    check_texts(code, "code")
    assert isinstance(code, Mapping), "it was checked"
    return dict(code)
