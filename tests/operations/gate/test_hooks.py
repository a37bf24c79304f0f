"""Hooks: what they are told, what they may answer, and that a strange one is not run."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import catalog
from catalog.model.judgement import Judgement
from tests.operations.gate.conftest import Open, head, run


@pytest.fixture
def asked(opened: Open) -> Open:
    """Opens a catalog whose branch asks a hook ``audit`` about every change."""
    cat = opened()
    cat.branches.protect("main", hook=["audit"])
    run(cat, "fix", "UPDATE orders SET amount = 21 WHERE id = 2")
    return opened


def refusal(cat: catalog.Catalog) -> str:
    """Returns what a hook says that refuses a merge."""
    before = head(cat)
    with pytest.raises(catalog.GateRefused) as error:
        cat.merge("fix")
    assert head(cat) == before
    found: Judgement = error.value.judgement
    (answer,) = found.hooks
    assert (answer.hook, answer.passed) == ("audit", False)
    return answer.message


@pytest.mark.invariant("A gate whose hook may not run here lets nothing through")
def test_a_hook_that_nobody_here_names_refuses(asked: Open) -> None:
    assert "nothing here says what it runs" in refusal(asked())
    assert "there are: other" in refusal(asked(hooks={"other": lambda delta: None}))


def test_a_function_is_told_of_the_change(asked: Open) -> None:
    told: list[Mapping[str, Any]] = []

    def audit(delta: Mapping[str, Any]) -> bool:
        told.append(delta)
        return True

    cat = asked(hooks={"audit": audit})
    before = head(cat)
    report = cat.merge("fix")
    assert report.gate is not None and [one.passed for one in report.gate.hooks] == [True]
    (delta,) = told
    assert (delta["from"]["ref"], delta["from"]["commit"]) == ("main", before)
    assert delta["from"]["author"] == cat.context.author and delta["to"]["time"].endswith("Z")
    (table,) = delta["tables"]
    assert (table["table"], table["rows"]["updated"]) == ("orders", 1)
    assert {check["check"]: check["status"] for check in delta["gate"]["checks"]} == {
        "amount_there": "passed",
        "customer_known": "passed",
        "id_once": "passed",
    }
    assert delta["gate"]["what"] == "the merge of fix"
    assert delta["gate"]["author"] == cat.context.author


@pytest.mark.parametrize(
    ("answer", "said"), [(False, "it says no"), ("not on a Friday", "not on a Friday"), (7, "7")]
)
def test_a_function_refuses_by_its_answer(asked: Open, answer: object, said: str) -> None:
    assert refusal(asked(hooks={"audit": lambda delta: answer})) == said


@pytest.mark.parametrize(
    ("raised", "said"),
    [(ValueError("cannot say"), "ValueError: cannot say"), (SystemExit(0), "SystemExit: 0")],
)
def test_a_function_that_fails_refuses(asked: Open, raised: BaseException, said: str) -> None:
    def audit(delta: Mapping[str, Any]) -> None:
        raise raised

    assert refusal(asked(hooks={"audit": audit})) == said


@pytest.mark.invariant("What is published is what was judged")
def test_a_hook_moves_nothing_of_what_is_judged(asked: Open) -> None:
    def audit(delta: Any) -> None:
        delta["tables"].clear()
        delta["gate"]["candidate"] = "0" * 64
        if not moved:
            other = asked()
            moved.append(other)
            run(other, "main", "UPDATE orders SET amount = 31 WHERE id = 3")

    moved: list[object] = []
    cat = asked(hooks={"audit": audit})
    report = cat.merge("fix")
    assert report.commit is not None and report.gate is not None
    published, judged = (
        cat.repository.commits.read(one) for one in (report.commit.id, report.gate.candidate)
    )
    assert (published.tables, published.parents) == (judged.tables, judged.parents)
    assert cat.sql("SELECT amount FROM orders ORDER BY id").fetchall() == [(10,), (21,), (31,)]


SCRIPT = """
import json, os, sys
delta = json.load(sys.stdin)
names = ("PARQUETRY_CATALOG", "PARQUETRY_BRANCH", "PARQUETRY_HEAD", "PARQUETRY_CANDIDATE")
json.dump([delta["gate"]["candidate"], *map(os.environ.get, names)], open("told.json", "w"))
print("looked at it")
print("and will not have it", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize("code", [0, 3])
def test_a_command_gets_the_change_on_stdin(
    asked: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.py").write_text(SCRIPT)
    cat = asked(hooks={"audit": [sys.executable, "audit.py", str(code)]})
    before = head(cat)
    if code:
        message = refusal(cat)
        assert "ended with exit code 3" in message and "and will not have it" in message
        candidate = ""
    else:
        found = cat.merge("fix").gate
        assert found is not None
        candidate = found.candidate
    told = json.loads((tmp_path / "told.json").read_text())
    judged, place, branch, head_id, seen = told
    assert (branch, head_id, judged) == ("main", before, seen)
    assert os.path.samefile(place, tmp_path / "lake")
    assert not candidate or judged == candidate
    assert cat.show(seen).parents[0] == before


def test_a_dry_run_asks_too_but_its_candidate_is_nobody_elses(
    asked: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.py").write_text(SCRIPT)
    cat = asked(hooks={"audit": [sys.executable, "audit.py", "0"]})
    found = cat.merge("fix", dry_run=True).gate
    assert found is not None and [one.passed for one in found.hooks] == [True]
    assert json.loads((tmp_path / "told.json").read_text())[-1] is None


def test_hooks_are_not_asked_about_what_is_refused_already(asked: Open) -> None:
    cat = asked(hooks={"audit": lambda delta: pytest.fail("it was asked")})
    run(cat, "fix", "UPDATE orders SET amount = NULL WHERE id = 1")
    with pytest.raises(catalog.GateRefused) as error:
        cat.merge("fix")
    assert error.value.judgement.notes == ("hooks were not asked: audit",)


def test_what_is_no_hook_is_refused_at_once(opened: Open) -> None:
    for given in ("audit", [], [1], None):
        with pytest.raises(catalog.InvalidInput, match="must be a function, or a command"):
            opened(hooks={"audit": given})
