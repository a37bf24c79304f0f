"""The tables that a branch has, as far as rules need to know them."""

from collections.abc import Callable, Mapping

from catalog.dataclasses import dataclass
from catalog.engine.quoting import identifier
from catalog.model.types import DataType


@dataclass(frozen=True, slots=True)
class KnownTable:
    """A table.

    Attributes:
        name: Its name, as the branch spells it.
        columns: The types of its columns, by name.
    """

    name: str
    columns: Mapping[str, DataType]

    @property
    def sql(self) -> str:
        """Returns its name in SQL."""
        return ".".join(map(identifier, self.name.split(".")))

    def column(self, name: str) -> str | None:
        """Returns a column as the table spells it, None if it has none of that name."""
        if name in self.columns:
            return name
        found = [one for one in self.columns if one.casefold() == name.casefold()]
        return found[0] if len(found) == 1 else None


class KnownTables:
    """The tables of a branch; one is opened only if a rule names it."""

    def __init__(
        self,
        names: Mapping[str, str],
        load: Callable[[str], Mapping[str, DataType]],
        *,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        """Takes what there is.

        Args:
            names: The tables as the branch spells them, by their names in lower case.
            load: Returns the types of the columns of a table.
            renamed: Tables by the names that files give them instead.
        """
        self._names = names
        self._load = load
        self._renamed = {name.casefold(): table for name, table in (renamed or {}).items()}
        self._loaded: dict[str, KnownTable] = {}

    def find(self, *names: str) -> KnownTable | None:
        """Returns the first table of some names that is there, None if none is.

        What the user said that a name means comes first.
        """
        said = [self._renamed[n.casefold()] for n in names if n.casefold() in self._renamed]
        for name in said or names:
            spelled = self._names.get(name.casefold())
            if spelled is not None:
                if spelled not in self._loaded:
                    self._loaded[spelled] = KnownTable(spelled, self._load(spelled))
                return self._loaded[spelled]
        return None

    def nearest(self, name: str) -> str:
        """Returns a hint with a table whose name is like another; empty if none is."""
        from difflib import get_close_matches

        near = get_close_matches(name.casefold(), self._names, n=1)
        return f"did you mean {self._names[near[0]]}?" if near else ""
