"""What is found in files: checks, rules that no check can hold, and what is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import CatalogError, ErrorKind, InvalidInput, NotFound
from catalog.flow.check_sources.entry import Entry, RuleRefusedError
from catalog.flow.check_sources.known import KnownTable, KnownTables
from catalog.model.check_rules import valid_check
from catalog.model.checks import Check, CheckKind, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """What a file says must hold of a table.

    Attributes:
        kind: The kind of the check.
        columns: Its columns, as the file names them.
        parameters: What else its kind needs.
        name: The name that the file gives it; empty if it gives none.
        suggested: What it is called then.
        where: The condition on rows.
        severity: What failures mean.
        error_if: From how many failures on it is an error.
        warn_if: From how many failures on it is a warning.
    """

    kind: CheckKind
    columns: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    name: str = ""
    suggested: str = ""
    where: str = ""
    severity: Severity = Severity.ERROR
    error_if: str = "!= 0"
    warn_if: str = "!= 0"


@dataclass(frozen=True, slots=True)
class FoundCheck:
    """A check of a file.

    Attributes:
        table: The table, as the branch spells it.
        check: The check; its name is empty if the file gives none.
        suggested: What it is called then, unless that is taken.
        entry: Where it is.
    """

    table: str
    check: Check
    suggested: str
    entry: Entry

    @property
    def label(self) -> str:
        """Returns what it is called in messages."""
        return f"check {self.check.name or self.suggested} of table {self.table}"


@dataclass(slots=True)
class Findings:
    """What was found in files so far.

    Attributes:
        tables: The tables of the branch.
        source: Of which file the checks are that are found now, as checks keep it.
        checks: The checks.
        refused: Rules that no check can hold.
        absent: Rules about tables that the branch does not have.
        errors: What is wrong.
        notes: What the user is told that is in a file and is no rule about rows.
    """

    tables: KnownTables
    source: str = ""
    checks: list[FoundCheck] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    absent: list[CatalogError] = field(default_factory=list)
    errors: list[CatalogError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Keeps what is wrong with a part of a file, so that all of it is told at once."""
        try:
            yield
        except RuleRefusedError as error:
            self.refused.append(str(error))
        except (InvalidInput, NotFound) as error:
            self.errors.append(error)

    def check_keys(self, entry: Entry, known: Sequence[str], what: str) -> None:
        """Notes keys that nobody knows: one that is misspelt would hide a rule."""
        from catalog.flow.check_sources.entry import unknown_keys

        for inner, advice in unknown_keys(entry, known):
            key = inner.name.rpartition(".")[2]
            self.errors.append(inner.error(f"unknown key {key!r} of {what}", hint=advice))

    def table(self, entry: Entry, what: str, *names: str) -> KnownTable | None:
        """Returns the table that a part of a file is about; None, and noted, if it is not there.

        Args:
            entry: The part.
            what: What it is, for messages: ``model orders``.
            names: What the table may be called; the first that is there counts.
        """
        found = self.tables.find(*names)
        if found is None:
            tried = " or ".join(repr(name) for name in dict.fromkeys(names))
            self.absent.append(
                NotFound(
                    f"{entry.place}: {what}: there is no table {tried}",
                    kind=ErrorKind.TABLE_NOT_FOUND,
                    hint=self.tables.nearest(names[0]),
                )
            )
        return found

    def add(self, table: KnownTable, rule: Rule, entry: Entry) -> None:
        """Takes a rule as a check.

        Raises:
            InvalidInput: It is not valid, whatever the table.
            NotFound: A column is not there.
        """
        columns = tuple(
            column_of(table, name, entry, what=self._label(rule)) for name in rule.columns
        )
        suggested = rule.suggested or suggested_name(rule.kind, columns)
        check = Check(
            rule.name or suggested,
            rule.kind,
            columns=columns,
            where=rule.where,
            severity=rule.severity,
            error_if=rule.error_if,
            warn_if=rule.warn_if,
            parameters=rule.parameters,
            source=self.source,
        )
        try:
            check = valid_check(check)
        except InvalidInput as error:
            raise entry.error(error.message, hint=error.advice) from error
        self.checks.append(FoundCheck(table.name, replace(check, name=rule.name), suggested, entry))

    def _label(self, rule: Rule) -> str:
        return f"check {rule.name or rule.suggested or suggested_name(rule.kind, rule.columns)}"


def column_of(table: KnownTable, name: str, entry: Entry, *, what: str) -> str:
    """Returns a column as its table spells it.

    Raises:
        NotFound: There is none of that name.
    """
    found = table.column(name)
    if found is None and table.column(name.partition(".")[0]) is not None:
        return name  # a field of a struct, which is looked for with its type
    if found is None:
        from difflib import get_close_matches

        near = get_close_matches(name, table.columns, n=1)
        raise NotFound(
            f"{entry.place}: {what}: table {table.name!r} has no column {name!r}",
            kind=ErrorKind.COLUMN_NOT_FOUND,
            hint=f"did you mean {near[0]}?" if near else "",
        )
    return found


def suggested_name(kind: str, columns: Sequence[str]) -> str:
    """Returns a name for a check that has none: its kind and its columns.

    Example:
        >>> suggested_name("not_null", ["order id"])
        'not_null_order_id'
    """
    words = [str(kind), *columns]
    text = "_".join("".join(c if _is_plain(c) else "_" for c in word) for word in words)
    return text[:LONGEST_SUGGESTED]


LONGEST_SUGGESTED = 120
"""Characters: what is added to it to tell two apart still fits into the name of a check."""


def _is_plain(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in "_.-")


def named(
    found: Sequence[FoundCheck], own: Mapping[str, Mapping[str, str]], taken: Mapping[str, set[str]]
) -> tuple[list[FoundCheck], list[CatalogError]]:
    """Gives names to the checks that have none, and finds names that are there twice.

    A check keeps the name under which it was taken over before, whatever is added around it. Of two
    that would be called alike, the second gets a part of its digest behind its name.

    Args:
        found: The checks.
        own: The names of the checks that were taken over from the same files before, by table and
            source with digest.
        taken: By table, the names of checks of other files.

    Returns:
        The checks with their names, and what is wrong.
    """
    errors: list[CatalogError] = []
    names: dict[tuple[str, str], FoundCheck] = {}
    same: dict[tuple[str, str, str], FoundCheck] = {}
    unnamed = []
    for one in sorted(found, key=lambda one: not one.check.name):
        twice = same.setdefault((one.table, one.check.source, one.check.digest), one)
        if not one.check.name:
            if twice is one:  # what is stated twice is one check
                unnamed.append(one)
        elif (other := names.setdefault((one.table, one.check.name), one)) is not one:
            errors.append(one.entry.error(f"{one.label} has a name used at {other.entry.place}"))
    for one in unnamed:
        before = own.get(one.table, {}).get(one.check.source + one.check.digest, "")
        before = before if before.startswith(one.suggested) else ""
        digest = one.check.digest.rpartition(":")[2][:8]
        for name in (before, one.suggested, f"{one.suggested}_{digest}"):
            if name and (name == before or name not in taken.get(one.table, set())):
                if (one.table, name) in names:
                    continue
                names[one.table, name] = replace(one, check=replace(one.check, name=name))
                break
        else:
            errors.append(one.entry.error(f"{one.label} has no name of its own; give it one"))
    return list(names.values()), errors
