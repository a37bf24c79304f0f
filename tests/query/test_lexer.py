"""The tokens are DuckDB's; refs after names are the one addition."""

import random

import duckdb
import pytest

from catalog.errors import InvalidInput
from catalog.query.parse.keywords import NEVER_BEFORE_REF, RESERVED, fold
from catalog.query.parse.lexer import TokenKind, tokenize

FRAGMENTS = (
    *("SELECT", "a", "b1", "x$y", " ", "  ", "\n", "\t", "'s'", "'it''s'", "''", "E'a\\'b' "),
    *(" e'\\\\'", "x'AB'", "b'01'", "n'q'", '"q"', '"a""b"', "`t`", "$$d;$$", "$t$ ' $t$", "12"),
    *("12.5", ".5", "1e5", "1e-5", "1_000", "--c\n", "-- x ; ' \n", "--\r", "/*c*/", "#", "|"),
    *("/* a /* b */ ' */", "+", "-", "*", "/", "%", "<", ">", "=", "<>", "<=", "->", "||", "&"),
    *("(", ")", "[", "]", "{", "}", ",", ";", "ä", "日本", "_x", "**", "//", "@@", "$é$é$é$", "!"),
)

REFS = {
    "t@main": "@main",
    "t@main~1": "@main~1",
    "t@main^2": "@main^2",
    "t@v1.0": "@v1.0",
    "t@a1b2c3d4": "@a1b2c3d4",
    "t@1a2b3c4d": "@1a2b3c4d",
    "t@2024-01-31": "@2024-01-31",
    "t@backfill/2024-03 o": "@backfill/2024-03",
    "t@feature-x~3": "@feature-x~3",
    "t@{2}": "@{2}",
    "t@{2024-05-01}": "@{2024-05-01}",
    "t@{2024-05-01 12:00}": "@{2024-05-01 12:00}",
    "t@main@{1}": "@main@{1}",
    "t@main@{2024-05-01T12:00}": "@main@{2024-05-01T12:00}",
    't@"release-1"': '@"release-1"',
    't@"any text~1"': '@"any text~1"',
    't@"a ""b"""~2': '@"a ""b"""~2',
    't@"a"@{1}': '@"a"@{1}',
    '"order items"@main': "@main",
    "`order items`@main": "@main",
    "s.left@main": "@main",
    "t@überstunden/日本": "@überstunden/日本",
    "t@main,": "@main",
    "t@main)": "@main",
    "t@main(a)": "@main",
    "t@main;": "@main",
    "t@main--comment": "@main",
    "t@feature--comment": "@feature",
    "t@main/*c*/": "@main",
    "t@main-1": "@main-1",
    "t@main\u00a0o": "@main",
}

NOT_REFS = (
    *("l@>[1]", "x @ y", "x@ y", "x @y", "@x", "SELECT@x", "WHERE@x", "a AND@x", "BETWEEN@x"),
    *("1@x", "'t'@main", "(x)@main", "t@~1", "t@-1", "t@(x)", "t@$1", "t@'main'", "t@?", "x@@y"),
    *("-- t@main", "/* t@main */", "'t@main'", '"t@main"', "$$t@main$$", "E't@main'", "x[1]@y"),
)

UNREADABLE = ("t@main$x", 't@main"x"', "t@{1", "t@main=1", "t@main'x'", "t@a:b", "t@a{b}", "t@a@b")


@pytest.mark.parametrize("text", REFS)
def test_a_ref_directly_after_a_name_is_one_token(text: str) -> None:
    refs = [token.text for token in tokenize(text) if token.kind is TokenKind.REF]
    assert refs == [REFS[text]]


@pytest.mark.parametrize("text", NOT_REFS)
def test_other_uses_of_at_are_no_refs(text: str) -> None:
    assert TokenKind.REF not in {token.kind for token in tokenize(text)}


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_ref_with_doubtful_end_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidInput, match="line 2, column 7"):
        tokenize(f"SELECT *\nFROM {text}")


@pytest.mark.parametrize("text", ["'a", '"a', "`a", "$$a", "$t$a$$", "/* /* */", "E'a\\'"])
def test_what_has_no_end_is_told(text: str) -> None:
    assert tokenize("SELECT " + text)[-1].kind is TokenKind.UNTERMINATED


def test_tokens_begin_where_those_of_duckdb_begin() -> None:
    chance = random.Random(5)
    compared = 0
    for _ in range(3000):
        text = "".join(chance.choices(FRAGMENTS, k=chance.randint(1, 8)))
        mine = tokenize(text)
        if any(token.kind is TokenKind.UNTERMINATED for token in mine):
            continue
        offsets = {len(text[:at].encode()): at for at in range(len(text) + 1)}
        theirs = {
            offsets[offset]
            for offset, kind in duckdb.tokenize(text)
            if kind.name not in ("operator", "comment")
        }
        assert {t.start for t in mine if t.kind is not TokenKind.SYMBOL} == theirs, text
        compared += 1
    assert compared > 2000


def test_tokens_cover_all_but_blanks_and_comments() -> None:
    text = "SELECT/**/ 'a''b' , x-- c\n FROM t@main"
    assert [token.text for token in tokenize(text)] == [
        *("SELECT", "'a''b'", ",", "x", "FROM", "t", "@main")
    ]
    assert all(text[token.start : token.end] == token.text for token in tokenize(text))


def test_names_lose_their_quotes() -> None:
    assert [token.name for token in tokenize("a \"b \"\"c\" `d``e` 'f''g'")] == [
        *("a", 'b "c', "d`e", "f'g")
    ]


def test_no_word_before_an_operator_names_a_table_in_duckdb() -> None:
    session = duckdb.connect()
    unquotable = set()
    for (word,) in session.execute(
        "SELECT DISTINCT keyword_name FROM duckdb_keywords()"
    ).fetchall():
        try:
            session.execute(f"CREATE TABLE {word} AS SELECT 1")
        except duckdb.ParserException:
            unquotable.add(word)
    assert unquotable | {"between", "escape", "if"} == NEVER_BEFORE_REF
    assert unquotable >= RESERVED


def test_fold_is_that_of_duckdb() -> None:
    session = duckdb.connect()
    session.execute('CREATE TABLE "ÄB" (x INTEGER)')
    session.execute('FROM "Äb"')
    with pytest.raises(duckdb.CatalogException):
        session.execute('FROM "äb"')
    assert fold("ÄB") == "Äb"
