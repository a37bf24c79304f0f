"""What a statement may be given as the values of its parameters."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Parameters: TypeAlias = Sequence[object] | Mapping[str, object] | None
"""Values for ``?`` by position, or for ``$name`` by name."""
