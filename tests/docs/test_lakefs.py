"""The page for users of lakeFS: it names every verb of lakectl, and commands that exist."""

import re
import shlex
from typing import Any

import pytest

from cli.application import command
from tests.docs.pages import REPOSITORY

PAGE = (REPOSITORY / "docs/how-to/coming-from-lakefs.md").read_text(encoding="utf-8")

VERBS = """
    abuse; actions runs describe; actions runs list; actions validate; annotate; auth; bisect;
    branch create; branch delete; branch list; branch reset; branch revert; branch show;
    branch-protect add; branch-protect delete; branch-protect list; cat-hook-output; cat-sst;
    cherry-pick; commit; completion; config; dbt; diff; docs; doctor; find-merge-base; fs cat;
    fs download; fs ls; fs presign; fs rm; fs stage; fs stat; fs update-metadata; fs upload;
    gc check-async; gc delete-config; gc get-config; gc prepare-async; gc set-config; identity;
    import; ingest; local checkout; local clone; local commit; local init; local list; local pull;
    local status; log; merge; metastore; plugin list; refs-dump; refs-restore; repo create;
    repo create-bare; repo delete; repo list; show commit; tag create; tag delete; tag list;
    tag show; usage summary
"""
"""Those of its release of July 2026, hidden ones too, and three that older releases had."""


def spans() -> list[str]:
    """Returns what the page has as code: of blocks, each line."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [
        *lines,
        *re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", PAGE, flags=re.M | re.S)),
    ]


def commands() -> list[str]:
    return sorted({span for span in spans() if span.startswith("parquetry ")})


@pytest.mark.parametrize("text", commands())
def test_the_command_exists_with_its_options(text: str) -> None:
    _, *words = shlex.split(text)
    current: Any = command()
    while words:
        word = words.pop(0)
        if word in ("-C", "--catalog"):
            words.pop(0)
        elif word.startswith("-"):
            options = ((*one.opts, *one.secondary_opts) for one in current.params)
            assert word in {"--help", *(name for names in options for name in names)}, word
        elif hasattr(current, "commands"):
            current = current.commands[word]


def test_there_are_many() -> None:
    assert len(commands()) > 50


def test_every_verb_of_lakectl_has_its_place() -> None:
    tables = re.findall(r"^\| (.*?) \| ", PAGE, re.MULTILINE)
    told: set[str] = set()
    for row in tables:
        verb = ""
        for span in re.findall(r"`([^`]+)`", row):
            group, _, last = span.rpartition(" ")
            verb = group or verb
            told |= {span, f"{verb} {span}".strip(), last}
    missing = [one for one in (" ".join(v.split()) for v in VERBS.split(";")) if one not in told]
    assert missing == []
