"""Arrow's functions without what importing ``pyarrow.compute`` takes.

That makes Python functions of three hundred, with signatures and documentation, on import, which
takes as long as a small diff; methods such as ``Array.take`` import it too. Here a function is
called by its name, and the module is imported once one of its own is wanted.
"""

from typing import TYPE_CHECKING, Any

import pyarrow as pa

try:
    from pyarrow._compute import CastOptions, call_function
except ImportError:  # it is not public; another release may have them elsewhere
    from pyarrow.compute import CastOptions, call_function

__all__ = ["call", "cast", "pc", "take"]

if TYPE_CHECKING:
    import pyarrow.compute as pc
else:

    class _Compute:
        """Stands for ``pyarrow.compute``."""

        def __getattr__(self, name):
            import pyarrow.compute

            return getattr(pyarrow.compute, name)

    pc = _Compute()


def call(name: str, *values: Any) -> Any:
    """Returns what a function of Arrow gives for arrays and scalars of Arrow, with its defaults."""
    return call_function(name, list(values))


def take(values: Any, places: pa.Array) -> Any:
    """Returns an array, a column or a table of the values at some places."""
    return call_function("take", [values, places])


def cast(values: Any, kind: pa.DataType) -> Any:
    """Returns an array, a column or a scalar as another type, if that loses nothing."""
    return call_function("cast", [values], CastOptions.safe(kind))
