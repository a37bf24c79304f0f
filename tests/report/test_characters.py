"""Texts as lines show them: joined emoji as they are, nothing that steers, turns or hides."""

import pytest

from catalog.report.figures import around, clipped, columns_of, line_of, padded, plain
from catalog.report.picture.examples import cut_pair

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    "text",
    [FAMILY, "\U0001f3f3\ufe0f\u200d\U0001f308", SCOTLAND, "\u2764\ufe0f\u200d\U0001f525",
     "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0915\u094d\u200d\u0937", "Caf\u00e9",
     "e\u0301", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629"],
)  # fmt: skip
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert plain(f"a {text} b") == f"a {text} b"


@pytest.mark.parametrize(
    "code",
    [*range(0x20), 0x7F, *range(0x80, 0xA0), 0xAD, 0x061C, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E,
     0x200F, *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xE0041, 0xE007F, 0xD800],
)  # fmt: skip
def test_what_steers_turns_or_hides_is_written_as_an_escape(code: int) -> None:
    text = plain(f"a{chr(code)}b")
    assert text.isascii() and text != "ab" and text.isprintable()


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("日本", 4), (FAMILY, 2), (SCOTLAND, 2), ("e\u0301", 1), ("\u2764\ufe0f", 2),
     ("\U0001f44d\U0001f3fd", 2), ("\U0001f1e9\U0001f1ea", 2), ("\u1112\u1161\u11ab", 2), ("", 0)],
)  # fmt: skip
def test_columns_are_those_of_a_terminal(text: str, columns: int) -> None:
    assert columns_of(text) == columns
    assert columns_of(padded(text, 10)) == 10


def test_what_is_drawn_in_one_place_is_not_cut() -> None:
    assert clipped(f"ab{FAMILY}{FAMILY}", 5) == f"ab{FAMILY}…"
    assert clipped(f"ab{FAMILY}cd", 4) == "ab…"
    assert clipped("abc", 3) == "abc" and clipped("abcd", 3) == "ab…"


def test_a_text_without_end_is_cut() -> None:
    assert len(clipped("e" + "\u0301" * 1_000_000, 10)) < 100
    assert columns_of(clipped("長" * 1_000_000, 11)) == 11


@pytest.mark.parametrize("part", ["x", "\x1b", "é", "\U0001f469\u200d\U0001f469", "\u0301"])
def test_a_line_of_a_long_text_is_that_of_its_beginning(part: str) -> None:
    for times in (1, 13, 14, 27, 28, 29, 300):
        text = part * times
        assert line_of(text, 28) == clipped(plain(text), 28)


@pytest.mark.parametrize("part", ["x", "é", "\x1b"])
def test_long_texts_are_cut_around_their_difference(part: str) -> None:
    for alike, after in ((5, 0), (300, 0), (300, 300), (10_000, 10_000)):
        one, other = part * alike + "A" + part * after, part * alike + "B" + part * after
        whole = cut_pair(plain(one), plain(other), 28)
        first, second = around(one, other, 28)
        assert cut_pair(plain(first), plain(second), 28) == whole
        assert "A" in whole[0] and "B" in whole[1]


def test_escapes_are_those_of_each_character() -> None:
    scotland = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    text = f"\x1b]-^\u202e{scotland}\U000e0067a\u200db\U0001f469\u200d\U0001f469\ud800"
    shown = f"\\x1b]-^\\u202e{scotland}\\U000e0067a\\u200db\U0001f469\u200d\U0001f469\\ud800"
    assert plain(text) == shown
    assert plain("\x1b]\n" * 3) == "\\x1b]\\n" * 3
