"""What gates recorded with the commits of a branch, which need not be found out again."""

from catalog.errors import CorruptData
from catalog.model.judgement import judgement_from_json
from catalog.operations.checks.known import KnownResult
from catalog.repository.commits import Commits

MOST_COMMITS = 20
"""Commits that are looked at, from the head down: what was judged last is what helps."""


def recorded_results(commits: Commits, head: str) -> list[KnownResult]:
    """Returns what checks found on the commits that lead to a head, the newest first.

    Those that could not be run tell nothing.
    """
    found: list[KnownResult] = []
    at: str | None = head
    for _ in range(MOST_COMMITS):
        if at is None:
            break
        commit = commits.read(at)
        if commit.gate is not None:
            try:
                results = judgement_from_json(commit.gate).checks
            except CorruptData:  # of a newer release; it is found out again
                results = ()
            found += [KnownResult(at, one) for one in results if one.status != "broken"]
        at = commit.parents[0] if commit.parents else None
    return found
