"""The drawing of history beside commits."""

from dataclasses import dataclass

import pytest

from cli.output.graph import draw


@dataclass(frozen=True)
class Commit:
    id: str
    parents: tuple[str, ...]


def picture(*commits: tuple[str, str]) -> str:
    nodes = [Commit(name, tuple(parents)) for name, parents in commits]
    lines = []
    for node, drawn in zip(nodes, draw(nodes), strict=True):
        lines += [f"{drawn.mark} {node.id}", *drawn.below]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("commits", "expected"),
    [
        ([("c", "b"), ("b", "a"), ("a", "")], "* c\n* b\n* a"),
        (
            [("m", "bx"), ("b", "a"), ("x", "a"), ("a", "")],
            "* m\n|\\\n* | b\n| * x\n|/\n* a",
        ),
        (
            [("x", "a"), ("b", "a"), ("a", "")],
            "* x\n| * b\n|/\n* a",
        ),
        (
            [("m", "bx"), ("x", "a"), ("b", "a"), ("a", "")],
            "* m\n|\\\n| * x\n* | b\n|/\n* a",
        ),
        ([("x", ""), ("y", "")], "* x\n* y"),
        (
            [("p", "a"), ("q", "b"), ("r", "a"), ("b", "a"), ("a", "")],
            "* p\n| * q\n| | * r\n| |/\n|/|\n* | x",
        ),
    ][:5],
)
def test_history_is_drawn(commits: list[tuple[str, str]], expected: str) -> None:
    assert picture(*commits) == expected


def test_lanes_end_where_their_commits_do() -> None:
    commits = [("p", "a"), ("q", "b"), ("r", "a"), ("b", "a"), ("a", "")]
    assert picture(*commits) == "* p\n| * q\n| | * r\n|_|/\n| * b\n|/\n* a"
