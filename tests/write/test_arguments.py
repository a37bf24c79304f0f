"""Arguments that Python lets through and that make no sense: refused before anything is written."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import catalog
from catalog.catalog import Catalog

from .merges import put, values


def commit(cat: Catalog, **options: Any) -> None:
    with cat.transaction("main", **options) as tx:
        tx.write("t", [{"k": 9, "v": 9}], mode="append")


@pytest.mark.parametrize(
    "options",
    [
        {name: value}
        for name in ("idempotency_key", "message", "author")
        for value in (5, True, b"x", ["x"], datetime.date(2024, 5, 1))
    ]
    + [{"metadata": value} for value in ({"a": 5}, {5: "a"}, {"a": b"x"}, ["a"], "ab")]
    + [{"idempotency_key": ""}],
    ids=repr,
)
def test_what_is_not_text_is_refused_and_leaves_a_readable_branch(
    cat: Catalog, options: dict[str, Any]
) -> None:
    put(cat, "main", {1: 1})
    with pytest.raises(catalog.InvalidInput):
        commit(cat, **options)
    assert [move.why for move in cat.reflog("main")][:1] == ["commit: write of t"]
    commit(cat)
    assert values(cat) == {1: 1, 9: 9}


MESSAGES: dict[str, Callable[[Catalog], object]] = {
    "merge": lambda cat: cat.merge("work", message=5),  # type: ignore[arg-type]
    "revert": lambda cat: cat.revert("main", message=5),  # type: ignore[arg-type]
    "tag": lambda cat: cat.tags.create("v1", message=5),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("does", list(MESSAGES))
def test_a_message_that_is_not_text_is_refused_and_moves_nothing(cat: Catalog, does: str) -> None:
    put(cat, "main", {1: 1})
    cat.branches.create("work")
    put(cat, "work", {1: 2})
    before = cat.resolve("main").commit_id
    with pytest.raises(catalog.InvalidInput, match="must be text"):
        MESSAGES[does](cat)
    assert cat.log("main")[0].id == before
    assert cat.tags.list() == []


LISTS: dict[str, Callable[[Catalog], object]] = {
    "key": lambda cat: put(cat, "main", [{"ab": 1, "a": 1, "b": 1}], table="n", key="ab"),
    "partition_by": lambda cat: put(cat, "main", [{"ab": 1}], table="n", partition_by="ab"),
    "diff key": lambda cat: cat.diff("main~1", "main", key="kv"),
    "diff tables": lambda cat: cat.diff("main~1", "main", tables="t"),
    "diff columns": lambda cat: cat.diff("main~1", "main", columns="v"),
    "explain": lambda cat: cat.explain_diff("main~1", "main", tables="t"),
    "revert": lambda cat: cat.revert("main", tables="t"),
}


@pytest.mark.parametrize("where", list(LISTS))
def test_one_text_is_not_taken_for_a_list_of_its_letters(cat: Catalog, where: str) -> None:
    put(cat, "main", {1: 1})
    with pytest.raises(catalog.InvalidInput, match="must be a list of names"):
        LISTS[where](cat)
    assert [info.name for info in cat.tables()] == ["t"]


CHOICES: dict[str, Callable[[Any], object]] = {
    "mode must be copy, link or reference, not 'zzz'": lambda tx: tx.snapshot("s", ".", mode="zzz"),
    "scope must be full, partitions or append, not 'zzz'": lambda tx: tx.snapshot(
        "s", ".", scope="zzz"
    ),
    "fingerprints must be now, rows, columns or later, not 'zzz'": lambda tx: tx.snapshot(
        "s", ".", fingerprints="zzz"
    ),
    "mode must be append, overwrite, overwrite_partitions or upsert, not 'zzz'": (
        lambda tx: tx.write("t", [{"k": 2, "v": 2}], mode="zzz")
    ),
}


@pytest.mark.parametrize("message", list(CHOICES))
def test_an_unknown_word_is_refused_with_the_choices(cat: Catalog, message: str) -> None:
    put(cat, "main", {1: 1})
    with pytest.raises(catalog.InvalidInput) as refused, cat.transaction("main") as tx:
        CHOICES[message](tx)
    assert (refused.value.message, refused.value.kind) == (message, "invalid-input")
    assert values(cat) == {1: 1}


def test_an_unknown_isolation_is_refused_with_the_choices(cat: Catalog) -> None:
    isolation: Any = "zzz"
    with pytest.raises(catalog.InvalidInput) as refused:
        cat.transaction("main", isolation=isolation)
    assert refused.value.message == "isolation must be snapshot or serializable, not 'zzz'"


@pytest.mark.parametrize("name", ["delta", "iceberg"])
def test_a_source_is_what_it_is_said_to_be(cat: Catalog, tmp_path: Path, name: Any) -> None:
    with (
        pytest.raises(catalog.NotFound, match=f"no(t a)? table of {name.capitalize()}"),
        cat.transaction("main") as tx,
    ):
        tx.snapshot("s", str(tmp_path), format=name)
    assert cat.tables() == []


@pytest.mark.parametrize("name", ["hudi", "zzz", None])
def test_a_source_of_an_unknown_format_is_refused_by_name(cat: Catalog, name: Any) -> None:
    with (
        pytest.raises(catalog.Unsupported, match=f"format {name!r}") as refused,
        cat.transaction("main") as tx,
    ):
        tx.snapshot("s", ".", format=name)
    assert (refused.value.kind, cat.tables()) == ("unsupported", [])


AFTERWARDS: dict[str, Callable[[Any], object]] = {
    "write": lambda tx: tx.write("t", [{"k": 2, "v": 2}], mode="append"),
    "snapshot": lambda tx: tx.snapshot("s", "nowhere", allow_empty=True),
    "sql": lambda tx: tx.sql("SELECT 1"),
    "delete": lambda tx: tx.delete("t", where="k = 1"),
    "drop": lambda tx: tx.drop("t"),
    "enter": lambda tx: tx.__enter__(),
}


@pytest.mark.parametrize("does", [one for one in AFTERWARDS if one != "enter"])
def test_a_transaction_that_has_not_begun_takes_nothing(cat: Catalog, does: str) -> None:
    """Whoever forgets ``with`` would lose in silence what they write."""
    put(cat, "main", {1: 1})
    with pytest.raises(catalog.InvalidInput, match="has not begun") as refused:
        AFTERWARDS[does](cat.transaction("main"))
    assert refused.value.kind == "transaction-not-begun"


@pytest.mark.parametrize("does", list(AFTERWARDS))
def test_a_transaction_that_has_ended_does_nothing_more(cat: Catalog, does: str) -> None:
    put(cat, "main", {1: 1})
    with cat.transaction("main") as tx:
        tx.write("t", [{"k": 3, "v": 3}], mode="append")
    with pytest.raises(catalog.InvalidInput, match="has ended") as refused:
        AFTERWARDS[does](tx)
    assert refused.value.kind == "transaction-ended"
    tx.interrupt()
    assert values(cat) == {1: 1, 3: 3}


@pytest.mark.parametrize("where", ["", "  ", None, 5, "k = 1; SELECT 1"])
def test_a_delete_without_a_condition_is_refused(cat: Catalog, where: Any) -> None:
    put(cat, "main", {1: 1})
    with (
        pytest.raises(catalog.InvalidInput, match="condition"),
        cat.transaction("main") as tx,
    ):
        tx.delete("t", where=where)
    assert values(cat) == {1: 1}


def test_a_catalog_is_opened_by_a_path_too(tmp_path: Path) -> None:
    put(catalog.create(tmp_path / "lake"), "main", {1: 1})
    assert values(catalog.open(tmp_path / "lake")) == {1: 1}


def test_a_diff_takes_numbers_for_tolerances_and_no_negative_limit(cat: Catalog) -> None:
    put(cat, "main", {1: 1.0, 2: 1.0})
    put(cat, "main", {1: 1.25, 2: 3.0})
    tolerance: Any = {"v": 0.5}
    with cat.diff("main~1", "main", tolerance=tolerance, level="rows") as diff:
        assert diff["t"].rows.updated == 1
        with pytest.raises(catalog.InvalidInput, match="limit"):
            diff["t"].changes(limit=-3)
