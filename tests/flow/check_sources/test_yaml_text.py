"""YAML from anybody: what it means, and that no file costs more than its length."""

import datetime
import time

import pytest

from catalog.errors import InvalidInput
from catalog.flow.check_sources.yaml_text import read_yaml

SECONDS = 5
"""Time that any file may take here, though the machine is busy: bounds stop all within one."""


def test_values_have_their_lines() -> None:
    found = read_yaml("a: 1\nb:\n  - x: 2024-01-02\n    y: [yes, ~, 1.5, text]\n", "f.yml")
    assert found.plain() == {
        "a": 1,
        "b": [{"x": datetime.date(2024, 1, 2), "y": [True, None, 1.5, "text"]}],
    }
    inner = found.mapping()["b"].items()[0].mapping()["y"]
    assert inner.place == "f.yml, line 4"


def test_anchors_and_merges_mean_what_yaml_says() -> None:
    text = "base: &b {severity: warn, where: x}\none: {<<: *b, where: y}\ntwo: *b\n"
    found = read_yaml(text, "f.yml").plain()
    assert found == {
        "base": {"severity": "warn", "where": "x"},
        "one": {"severity": "warn", "where": "y"},
        "two": {"severity": "warn", "where": "x"},
    }


def letters(count: int) -> str:
    return "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, count))


def merges(count: int) -> str:
    return "".join(
        f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, count)
    )


HOSTILE = {
    "a billion laughs": "a0: &a0 [lol, lol]\n" + letters(40),
    "an alias of itself": "a: &a [*a]",
    "a merge of itself": "a: &a\n  <<: *a\n",
    "merges in a circle": "a: &a\n  b: &b\n    <<: *a\n  <<: *b\n",
    "a chain of aliases": "a0: &a0 [1]\n"
    + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5000)),
    "brackets": "[" * 1_000_000,
    "braces": "{a: " * 100_000,
    "question marks": "? " * 500_000,
    "many levels": "a:\n" + "".join(" " * n + "- \n" for n in range(1, 2000)),
    "many values": "a:\n" + "- 1\n" * 300_000,
    "many anchors": "".join(f"- &a{n} x\n" for n in range(100_000)),
    "a long file": "#" * 5_000_000,
    "a Python object": "a: !!python/object/apply:os.system ['true']",
    "a Python name": "a: !!python/name:os.system",
    "another tag": "a: !secret x",
    "a set": "a: !!set {x, y}",
    "a key twice": "a: 1\nb: 2\na: 3",
    "a mapping as a key": "? {a: 1}\n: 2",
    "a day that is none": "a: 2024-13-45",
    "a number without end": "a: " + "9" * 5000,
    "two documents": "a: 1\n---\nb: 2",
    "nothing": "",
    "a comment": "# nothing\n",
    "half a list": "a: [1\nb: 2",
    "a NUL": "a: \0",
    "bytes that are none": "a: !!binary 'x'",
    "tabs": "\t" * 100_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_plain_yaml_is_refused_at_once(text: str) -> None:
    started = time.process_time()
    with pytest.raises(InvalidInput, match=r"f\.yml"):
        read_yaml(text, "f.yml")
    assert time.process_time() - started < SECONDS


def test_merges_of_merges_take_no_time() -> None:
    started = time.process_time()
    found = read_yaml("a0: &a0 {k: 1}\n" + merges(40), "f.yml").plain()
    assert isinstance(found, dict)
    assert found["a39"] == {"k": 1}
    assert time.process_time() - started < SECONDS


def test_a_key_that_is_there_twice_says_where() -> None:
    with pytest.raises(
        InvalidInput, match=r"f\.yml, line 3: the key 'tests' is there already, in line 2"
    ):
        read_yaml("columns:\n  tests: [a]\n  tests: [b]\n", "f.yml")
