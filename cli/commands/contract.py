"""``contract``: judges changes by contracts, and keeps contracts for a branch."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.report.figures import plain
from cli.completion import complete_branch, complete_ref
from cli.exit_codes import ExitCode
from cli.opening import DEFAULT_REF, opened
from cli.options import Format, Json, chosen
from cli.output import stdout
from cli.output.listing import ListFormat, Listing, show, show_json, show_outcome

if TYPE_CHECKING:
    from catalog.model.contracts import Contract
    from catalog.operations.contracts.report import ContractReport

ContractFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A TOML file with sections [contract.NAME].")
]
ContractName = Annotated[str, typer.Argument(metavar="NAME", help="The contract.")]
OnlyNames = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="NAME", help="Only this contract of the file. Repeatable."),
]
OfBranch = Annotated[
    str,
    typer.Option("--branch", metavar="BRANCH", help="The branch.", autocompletion=complete_branch),
]


def contract(
    context: typer.Context,
    *,
    file: ContractFile,
    from_ref: Annotated[
        str,
        typer.Argument(
            metavar="FROM", help="The older ref, or A..B, A...B.", autocompletion=complete_ref
        ),
    ],
    to_ref: Annotated[
        str,
        typer.Argument(metavar="[TO]", help="The newer ref.", autocompletion=complete_ref),
    ] = DEFAULT_REF,
    name: OnlyNames = None,
    json: Json = False,
) -> None:
    """Judge what changed between two refs by contracts.

    A contract says what a change may do: which tables, partitions, columns and rows may change,
    how many, and how far. Ends with 1 if it did anything else.

    Examples:
      parquetry contract late-weather.toml main fix
      parquetry contract late-weather.toml main~1
      parquetry contract contracts.toml main...fix --name late-weather --json
    """
    from catalog.operations.contracts.given import given_contracts

    contracts = given_contracts(file, names=name)
    found = opened(context).judge(contracts, from_ref, to_ref)
    if json:
        show_json(found.to_dict())
    else:
        stdout.lines(_report_lines(found))
    if not found.kept:
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def contract_add(
    context: typer.Context,
    *,
    file: ContractFile,
    branch: OfBranch = DEFAULT_REF,
    name: OnlyNames = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of contracts of the same names.")
    ] = False,
    json: Json = False,
) -> None:
    """Keep contracts for a branch: every merge into it is judged by them.

    Examples:
      parquetry contract add contracts.toml
      parquetry contract add contracts.toml --branch release --name revenue
    """
    from catalog.operations.contracts.given import given_contracts

    contracts = given_contracts(file, names=name)
    changed = opened(context).branches.add_contract(branch, contracts, replace=replace)
    names = [one.name for one in contracts]
    show_outcome(
        {"branch": changed.name, "contracts": names},
        f"branch {changed.name} keeps {_named(names)}",
        json=json,
    )


def contract_list(
    context: typer.Context,
    *,
    branch: OfBranch = DEFAULT_REF,
    how: Format = ListFormat.TEXT,
    json: Json = False,
) -> None:
    """List the contracts of a branch."""
    found = opened(context).branches.contracts(branch)
    rows = tuple((one.name, one.description, one.digest[:12]) for one in found)
    show(
        Listing(
            "contracts",
            ("contract", "description", "digest"),
            rows,
            about={"branch": branch},
            empty=f"branch {branch} has no contracts",
        ),
        chosen(how, json),
    )


def contract_show(
    context: typer.Context,
    *,
    name: ContractName,
    branch: OfBranch = DEFAULT_REF,
    json: Json = False,
) -> None:
    """Show a contract of a branch as TOML, which can be changed and added again.

    Examples:
      parquetry contract show late-weather
    """
    found = opened(context).branches.contract(branch, name)
    if json:
        show_json({"format_version": 1, "contract": found.name, **found.to_json()})
    else:
        stdout.lines(_toml(found))


def contract_drop(
    context: typer.Context,
    *,
    name: ContractName,
    branch: OfBranch = DEFAULT_REF,
    json: Json = False,
) -> None:
    """Drop a contract of a branch; its reflog says who did.

    Examples:
      parquetry contract drop late-weather
    """
    changed = opened(context).branches.drop_contract(branch, name)
    show_outcome(
        {"branch": changed.name, "dropped": name},
        f"branch {changed.name} no longer keeps contract {plain(name)}",
        json=json,
    )


def _report_lines(report: "ContractReport") -> Iterator[str]:
    """Yields what the contracts do not allow, and which of them are kept."""
    from catalog.report.judgement import violation_lines

    for violation in report.violations:
        yield from violation_lines(violation)
    broken = {one.contract for one in report.violations}
    kept = [name for name in report.contracts if name not in broken]
    if kept:
        yield f"kept: {_named(kept)}"


def _named(names: list[str]) -> str:
    return f"contract{'s' * (len(names) > 1)} {', '.join(map(plain, names))}"


def _toml(contract: "Contract") -> list[str]:
    from catalog.model.contract_text import contract_toml

    return contract_toml(contract).splitlines()
