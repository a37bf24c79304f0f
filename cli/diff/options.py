"""The arguments and options of ``diff`` and ``compare``."""

from typing import Annotated

import typer

from cli.completion import complete_ref, complete_table, complete_table_at
from cli.diff.request import Change, DiffFormat, Method

From = Annotated[
    str | None,
    typer.Argument(
        metavar="FROM",
        help="The older state, or a range A..B, A...B from the merge base, or REF^!, what a "
        "commit itself changed.",
        autocompletion=complete_ref,
    ),
]
To = Annotated[
    str | None,
    typer.Argument(
        metavar="[TO]", help="The newer state. Default: main.", autocompletion=complete_ref
    ),
]
Old = Annotated[
    str,
    typer.Argument(
        metavar="OLD",
        help="The older rows: a directory, a file, a pattern, s3://…, or TABLE@REF.",
        autocompletion=complete_table_at,
    ),
]
New = Annotated[
    str,
    typer.Argument(
        metavar="NEW", help="The newer rows, likewise.", autocompletion=complete_table_at
    ),
]
Commit = Annotated[
    str | None,
    typer.Option(
        "--commit",
        metavar="REF",
        help="Show what this commit itself changed, against its first parent; the same as REF^!.",
        autocompletion=complete_ref,
    ),
]
Tables = Annotated[
    list[str] | None,
    typer.Option(
        "-t",
        "--table",
        metavar="TABLE",
        help="Compare this table; may be repeated. Default: all that changed.",
        autocompletion=complete_table,
    ),
]
Stat = Annotated[bool, typer.Option("--stat", help="Read metadata only, no data file.")]
Rows = Annotated[bool, typer.Option("--rows", help="List the changed rows.")]
Schema = Annotated[bool, typer.Option("--schema", help="List the schema changes.")]
Files = Annotated[bool, typer.Option("--files", help="List the data files that differ.")]
Partitions = Annotated[
    bool, typer.Option("--partitions", help="List all partitions in which something changed.")
]
All = Annotated[
    bool,
    typer.Option("--all", help="Show all tables, columns and partitions, however many they are."),
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Show what would be read and how, without reading it.")
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="COL,COL",
        help="Match rows by these columns, where a table has them. Default: the table's key.",
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="COL",
        help="Compare only this column, of all tables or TABLE.COL; may be repeated.",
    ),
]
OnlyChange = Annotated[
    Change | None, typer.Option("--change", help="List only rows with this change.")
]
Where = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="EXPR",
        help='List only rows that meet this SQL condition, e.g. "amount > 100", '
        "or \"_from.status = 'new'\".",
    ),
]
Tolerance = Annotated[
    list[str] | None,
    typer.Option(
        "--tolerance",
        metavar="COL=X",
        help="Treat numbers that differ by at most X, or X%, as equal; or TABLE.COL=X; "
        "may be repeated.",
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore", metavar="COL", help="Do not compare this column, or TABLE.COL; may be repeated."
    ),
]
Exact = Annotated[
    bool,
    typer.Option(
        "--exact", help="Compare exactly what parquetry.toml says to ignore or to tolerate."
    ),
]
Query = Annotated[
    str | None, typer.Option("--query", metavar="SQL", help="Compare the results of a query.")
]
ExitCodes = Annotated[
    bool, typer.Option("--exit-code", help="Exit with 1 if there are differences.")
]
CheckKeys = Annotated[
    bool, typer.Option("--check-keys", help="Look for NULL and duplicate keys in all rows.")
]
FullStats = Annotated[
    bool,
    typer.Option("--full-stats", help="Compute statistics over all rows, not only changed files."),
]
NoExplain = Annotated[
    bool,
    typer.Option("--no-explain", help="Count only; do not look for what explains the changes."),
]
Illustrate = Annotated[
    bool,
    typer.Option(
        "--illustrate",
        help="With --json: also distributions and some changed rows, as html has them.",
    ),
]
FormatVersion = Annotated[
    int,
    typer.Option(
        "--format-version",
        min=1,
        max=2,
        metavar="N",
        help="Version of the JSON form; 1 has counts only.",
    ),
]
How = Annotated[Method, typer.Option("--method", hidden=True)]
Narrow = Annotated[
    bool,
    typer.Option("--narrow", help="List rows with only their key and the columns that changed."),
]
Target = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write to a file, which appears once it is complete; DIR/ gets one csv or parquet "
        "for each table.",
    ),
]
NoMetrics = Annotated[
    bool, typer.Option("--no-metrics", help="Do not run the [metrics] of parquetry.toml.")
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="COL,COL",
        help="List rows with these columns beside those that changed.",
    ),
]
Shown = Annotated[
    str | None,
    typer.Option(
        "--columns", metavar="COL,COL", help="List rows with their key and these columns."
    ),
]
Vertical = Annotated[
    bool, typer.Option("--vertical", help="List rows with a line for each column.")
]
Flat = Annotated[
    bool,
    typer.Option("--flat", help="Write Parquet with columns from.COL and to.COL, not two structs."),
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, metavar="N", help="Use N threads. Default: all.")
]
MemoryLimit = Annotated[
    str | None,
    typer.Option("--memory-limit", metavar="SIZE", help="Use at most this much memory, e.g. 2GB."),
]
Format = Annotated[
    DiffFormat,
    typer.Option("--format", help="How to write it; csv, parquet and xlsx hold the rows."),
]
