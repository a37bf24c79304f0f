"""Names of refs and tables, and the path segments they are stored under."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from catalog.errors import InvalidInput
from catalog.model.names import (
    check_ref_name,
    check_table_name,
    decode_segment,
    encode_segment,
)

GOOD_REFS = [
    "main", "backfill/2024-03", "v1.0", "größe", "Main", "a" * 200, "日本", "x.lock", "release-1",
    "feature_x", "abc", "12", "nothex", "a.b.c", "x/y/z", ".hidden", "abcg", "#1", "a%2F", "it's",
]  # fmt: skip

BAD_REFS = [
    "", " ", "a b", "a\tb", "a\nb", "a\x00b", "a~1", "a^", "a:b", "a@b", "@", "a{b", "a}b", "a\\b",
    "a..b", "..", "deadbeef", "abcd", "1234", "0" * 64, "a" * 201, "é" * 101, "-x", "/a", "a/",
    "a//b", "a\u200bb", "a\u202eb", "\udc80", "a\x7fb", "a\u00a0b", "\ue000", "日" * 60,
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD_REFS)
def test_good_ref_names_are_taken(name: str) -> None:
    assert check_ref_name(name) == name


@pytest.mark.parametrize("name", BAD_REFS, ids=lambda n: ascii(n)[:20])
def test_bad_ref_names_are_refused_with_a_hint(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_ref_name(name)
    assert (caught.value.kind, caught.value.hint != "") == ("invalid-name", True)


GOOD_TABLES = ["orders", "sales.orders", "a.b.c", "order items", "größe", "Orders", "a/b", "x=y"]
BAD_TABLES = [
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "a.b.c.d",
    " a",
    "a .b",
    "a@b",
    "a\nb",
    "\udc80",
    "é" * 99,
]


@pytest.mark.parametrize("name", GOOD_TABLES)
def test_good_table_names_are_taken(name: str) -> None:
    assert check_table_name(name) == name


@pytest.mark.parametrize("name", BAD_TABLES, ids=lambda n: ascii(n)[:20])
def test_bad_table_names_are_refused_with_a_hint(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_table_name(name)
    assert (caught.value.kind, caught.value.hint != "") == ("invalid-name", True)


def test_names_are_kept_in_one_unicode_form() -> None:
    for check in (check_ref_name, check_table_name):
        assert check("e\u0301t\u00e9") == "\u00e9t\u00e9"


@pytest.mark.invariant("No name escapes the root, or collides on a file system that ignores case")
@given(name=st.text(max_size=40))
def test_segments_come_back_and_cannot_leave_their_folder(name: str) -> None:
    segment = encode_segment(name)
    assert decode_segment(segment) == name
    assert set(segment) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-%ABCDEF")
    assert not segment.startswith(".")


@pytest.mark.invariant("No name escapes the root, or collides on a file system that ignores case")
@given(one=st.text(max_size=8), other=st.text(max_size=8))
def test_different_names_differ_on_file_systems_without_case(one: str, other: str) -> None:
    assume(one != other)
    assert encode_segment(one).lower() != encode_segment(other).lower()


@given(name=st.text(max_size=60))
def test_a_name_is_taken_or_refused_and_nothing_else(name: str) -> None:
    for check in (check_ref_name, check_table_name):
        try:
            taken = check(name)
        except InvalidInput:
            continue
        assert taken == unicodedata.normalize("NFC", name)
        assert check(taken) == taken
