"""Ref expressions as users write them."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import InvalidInput
from catalog.model.ref_expressions import (
    Ancestor,
    AsOf,
    MovesAgo,
    Parent,
    RefExpression,
    own_change,
    parse_ref,
    split_range,
)
from catalog.model.relative_times import Ago, OnDay


def moment(*parts: int, hours: int = 0) -> AsOf:
    zone = datetime.timezone(datetime.timedelta(hours=hours))
    return AsOf(datetime.datetime(*parts, tzinfo=zone))  # type: ignore[arg-type, misc]


GOOD = {
    "main": ("main", ()),
    "v1.0": ("v1.0", ()),
    "backfill/2024-03": ("backfill/2024-03", ()),
    "main~": ("main", (Ancestor(1),)),
    "main~2": ("main", (Ancestor(2),)),
    "main~0": ("main", (Ancestor(0),)),
    "main^": ("main", (Parent(1),)),
    "main^2": ("main", (Parent(2),)),
    "main^0": ("main", (Parent(0),)),
    "main~2^2~": ("main", (Ancestor(2), Parent(2), Ancestor(1))),
    "main^^": ("main", (Parent(1), Parent(1))),
    "main@{3}": ("main", (MovesAgo(3),)),
    "@{1}": (None, (MovesAgo(1),)),
    "main@{2}~1": ("main", (MovesAgo(2), Ancestor(1))),
    "main@{2024-05-01}": ("main", (moment(2024, 5, 1),)),
    "main@{2024-05-01T12:00}": ("main", (moment(2024, 5, 1, 12),)),
    "main@{2024-05-01 12:00:30}": ("main", (moment(2024, 5, 1, 12, 0, 30),)),
    "main@{2024-05-01T12:00+02:00}": ("main", (moment(2024, 5, 1, 12, hours=2),)),
    "main@{2024-05-01T12:00Z}": ("main", (moment(2024, 5, 1, 12),)),
    "@{2024-05-01}": (None, (moment(2024, 5, 1),)),
    "main@{yesterday}~1": ("main", (AsOf(OnDay(None, 1, None)), Ancestor(1))),
    "@{2 days ago}": (None, (AsOf(Ago(0, 172_800)),)),
    "a1b2c3d4": ("a1b2c3d4", ()),
    "e\u0301": ("\u00e9", ()),
}

BAD = [
    "", "~1", "^", "main~x", "main~1x", "main^{}", "main@{", "main@{}", "main@{someday}", "main^!",
    "main@{1}x", "main~9999999999", "@", "main@{2024-13-01}", "main@{-1}", "@{1}main",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_good_expressions_are_parsed(text: str) -> None:
    assert parse_ref(text) == RefExpression(*GOOD[text])


@pytest.mark.parametrize("text", [b for b in BAD if b != "@"])
def test_bad_expressions_are_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_ref(text)
    assert (caught.value.kind, caught.value.hint != "") == ("invalid-ref", True)


@given(text=st.text("main~^@{}0123-T: .", max_size=20))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_ref(text)
        split_range(text)
    except InvalidInput:
        return


RANGES = {
    "a..b": ("a", "b", False),
    "a...b": ("a", "b", True),
    "..b": ("", "b", False),
    "a..": ("a", "", False),
    "v1.0..v1.1": ("v1.0", "v1.1", False),
    "main~1..main": ("main~1", "main", False),
    "main@{2024-05-01T00:00:00.5}..x": ("main@{2024-05-01T00:00:00.5}", "x", False),
}


@pytest.mark.parametrize("text", RANGES)
def test_ranges_are_split(text: str) -> None:
    assert split_range(text) == RANGES[text]


@pytest.mark.parametrize("text", ["main", "v1.0", "a.b"])
def test_other_texts_are_no_ranges(text: str) -> None:
    assert split_range(text) is None


@pytest.mark.parametrize("text", ["a....b", "a..b..c", "a...b..c"])
def test_ranges_of_ranges_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        split_range(text)


def test_what_a_commit_itself_changed_is_written_with_a_mark() -> None:
    found = [own_change(text) for text in ("main^!", "main~2^!", "main", "^!", "main^")]
    assert found == ["main", "main~2", None, None, None]
