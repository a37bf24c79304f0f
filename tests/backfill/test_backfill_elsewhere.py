"""Backfills that go on by what the catalog stores of their fix: only if a user says so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.errors import CatalogError, CorruptData, ErrorKind, InvalidInput
from catalog.model.backfill import Backfill
from catalog.model.fix import Fix
from catalog.operations.fixes.stored import stored_fix

SQL = """
    UPDATE orders SET amount = 0 WHERE month = $month AND amount IS NULL;
    SELECT CASE WHEN $month = 2 AND (SELECT count(*) FROM notes) > 0 THEN error('not yet') END
"""


@pytest.fixture
def half(cat: Catalog) -> Catalog:
    """Is a catalog with a backfill of which one of two steps is done; the other will work now."""
    with pytest.raises(InvalidInput, match="not yet"):
        cat.backfill("x", fix=SQL, for_each={"month": [1, 2]})
    with cat.transaction("backfill/x", message="by hand") as tx:
        tx.sql("DELETE FROM notes")
    return cat


@pytest.mark.invariant(
    "A fix that comes from the catalog alone runs only if the user allows it: a command, or SQL "
    "that does more than fill tables by SELECTs."
)
def test_stored_sql_goes_on_if_it_is_allowed(half: Catalog) -> None:
    head = half.resolve("backfill/x")
    with pytest.raises(InvalidInput, match="SQL that the catalog stores") as refused:
        half.backfill("x")
    assert refused.value.kind is ErrorKind.COMMAND_REFUSED
    assert half.resolve("backfill/x") == head
    report = half.backfill("x", allow_statements=True)
    assert [one.commit is not None for one in report.steps] == [True, True]
    assert half.backfill("x").state == "ready"


def test_a_fix_that_is_given_again_is_the_users_own(half: Catalog) -> None:
    with pytest.raises(CatalogError, match="another fix"):
        half.backfill("x", fix=SQL + " ", for_each={"month": "1..2"})
    with pytest.raises(CatalogError, match="another list of values"):
        half.backfill("x", fix=SQL, for_each={"month": "1..3"})
    report = half.backfill("x", fix=SQL, for_each={"month": [1, 2]}, jobs=2)
    assert all(one.commit for one in report.steps)


def test_stored_selects_need_no_permission(cat: Catalog) -> None:
    sql = "INSERT INTO notes SELECT id, 'b' FROM orders WHERE month = $month AND {}"
    failing = sql.format(
        "CASE WHEN $month = 2 AND (SELECT count(*) FROM notes) < 9 THEN error('few') ELSE true END"
    )
    with pytest.raises(InvalidInput, match="few"):
        cat.backfill("x", fix=failing, for_each={"month": [1, 2]})
    with pytest.raises(InvalidInput, match="few"):
        cat.backfill("x")


def test_a_stored_command_goes_on_if_it_is_allowed(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["sh", "-c", "test -e fine && touch ran"]
    with pytest.raises(InvalidInput, match="exit code 1"):
        cat.backfill("x", command=command, allow_empty=True)
    (tmp_path / "fine").touch()
    for allowed in ({}, {"allow_statements": True}):
        with pytest.raises(InvalidInput, match="a command that the catalog names: sh -c") as why:
            cat.backfill("x", allow_empty=True, **allowed)
        assert why.value.kind is ErrorKind.COMMAND_REFUSED
    assert not (tmp_path / "ran").exists()
    cat.backfill("x", allow_empty=True, allow_commands=True)
    assert (tmp_path / "ran").exists()


def test_secrets_are_not_stored(cat: Catalog, tmp_path: Path) -> None:
    sql = "DELETE FROM orders -- as in s3://key:secret@bucket/x\n; SELECT error('stop')"
    with pytest.raises(InvalidInput, match="stop"):
        cat.backfill("x", fix=sql)
    with pytest.raises(InvalidInput, match="holds a secret"):
        cat.backfill("x", allow_statements=True)
    stored = [path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file()]
    assert stored and not any(b"key:secret" in one for one in stored)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, fix_source=Fix(command=("rm", "-r", "x")).to_json()),
        lambda one: replace(one, fix_source="{}"),
        lambda one: replace(one, for_each="month=1..9"),
        lambda one: replace(one, fix_source=one.fix_source.replace("month=", "m=")),
    ],
    ids=["another", "no form", "other values", "other variable"],
)
def test_a_stored_fix_that_is_not_the_one_named_is_corrupt_data(
    half: Catalog, change: Callable[[Backfill], Backfill]
) -> None:
    backfill = change(half.show_backfill("x").backfill)
    with pytest.raises(CorruptData):
        stored_fix(backfill, allow_statements=True, allow_commands=True)
