"""Wrong usage of the command line, and names that are nearly right."""

import difflib
from collections.abc import Iterable

from catalog.errors import CatalogError, ErrorKind


class UsageError(CatalogError):
    """The command line was used wrongly: see the help of the command."""

    default_kind = ErrorKind.USAGE


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns a hint: ``did you mean orders?``, else ``there are: …``, else an empty string."""
    names = list(known)
    folded = {one.casefold(): one for one in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=2, cutoff=0.55)
    if near:
        return f"did you mean {' or '.join(folded[one] for one in near)}?"
    if not names:
        return ""
    shown = ", ".join(names[:10])
    return f"there are: {shown}" + (", …" if len(names) > 10 else "")
