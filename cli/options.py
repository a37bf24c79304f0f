"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from cli.completion import complete_branch, complete_ref, complete_table_at
from cli.output.listing import ListFormat

Format: TypeAlias = Annotated[ListFormat, typer.Option("--format", help="How to print it.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
RefArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="[REF]", help="Branch, tag, commit or expression.", autocompletion=complete_ref
    ),
]
TableAt: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TABLE[@REF]",
        help="The table, e.g. orders or orders@main~1.",
        autocompletion=complete_table_at,
    ),
]
Branch: TypeAlias = Annotated[
    str, typer.Option("--branch", help="The branch to commit to.", autocompletion=complete_branch)
]
BranchArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="BRANCH", help="The branch.", autocompletion=complete_branch)
]
Ref: TypeAlias = Annotated[
    str, typer.Option("--ref", help="The ref of tables without @ref.", autocompletion=complete_ref)
]
Message: TypeAlias = Annotated[
    str | None, typer.Option("-m", "--message", help="The commit message.")
]
Inputs: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="TABLE[@REF]",
        help="Record that the tables were made from this one. Repeatable.",
        autocompletion=complete_table_at,
    ),
]
IdempotencyKey: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key",
        metavar="KEY",
        help="Commit once: do nothing if the branch already has a commit with this key.",
    ),
]
Sides: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--resolve",
        metavar="[TABLE=]SIDE",
        help="Take ours or theirs where both changed the same: in all tables, or in one.",
    ),
]
DryRun: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show what would change, write nothing; conflicts still exit with 4, and what the "
        "gate would refuse with 1.",
    ),
]
AllowCommands: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--allow-commands",
        help="Run the commands of derived tables though no configuration of yours names them.",
    ),
]
Refresh: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--refresh/--no-refresh",
        show_default=False,
        help="Whether to compute derived tables again that become stale. Default: yes.",
    ),
]
ContractFiles: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--contract",
        metavar="FILE",
        help="A TOML file of contracts that the change must keep, beside the branch's. Repeatable.",
    ),
]
AllowFailing: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-failing",
        metavar="TABLE.CHECK",
        help="Let this check fail, if the rules of the branch let it; with --reason. Repeatable.",
    ),
]
Reasons: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--reason", metavar="TEXT", help="Why checks may fail; the commit records it."),
]
Limit: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=-1,
        metavar="N",
        help="List at most N, -1 for all. Default: 20 in text, all in a file and other formats.",
    ),
]
Workers: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        metavar="N",
        help="Use N processes where much is to be read, 0 for none. Default: as configured, else "
        "none.",
    ),
]
OutputFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        dir_okay=False,
        help="Write to a file, which appears once it is complete.",
    ),
]


Null: TypeAlias = Annotated[
    str, typer.Option("--null", metavar="TEXT", help="What stands for NULL in CSV.")
]
ByteOrderMark: TypeAlias = Annotated[
    bool, typer.Option("--bom", help="Begin CSV with a byte order mark, so that Excel reads UTF-8.")
]
EscapeFormulas: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--escape-formulas",
        help="Put a ' before texts in CSV that a spreadsheet would take for formulas.",
    ),
]


def chosen(how: ListFormat, json: bool) -> ListFormat:
    """Returns the format, for which ``--json`` may stand."""
    return ListFormat.JSON if json else how
