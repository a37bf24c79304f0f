"""The commands of the shell that are not SQL: ``.tables`` and the like."""

from typing import TYPE_CHECKING

from catalog.report.figures import counted, plain
from cli.opening import table_at
from cli.output import stdout
from cli.output.listing import ListFormat, Listing, show
from cli.usage import UsageError, nearest

if TYPE_CHECKING:
    from catalog import Catalog

HELP = """\
Statements are DuckDB SQL and end with a semicolon; any table may carry a ref: orders@main~1.
  .tables [REF]       list the tables
  .schema TABLE[@REF] list the columns of a table
  .refs               list the branches and tags
  .help               show this
  .quit               leave (also Ctrl-D)"""

DOT_COMMANDS = (".help", ".tables", ".schema", ".refs", ".quit")


def run_dot_command(cat: "Catalog", ref: str, entry: str) -> None:
    """Runs a command other than ``.quit``.

    Raises:
        CatalogError: It is not a command, or it failed.
    """
    word, _, argument = entry.rstrip(";").partition(" ")
    argument = argument.strip()
    match word:
        case ".help":
            stdout.line(HELP)
        case ".tables":
            for table in cat.tables(argument or ref):
                stdout.line(f"{plain(table.name)}  {counted(table.rows, 'row')}")
        case ".schema":
            if not argument:
                raise UsageError("no table named", hint=".schema TABLE[@REF]")
            name, at = table_at(argument)
            columns = cat.schema(name, at if "@" in argument else ref)
            rows = tuple((c.name, c.type) for c in columns)
            show(Listing("columns", ("column", "type"), rows), ListFormat.TEXT)
        case ".refs":
            stdout.lines(f"{branch.name}  branch" for branch in cat.branches.list())
            stdout.lines(f"{tag.name}  tag" for tag in cat.tags.list())
        case unknown:
            raise UsageError(f"no command {unknown}", hint=nearest(unknown, DOT_COMMANDS))
