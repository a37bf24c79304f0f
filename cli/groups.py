"""Groups of commands: how the words of a command line find their command."""

from typer.core import TyperGroup

from cli.usage import UsageError, nearest

HELP = ("-h", "--help")


class NamedGroup(TyperGroup):
    """A group of commands that suggests the nearest name for an unknown one."""

    def resolve_command(self, ctx, args):  # type: ignore[no-untyped-def]
        """Returns the command that the arguments name.

        Raises:
            UsageError: There is none.
        """
        name = args[0]
        unknown = self.get_command(ctx, name) is None and not name.startswith("-")
        if unknown and not ctx.resilient_parsing:
            hint = nearest(name, self.list_commands(ctx))
            if not hint.startswith("did"):
                hint = f"{ctx.command_path} --help lists the commands"
            raise UsageError(f"no command {ctx.command_path} {name}", hint=hint)
        return super().resolve_command(ctx, args)


class DefaultCommandGroup(TyperGroup):
    """A group of commands that is itself one: the first of them, called ``run``.

    ``check orders`` is ``check run orders``, and ``check add …`` is the command ``add``. What has
    the name of a command of the group is given after ``run``.
    """

    default = "run"

    def parse_args(self, ctx, args):  # type: ignore[no-untyped-def]
        """Parses the arguments, those of the default command where none is named."""
        named = bool(args) and (args[0] in HELP or self.get_command(ctx, args[0]) is not None)
        return super().parse_args(ctx, args if named else [self.default, *args])

    def format_help(self, ctx, formatter):  # type: ignore[no-untyped-def]
        """Writes the help of the default command, under the group's own name, and the commands."""
        command = self.commands[self.default]
        inner = type(ctx)(command, info_name=ctx.info_name, parent=ctx.parent)
        command.format_usage(inner, formatter)
        command.format_help_text(inner, formatter)
        command.format_options(inner, formatter)
        self.format_commands(ctx, formatter)
