"""Times relative to now."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model.relative_times import moment_of, relative_time, stated_time

NOW = datetime.datetime(2024, 5, 31, 15, 30, tzinfo=datetime.UTC)
"""A Friday."""

SAID = {
    "now": "2024-05-31 15:30",
    "today": "2024-05-31 00:00",
    "yesterday": "2024-05-30 00:00",
    "Yesterday 18:05": "2024-05-30 18:05",
    "yesterday at 9:30": "2024-05-30 09:30",
    "last tuesday": "2024-05-28 00:00",
    "tuesday": "2024-05-28 00:00",
    "last friday": "2024-05-24 00:00",
    "last saturday 12:00": "2024-05-25 12:00",
    "2 days ago": "2024-05-29 15:30",
    "2.days.ago": "2024-05-29 15:30",
    "two days ago": "2024-05-29 15:30",
    "1 hour ago": "2024-05-31 14:30",
    "an hour ago": "2024-05-31 14:30",
    "1 day and 2 hours ago": "2024-05-30 13:30",
    "90 minutes ago": "2024-05-31 14:00",
    "3 weeks ago": "2024-05-10 15:30",
    "last week": "2024-05-24 15:30",
    "3 months ago": "2024-02-29 15:30",
    "last year": "2023-05-31 15:30",
    "1 year, 1 day ago": "2023-05-30 15:30",
    "999999999 years ago": "0001-01-01 00:00",
    "999999999 weeks ago": "0001-01-01 00:00",
    "2024-05-01": "2024-05-01 00:00",
    "2024-05-01T12:00+02:00": "2024-05-01 10:00",
}

WORDS = [
    *["last", "tuesday", "2", "days", "ago", "a", "year", ",", "and", "at", "12:00", "0"],
    "999999999",
]

NOT_SAID = [
    "", "ago", "days ago", "2 days", "-1 days ago", "1.5 days ago", "yesterday 25:00", "someday",
    "last", "last 2 days", "yesterday yesterday", "2 days ago ago", "1000000000 days ago",
    "\u0662 days ago",
]  # fmt: skip


@pytest.mark.parametrize("text", SAID)
def test_times_count_back_from_now(text: str) -> None:
    time = stated_time(text)
    assert time is not None
    meant = datetime.datetime.fromisoformat(SAID[text]).replace(tzinfo=datetime.UTC)
    assert moment_of(time, NOW) == meant


@pytest.mark.parametrize("text", NOT_SAID)
def test_other_texts_are_no_times(text: str) -> None:
    assert stated_time(text) is None


@given(
    words=st.lists(
        st.sampled_from(
            [
                "last",
                "tuesday",
                "2",
                "days",
                "ago",
                "a",
                "year",
                ",",
                "and",
                "at",
                "12:00",
                "0",
                "999999999",
            ]
        ),
        max_size=8,
    ),
    now=st.datetimes(timezones=st.just(datetime.UTC)),
)
def test_whatever_is_read_lies_before_now(words: list[str], now: datetime.datetime) -> None:
    time = relative_time(" ".join(words))
    if time is not None and now > datetime.datetime(1, 2, 1, tzinfo=datetime.UTC):
        assert moment_of(time, now) <= now
