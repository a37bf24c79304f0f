"""What a publication did, for each table."""

from collections.abc import Mapping

from catalog.dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """What was done for a table.

    Attributes:
        table: Its name.
        location: Where readers find it.
        versions: Versions that were written.
        version: The number of the newest.
        commit: The commit that it shows.
        rows: Rows that it has.
        files_shared: Files that were linked, or copied as they are.
        files_rewritten: Files that were written anew, since readers would not read them rightly.
        passed_over: Commits that have no version, and why: their data files are gone, or the
            format cannot say what they hold.
    """

    table: str
    location: str
    versions: int
    version: int
    commit: str
    rows: int
    files_shared: int
    files_rewritten: int
    passed_over: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What a publication did.

    Attributes:
        branch: The branch.
        commit: Where it was; tables may show later ones, if it was moved meanwhile.
        format: The format.
        target: Where it was published.
        tables: What was done for each table, by name.
    """

    branch: str
    commit: str
    format: str
    target: str
    tables: tuple[PublishedTable, ...]
