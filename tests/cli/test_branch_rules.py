"""``branch protect`` and ``branch rules``: what a branch demands of changes."""

import json
from pathlib import Path

import pytest

import catalog
from catalog.errors import ErrorKind
from catalog.model.refs import Branch
from catalog.storage.opening import open_store
from tests.cli.conftest import Runner


def rules(parquetry: Runner) -> object:
    return json.loads(parquetry("branch", "rules", "main", "--json").out)["rules"]


def test_options_change_only_their_rules(lake: Path, parquetry: Runner) -> None:
    assert parquetry("branch", "protect", "main", "--hook", "audit").out.splitlines() == [
        "branch main is not protected",
        "  direct commits: not judged",
        "  hooks: audit",
    ]
    parquetry("branch", "protect", "main", "--judge-direct", "--hook", "size")
    assert rules(parquetry) == {
        "judge_direct": True,
        "required": [],
        "may_fail": [],
        "contracts": {},
        "hooks": ["audit", "size"],
        "keep_data_seconds": None,
    }
    parquetry("branch", "protect", "main", "--no-hook", "audit")
    why = [m["reason"] for m in json.loads(parquetry("reflog", "--json").out)["moves"]]
    assert why[:3] == [
        "rules: no longer ask hook audit",
        "rules: ask hook size; judge direct commits",
        "rules: ask hook audit",
    ]
    assert parquetry("branch", "protect", "main", "--no-rules").code == 0
    assert parquetry("branch", "rules", "main").out == "branch main is not protected\n"


def test_a_rule_says_for_how_long_data_is_kept(lake: Path, parquetry: Runner) -> None:
    assert parquetry("branch", "protect", "main", "--keep-data", "52w").out.splitlines() == [
        "branch main is not protected",
        "  direct commits: not judged",
        "  data is kept for 364d at least",
    ]
    parquetry("branch", "protect", "main", "--hook", "audit")
    assert (
        json.loads(parquetry("branch", "rules", "main", "--json").out)["rules"]["keep_data_seconds"]
        == 364 * 86_400
    )
    for words in (["--keep-data", "soon"], ["--keep-data", "9d", "--no-keep-data"]):
        assert parquetry("branch", "protect", "main", *words).code == 3
    parquetry("branch", "protect", "main", "--no-keep-data")
    assert "data is kept" not in parquetry("branch", "rules", "main").out
    why = [m["reason"] for m in json.loads(parquetry("reflog", "--json").out)["moves"]]
    assert why[0] == "rules: no longer keep data for long"
    assert why[2] == "rules: keep data for 364d"


@pytest.mark.parametrize(
    ("before", "words", "code"),
    [
        ((), ("--require", "orders.nothing"), 3),
        ((), ("--may-fail", "orders.nothing"), 3),
        ((), ("--no-hook", "audit"), 3),
        ((), ("--hook", "audit", "--no-hook", "audit"), 3),
        ((), ("--hook", "a b"), 3),
        ((), ("--off", "--hook", "audit"), 2),
        ((), ("--no-rules", "--judge-direct"), 2),
        (("--judge-direct",), (), 3),
        (("",), ("--judge-direct",), 3),
    ],
)
def test_rules_that_contradict_are_refused(
    lake: Path, parquetry: Runner, before: tuple[object, ...], words: tuple[str, ...], code: int
) -> None:
    if before:
        assert parquetry("branch", "protect", "main", *filter(None, before)).code == 0
    held = open_store(str(lake)).read("refs/branches/main.json").data
    refused = parquetry("branch", "protect", "main", *words)
    assert (refused.code, refused.out) == (code, "")
    assert refused.err.startswith("error: ")
    assert open_store(str(lake)).read("refs/branches/main.json").data == held


@pytest.mark.invariant("A branch with rules moves only by commits that they have judged")
@pytest.mark.parametrize(
    "words",
    [
        ("reset", "dev", "--to", "main~1"),
        ("rebase", "dev", "--onto", "main~1"),
        ("branch", "delete", "dev"),
    ],
)
def test_a_branch_with_rules_is_not_moved_past_them(
    lake: Path, parquetry: Runner, words: tuple[str, ...]
) -> None:
    parquetry("branch", "create", "dev")
    parquetry("branch", "protect", "dev", "--hook", "audit")
    refused = parquetry(*words)
    assert (refused.code, refused.out) == (4, "")
    assert "parquetry branch protect dev --no-rules" in refused.err
    parquetry("branch", "protect", "dev", "--no-rules")
    assert parquetry(*words).code == 0


def test_rules_of_a_later_release_are_not_taken_for_none(lake: Path, parquetry: Runner) -> None:
    cat = catalog.open(str(lake))
    held = cat.repository.branches.held("main")
    assert held is not None
    later = {"version": 2, "all": "others"}
    cat.repository.branches.protect(held, cat.context.stamp("later"), protected=False, rules=later)
    for words in (
        ("branch", "rules", "main"),
        ("branch", "protect", "main", "--hook", "audit"),
        ("branch", "protect", "main"),
        ("reset", "main", "--to", "main~1"),
    ):
        refused = parquetry(*words)
        assert (refused.code, refused.out) in ((3, ""), (4, ""))
        assert "parquetry branch protect main --no-rules\n" in refused.err
    assert (
        "the rules of branch 'main' were stored by a newer"
        in parquetry("branch", "rules", "main").err
    )
    assert parquetry("branch", "protect", "main", "--no-rules").code == 0
    assert parquetry("reset", "main", "--to", "main~1").code == 0


def test_damage_is_no_way_past_rules(lake: Path, parquetry: Runner) -> None:
    parquetry("branch", "protect", "main", "--hook", "audit")
    store, path = open_store(str(lake)), "refs/branches/main.json"
    intact = store.read(path).data
    store.put(path, intact.replace(b'"protected":false', b'"protected":true '))
    mended = parquetry("reset", "main", "--to", head(intact))
    assert mended.out.splitlines()[1].startswith("not protected, with its rules")
    assert rules(parquetry) == {
        "judge_direct": False,
        "required": [],
        "may_fail": [],
        "contracts": {},
        "hooks": ["audit"],
        "keep_data_seconds": None,
    }
    store.put(path, b"{")
    mended = parquetry("reset", "main", "--to", head(intact))
    assert mended.out.splitlines()[1].startswith("not protected, without rules, if it had any")


def head(data: bytes) -> str:
    found: str = json.loads(data)["commit"]
    return found


def test_fields_of_later_releases_outlive_a_move(lake: Path) -> None:
    cat = catalog.open(str(lake))
    branches = cat.repository.branches
    held = branches.held("main")
    assert held is not None
    old = held.branch
    later = Branch(
        old.name, old.commit_id, old.write_id, old.moves, others={"retention": {"d": 90}}
    )
    cat.repository.store.swap("refs/branches/main.json", later.to_bytes(), version=held.version)
    cat.branches.protect("main")
    again = catalog.open(str(lake)).repository.branches.held("main")
    assert again is not None and again.branch.others == {"retention": {"d": 90}}
    with pytest.raises(catalog.NotFound) as error:
        cat.branches.protect("main", require=["orders.amount"])
    assert error.value.kind is ErrorKind.CHECK_NOT_FOUND
