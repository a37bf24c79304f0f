"""How help is arranged: commands and options in groups, each with a title."""

from collections.abc import Mapping
from typing import Any

Groups = Mapping[str, tuple[str, ...]]
"""Names by the title they stand under."""

COMMANDS: Groups = {
    "Bring data in": ("init", "snapshot", "import", "status", "demo"),
    "See what changed": ("diff", "compare", "log", "show", "blame", "history", "reflog"),
    "Query": ("sql", "shell", "tables", "schema", "partitions", "files", "cat"),
    "Change and merge": (
        *("backfill", "branch", "tag", "merge", "conflicts", "rebase", "cherry-pick", "revert"),
        *("reset",),
    ),
    "Derive and check": ("derive", "refresh", "lineage", "reproduce", "check", "contract"),
    "Take care": ("gc", "expire", "compact", "fsck", "clone", "fetch", "upgrade"),
    "Hand out": ("export", "views", "publish", "serve"),
}

DIFF_OPTIONS: Groups = {
    "What is compared": (
        *("--commit", "--table", "--query", "--key", "--column", "--tolerance", "--ignore"),
        *("--exact", "--method"),
    ),
    "What is shown": (
        *("--stat", "--partitions", "--all", "--schema", "--files", "--explain", "--rows"),
        *("--full-stats", "--no-explain", "--no-metrics", "--check-keys"),
    ),
    "Which rows, and how (--rows)": (
        *("--change", "--where", "--limit", "--context", "--columns", "--narrow", "--vertical"),
        *("--flat",),
    ),
    "How it is written": (
        *("--format", "--json", "--illustrate", "--format-version", "--output", "--null", "--bom"),
        *("--escape-formulas", "--exit-code"),
    ),
    "Resources": ("--threads", "--memory-limit", "--workers"),
}

OPTIONS: Mapping[str, Groups] = {"diff": DIFF_OPTIONS, "compare": DIFF_OPTIONS}
"""The groups of options, by command; a command with few options needs none."""

REST = "Options"


def grouped(named: Mapping[str, Any], groups: Groups, rest: str) -> list[tuple[str, list[Any]]]:
    """Returns what has a name, in groups with their titles; the last is for whatever has none."""
    known = {name for names in groups.values() for name in names}
    found = [
        (title, [named[name] for name in names if name in named]) for title, names in groups.items()
    ]
    found.append((rest, [one for name, one in named.items() if name not in known]))
    return [(title, ones) for title, ones in found if ones]


def summary(text: str, most: int) -> str:
    """Returns the first sentence of a help text; a long one without its last clauses.

    Nothing is cut within a clause: a sentence without any is longer than asked for, and wraps.
    """
    first = " ".join(text.strip().partition("\n\n")[0].split())
    sentence, end, _ = first.partition(". ")
    sentence = f"{sentence}." if end else sentence
    for mark in (": ", "; ", ", "):
        if len(sentence) <= most:
            break
        sentence = f"{_before(sentence, mark, most)}."
    return sentence


def _before(sentence: str, mark: str, most: int) -> str:
    """Returns as many clauses of a sentence as fit, at least one."""
    clauses = sentence.rstrip(".").split(mark)
    while len(clauses) > 1 and len(mark.join(clauses)) >= most:
        del clauses[-1]
    return mark.join(clauses)


def write_options(command: Any, context: Any, formatter: Any, groups: Groups) -> None:
    """Writes the arguments and options of a command, in groups."""
    options: dict[str, tuple[str, str]] = {}
    arguments: list[tuple[str, str]] = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None:
            continue
        if parameter.param_type_name == "argument":
            arguments.append(record)
        else:
            options[parameter.opts[-1]] = record
    sections = [("Arguments", arguments)] if arguments else []
    for title, found in [*sections, *grouped(options, groups, REST)]:
        with formatter.section(title):
            formatter.write_dl(found)
