"""Clocks that are wrong: their commits do not make all later ones wrong without a word."""

import datetime
import logging
from pathlib import Path

import pytest

import catalog
from catalog.catalog import Catalog

NOW = datetime.datetime(2026, 3, 4, 5, 6, tzinfo=datetime.UTC)
DAYS = datetime.timedelta(days=1)
MINUTES = datetime.timedelta(minutes=1)


class Clock:
    now = NOW

    def __call__(self) -> datetime.datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("catalog.catalog.utc_now", clock)
    monkeypatch.setattr("catalog.reader.utc_now", clock, raising=False)
    return clock


@pytest.fixture
def cat(tmp_path: Path, clock: Clock) -> Catalog:
    catalog.create(tmp_path / "lake")
    return catalog.open(tmp_path / "lake")


def commit(cat: Catalog, branch: str = "main") -> None:
    with cat.transaction(branch, message="x", allow_empty=True):
        pass


@pytest.mark.invariant("A commit on a head from the future is warned about")
def test_a_head_far_in_the_future_is_named_with_the_way_out(
    cat: Catalog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.now = NOW + 73 * 365 * DAYS
    commit(cat)
    wrong, first = cat.log()
    clock.now = NOW + DAYS
    with caplog.at_level(logging.WARNING):
        commit(cat)
    assert cat.log()[0].time == wrong.time
    assert f"commit {wrong.id[:8]} is of" in caplog.text
    assert "26,644 days ahead" in caplog.text
    caplog.clear()
    cat.reset("main", to=f"{wrong.id[:8]}~1")
    commit(cat)
    assert not caplog.records
    assert [one.time for one in cat.log()] == [clock.now, first.time]
    assert cat.resolve("main@{2026-03-05 06:00}").commit_id == cat.log()[0].id


@pytest.mark.parametrize(
    ("ahead", "warned"), [(3 * MINUTES, ""), (7 * MINUTES, "7 minutes"), (DAYS, "24 hours")]
)
def test_a_commit_somewhat_ahead_is_warned_about(
    cat: Catalog,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    ahead: datetime.timedelta,
    warned: str,
) -> None:
    clock.now = NOW + ahead
    commit(cat)
    clock.now = NOW
    with caplog.at_level(logging.WARNING):
        commit(cat)
    assert [one.time for one in cat.log()[:2]] == [NOW + ahead] * 2
    assert (f"{warned} ahead of this machine's clock" in caplog.text) is bool(warned)


def test_a_clock_that_is_behind_does_no_harm(cat: Catalog, clock: Clock) -> None:
    clock.now = NOW + 365 * DAYS
    commit(cat)
    assert [one.time for one in cat.log()] == [clock.now, NOW]


def test_a_merge_of_a_branch_from_the_future_is_warned_about_too(
    cat: Catalog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    cat.branches.create("dev", at="main")
    clock.now = NOW + 9 * DAYS
    commit(cat, "dev")
    clock.now = NOW
    commit(cat)
    with caplog.at_level(logging.WARNING):
        cat.merge("dev", into="main")
    assert "9 days ahead of this machine's clock" in caplog.text
