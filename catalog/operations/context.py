"""What every operation on an open catalog is given: the repository, an author, and a clock."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass, replace
from catalog.model.check_functions import CheckFunctions, no_functions
from catalog.model.hooks import Hooks, no_hooks
from catalog.model.texts import check_text
from catalog.repository.branches import Stamp
from catalog.repository.clock import Clock
from catalog.repository.history import merge_base, parting
from catalog.repository.repository import Repository
from catalog.repository.resolve import ResolvedRef
from catalog.storage.store import ObjectStore

if TYPE_CHECKING:
    from catalog.engine.executor import Executor
    from catalog.model.lineage import StoredLineage
    from catalog.repository.commit_writer import Description


@dataclass(frozen=True, slots=True)
class OperationContext:
    """An open catalog as operations see it.

    Attributes:
        repository: The stored objects.
        author: Who commits and moves branches.
        clock: Returns the current time, aware UTC.
        hooks: Returns the hooks of gates that may run.
        functions: Returns the Python checks that may run.
        is_trial: Whether what is written is seen by nobody else, and deleted.
        executor: What runs independent tasks of diffs, refreshes and checks; None: threads of this
            process run what runs side by side.
    """

    repository: Repository
    author: str
    clock: Clock
    hooks: Callable[[], Hooks] = no_hooks
    functions: Callable[[], CheckFunctions] = no_functions
    is_trial: bool = False
    executor: "Executor | None" = None

    def __post_init__(self) -> None:
        check_text(self.author, "the author")

    def resolve(self, ref: str) -> ResolvedRef:
        """Returns the commit that a ref expression means now.

        Raises:
            InvalidInput: The text is not a ref expression.
            NotFound: There is no such ref.
        """
        return self.repository.refs.resolve(ref, clock=self.clock)

    def merge_base(self, left: str, right: str) -> str:
        """Returns the id of the best common ancestor of two refs.

        Raises:
            NotFound: They have none.
        """
        ends = self.resolve(left).commit_id, self.resolve(right).commit_id
        return merge_base(self.repository.commits.read, *ends)

    def parting(self, left: str, right: str) -> str:
        """Returns the id of the best common ancestor of two refs, or that of the empty state."""
        ends = self.resolve(left).commit_id, self.resolve(right).commit_id
        return parting(self.repository.commits.read, *ends)

    def stamp(self, why: str) -> Stamp:
        """Returns a reflog entry of the author, now."""
        return Stamp(self.author, self.clock(), why)

    def describe(
        self,
        message: str,
        *,
        author: str | None = None,
        metadata: Mapping[str, str] | None = None,
        lineage: "Mapping[str, StoredLineage] | None" = None,
    ) -> "Description":
        """Returns what a commit made now says about itself.

        Args:
            message: The commit's message.
            author: Who made the change; None is the catalog's author.
            metadata: Free text by key.
            lineage: Where the tables it writes come from.
        """
        from catalog.repository.commit_writer import Description

        return Description(
            author=author or self.author,
            time=self.clock(),
            message=message,
            metadata=metadata or {},
            lineage=lineage or {},
        )

    def over(self, store: ObjectStore) -> "OperationContext":
        """Returns the same catalog, with what is written going to another store for a trial."""
        old = self.repository
        new = Repository(store, old.info, verify=old.verify, limits=old.limits)
        new.commits.visited = old.commits.visited
        return replace(self, repository=new, is_trial=True)


def default_author() -> str:
    """Returns the name of the user who runs this process."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
