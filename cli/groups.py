"""Groups of commands: how the words of a command line find their command."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from typer.core import TyperGroup

from cli.help_groups import COMMANDS, grouped, summary
from cli.parameters import PlainValues
from cli.usage import UsageError, nearest

HELP = ("-h", "--help")


def write_commands(group: Any, context: Any, formatter: Any) -> None:
    """Writes the commands of a group with what they do, whole sentences."""
    names = group.list_commands(context)
    most = formatter.width - 6 - max(map(len, names))
    told = {
        name: (name, summary(group.get_command(context, name).help or "", most)) for name in names
    }
    groups = COMMANDS if context.parent is None else {}
    for title, found in grouped(told, groups, "Commands"):
        with formatter.section(title):
            formatter.write_dl(found)


class Commands(MutableMapping[str, Any]):
    """Commands by name, in the order help lists them; each is made when it is first asked for."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._makers[name] = lambda: command
        self._made.pop(name, None)

    def __delitem__(self, name: str) -> None:
        del self._makers[name]
        self._made.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


class NamedGroup(PlainValues, TyperGroup):
    """A group of commands that suggests the nearest name for an unknown one."""

    def format_commands(self, ctx, formatter):  # type: ignore[no-untyped-def]
        """Writes the commands with what they do, in groups if they are those of the program."""
        write_commands(self, ctx, formatter)

    def list_commands(self, ctx):  # type: ignore[no-untyped-def]
        """Returns the names of the commands, without making any."""
        return list(self.commands)

    def resolve_command(self, ctx, args):  # type: ignore[no-untyped-def]
        """Returns the command that the arguments name.

        Raises:
            UsageError: There is none.
        """
        name = args[0]
        unknown = name not in self.commands and not name.startswith("-")
        if unknown and not ctx.resilient_parsing:
            hint = nearest(name, self.commands)
            if not hint.startswith("did"):
                hint = f"{ctx.command_path} --help lists the commands"
            raise UsageError(f"no command {ctx.command_path} {name}", hint=hint)
        return super().resolve_command(ctx, args)


class DefaultCommandGroup(PlainValues, TyperGroup):
    """A group of commands that is itself one: the first of them, called ``run``.

    ``check orders`` is ``check run orders``, and ``check add …`` is the command ``add``. What has
    the name of a command of the group is given after ``run``.
    """

    default = "run"

    def parse_args(self, ctx, args):  # type: ignore[no-untyped-def]
        """Parses the arguments, those of the default command where none is named."""
        named = bool(args) and (args[0] in HELP or args[0] in self.commands)
        return super().parse_args(ctx, args if named else [self.default, *args])

    def format_help(self, ctx, formatter):  # type: ignore[no-untyped-def]
        """Writes the help of the default command, under the group's own name, and the commands."""
        command = self.commands[self.default]
        inner = type(ctx)(command, info_name=ctx.info_name, parent=ctx.parent)
        command.format_usage(inner, formatter)
        command.format_help_text(inner, formatter)
        command.format_options(inner, formatter)
        write_commands(self, ctx, formatter)
