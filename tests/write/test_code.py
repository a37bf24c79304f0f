"""The code that wrote a table: found in the caller's repository, given, or not recorded at all."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import InvalidInput, NotFound
from catalog.model.lineage import Input, LineageEntry
from catalog.operations import code
from catalog.repository.lineage import lineage_detail
from tests.write.conftest import Filled

SCRIPT = """
import catalog
cat = catalog.open({lake!r})
with cat.transaction("main") as tx:
    tx.sql("CREATE OR REPLACE TABLE made AS SELECT random() AS a")
"""


def fill(cat: Catalog) -> None:
    with cat.transaction("main", code={}) as tx:
        tx.sql("CREATE TABLE orders AS SELECT 1 AS id")


@pytest.fixture
def lake(filled_by: Filled) -> Catalog:
    return filled_by(fill)


def git(directory: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments]
    found = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    return found.stdout.strip()


@pytest.fixture
def project(tmp_path: Path, lake: Catalog, root: Path) -> Path:
    directory = tmp_path / "project"
    (directory / "etl").mkdir(parents=True)
    (directory / "etl/daily.py").write_text(SCRIPT.format(lake=str(root)))
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", ".")
    git(directory, "commit", "-q", "-m", "one")
    return directory


def change(path: Path) -> None:
    path.write_text(f"{path.read_text()}\n# more\n")


def recorded(cat: Catalog, table: str = "made") -> LineageEntry:
    found = lineage_detail(cat.repository.commits, cat.resolve("main").commit_id, table)
    assert found is not None
    return found


def run(
    directory: Path, script: str = "etl/daily.py", env: Mapping[str, str] | None = None
) -> None:
    paths = os.pathsep.join(p for p in sys.path if p)
    environment = {**os.environ, "PYTHONPATH": paths, **(env or {})}
    subprocess.run([sys.executable, script], cwd=directory, check=True, env=environment)


def test_the_file_and_the_commit_of_a_caller_are_found(lake: Catalog, project: Path) -> None:
    git(project, "remote", "add", "origin", "https://ana:secret@example.com/team/etl.git?token=x")
    run(project)
    head = git(project, "rev-parse", "HEAD")
    assert recorded(lake).code == {
        "commit": head,
        "dirty": "no",
        "file": "etl/daily.py",
        "remote": "https://example.com/team/etl.git",
    }
    change(project / "etl/daily.py")
    run(project)
    assert recorded(lake).code["dirty"] == "yes"


def test_it_can_be_switched_off_or_given(lake: Catalog, project: Path) -> None:
    run(project, env={code.VARIABLE: "no"})
    assert recorded(lake).code == {}
    with lake.transaction("main", code={"job": "nightly"}) as tx:
        tx.write("made", [{"a": 2.0}], mode="append")
        tx.write("orders", [{"id": 2}], mode="append", code={"job": "other"})
    assert recorded(lake).code == {"job": "nightly"}
    assert recorded(lake, "orders").code == {"job": "other"}
    with pytest.raises(InvalidInput):
        lake.transaction("main", code={"a": 1})  # type: ignore[dict-item]
    with pytest.raises(InvalidInput):
        lake.transaction("main", code="x")  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["packed", "detached", "worktree", "reftable", "no commit"])
def test_every_form_of_a_repository_is_read_or_left_out(
    state: str, tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, directory = git(project, "rev-parse", "HEAD"), project
    if state == "packed":
        git(project, "pack-refs", "--all")
    elif state == "detached":
        git(project, "checkout", "-q", "--detach")
    elif state == "worktree":
        directory = tmp_path / "other"
        git(project, "worktree", "add", "-q", str(directory))
    elif state == "reftable":
        (project / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
    else:
        directory = tmp_path / "empty"
        directory.mkdir()
        git(directory, "init", "-q")
    monkeypatch.chdir(directory)
    found = code.code_in_directory()
    assert found.get("commit") == (None if state in ("reftable", "no commit") else head)


@pytest.mark.parametrize(
    "damage",
    [
        {"HEAD": b"\xff\0"},
        {"HEAD": b"ref: ../../etc/passwd"},
        {"HEAD": b"ref: refs/heads/main", "refs/heads/main": b"ref: refs/heads/main"},
        {"config": b'[remote "origin"]\nurl = \xff\xfe\n[[[\n= = ='},
    ],
)
def test_a_strange_repository_is_never_an_error(
    damage: Mapping[str, bytes], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in damage.items():
        (project / ".git" / name).write_bytes(content)
    monkeypatch.chdir(project)
    assert set(code.code_in_directory()) <= {"commit", "dirty"}


@pytest.mark.parametrize("setting", ["filter.x.clean", "core.fsmonitor", "include.path"])
def test_a_repository_cannot_have_programs_run(
    setting: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    (project / ".gitattributes").write_text("* filter=x\n")
    git(project, "config", setting, f"touch {ran} && cat")
    change(project / "etl/daily.py")
    monkeypatch.chdir(project)
    assert "dirty" not in code.code_in_directory()
    assert not ran.exists()


REMOTES = {
    "git@github.com:team/etl.git": "github.com:team/etl.git",
    "ssh://git@host:22/x/y.git": "ssh://host:22/x/y.git",
    "https://x-token:abc@host/a?sig=1#f": "https://host/a",
    "/srv/git/etl": "",
    "file:///srv/git/etl": "",
    "C:/git/etl": "",
    "ext::sh -c touch": "",
}


@pytest.mark.parametrize("url", REMOTES)
def test_a_remote_is_recorded_without_secrets(
    url: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(project, "config", "remote.origin.url", url)
    monkeypatch.chdir(project)
    assert code.code_in_directory().get("remote", "") == REMOTES[url]


def test_inputs_are_recorded_as_they_are_when_they_are_named(lake: Catalog) -> None:
    commits = lake.repository.commits
    first = lake.resolve("main").commit_id
    entry = commits.entries(first)["orders"].entry.snapshot
    with lake.transaction("main", inputs=["Orders@main"]) as tx:
        tx.write("made", [{"a": 1}], mode="append")
        tx.write("orders", [{"id": 2}], mode="append", inputs=["made", "orders"])
    assert recorded(lake).inputs == (Input("orders", first, entry),)
    assert set(recorded(lake, "orders").inputs) == {Input("made"), Input("orders", first, entry)}
    assert recorded(lake, "orders").facts == {"mode": "append", "rows": 1}


@pytest.mark.parametrize("wrong", ["nope@main", "orders@nope", "nope", "orders@", "@main", ""])
def test_an_unknown_input_is_an_error(wrong: str, lake: Catalog) -> None:
    before = lake.resolve("main").commit_id
    with pytest.raises((NotFound, InvalidInput)):
        lake.transaction("main", inputs=[wrong])
    with pytest.raises((NotFound, InvalidInput)), lake.transaction("main") as tx:
        tx.write("made", [{"a": 1}], mode="append", inputs=[wrong])
    assert lake.resolve("main").commit_id == before
    with pytest.raises(InvalidInput):
        lake.transaction("main", inputs="orders@main")


def test_refreshes_and_definitions_say_whose_code_made_them(tmp_path: Path) -> None:
    cat = Catalog.create(str(tmp_path / "lake"))
    with cat.transaction("main") as tx:
        tx.sql("CREATE TABLE t AS SELECT 1 AS a")
    cat.derive("d", "SELECT a FROM t")
    with cat.transaction("main") as tx:
        tx.sql("UPDATE t SET a = 2")
    cat.refresh()
    entries = cat.context.repository.commits.read
    written = [entries(cat.resolve(ref).commit_id).lineage["d"] for ref in ("main", "main~2")]
    told = entries(cat.resolve("main~1").commit_id).lineage["t"]
    assert isinstance(told, dict)
    assert [one.get("code") for one in written if isinstance(one, dict)] == [told.get("code")] * 2
