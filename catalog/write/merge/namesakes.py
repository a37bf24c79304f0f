"""Tables of one name that two lines made apart, and that a merge made one."""

from catalog.repository.commits import Commits
from catalog.repository.history import first_parents, parting


def took_in(commits: Commits, name: str, *, at: str, other_id: str) -> bool:
    """Returns whether a table holds what another table of its name held, by an earlier merge.

    Two lines that each made a table of one name have two tables. Their merge brings the rows
    together in the table of ours. From then on, what happens to the other table on its line is
    news of the same rows, though its id remains another one. That is so only where both lines
    made the table; where one replaced the table that both had, the two have nothing in common.

    Args:
        commits: The commits.
        name: The table.
        at: The commit that has it.
        other_id: The id of the other table.
    """
    own_id = _table_id(commits, name, at)
    for logged in first_parents(commits.read, at):
        if name not in commits.entries(logged.id):
            return False
        ours, *others = logged.commit.parents or (logged.id,)
        for theirs in others:
            if (
                _table_id(commits, name, theirs) == other_id
                and _table_id(commits, name, logged.id) == own_id
                and name not in commits.entries(parting(commits.read, ours, theirs))
            ):
                return True
    return False


def _table_id(commits: Commits, name: str, commit_id: str) -> str | None:
    entry = commits.entries(commit_id).get(name)
    return None if entry is None else commits.table(entry).snapshot.table_id
