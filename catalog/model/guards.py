"""Guards: what a snapshot may do to a table, in two settings; each is short for a contract."""

import difflib
from collections.abc import Mapping
from typing import Literal, TypeAlias, TypedDict, get_args

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.contract_reading import stated_most
from catalog.model.contracts import EVERY, STRUCTURE, TYPE_WIDENED, Contract, Most, TableLimits
from catalog.model.ids import excerpt

GUARD = "guard"
"""The name of the contract that a guard is short for."""

SchemaGuard: TypeAlias = Literal["strict", "widen", "any"]
"""What may become of the columns: nothing; new ones and types that hold all values of before; or
anything."""

SCHEMA_GUARDS: tuple[SchemaGuard, ...] = get_args(SchemaGuard)

_PERMITTED: Mapping[SchemaGuard, tuple[str, ...]] = {
    "strict": (),
    "widen": ("column_added", TYPE_WIDENED),
    "any": STRUCTURE,
}

_ANYTHING = dict.fromkeys(
    (
        "may_replace",
        "may_change_keys",
        "may_change_partitioning",
        "may_change_definitions",
        "may_change_checks",
    ),
    (EVERY,),
)
"""What else a guard permits that lets the schema become anything."""


class GivenGuard(TypedDict, total=False):
    """A guard as Python states it: ``{"schema": "strict", "max_loss": "5%"}``."""

    schema: SchemaGuard
    max_loss: str | int


@dataclass(frozen=True, slots=True)
class Guard:
    """What a snapshot may do to a table; None: nothing is said.

    Attributes:
        schema: What may become of its columns, key and partitioning.
        max_loss: How many rows it may have less than before, or which share of them.
    """

    schema: SchemaGuard | None = None
    max_loss: Most | None = None

    @property
    def limits_nothing(self) -> bool:
        """Returns whether every snapshot passes."""
        lossless = self.max_loss is not None and self.max_loss.limited
        return self.schema in (None, "any") and not lossless

    def over(self, other: "Guard") -> "Guard":
        """Returns this guard, and what another says where this one says nothing."""
        loss = other.max_loss if self.max_loss is None else self.max_loss
        return Guard(self.schema or other.schema, loss)

    def contract(self, table: str) -> Contract:
        """Returns the contract that it is short for, about a table."""
        schema = self.schema or "any"
        limits = {} if self.max_loss is None else {table: TableLimits(max_loss=self.max_loss)}
        return Contract(
            GUARD,
            schema_changes=_PERMITTED[schema],
            permissions=_ANYTHING if schema == "any" else {},
            table=limits,
        )


def read_guard(given: object, *, source: str = "the guard") -> Guard:
    """Reads a guard from what somebody stated.

    Args:
        given: The settings by name.
        source: What states them, for messages.

    Raises:
        InvalidInput: A setting or its value is not valid.
    """
    if not isinstance(given, Mapping):
        raise _invalid(
            f"{source} must be settings by name, not {excerpt(given)}",
            'e.g. {"schema": "strict", "max_loss": "5%"}',
        )
    for name in given:
        if name not in ("schema", "max_loss"):
            raise _invalid(
                f"{source} has no setting {excerpt(name)}", "there are: schema, max_loss"
            )
    schema, loss = given.get("schema"), given.get("max_loss")
    return Guard(
        None if schema is None else schema_guard(schema, name=f"{source}: schema"),
        None if loss is None else most_lost(loss, name=f"{source}: max_loss"),
    )


def schema_guard(stated: object, *, name: str) -> SchemaGuard:
    """Reads what may become of the columns, stated under a name.

    Raises:
        InvalidInput: It is none of the choices.
    """
    for known in SCHEMA_GUARDS:
        if stated == known:
            return known
    near = difflib.get_close_matches(str(stated), SCHEMA_GUARDS, n=1)
    raise _invalid(
        f"{name} must be strict, widen or any, not {excerpt(stated)}",
        f"did you mean {near[0]}?"
        if near
        else "strict allows no change of columns, widen those that lose nothing, any all",
    )


def most_lost(stated: object, *, name: str) -> Most:
    """Reads how many rows may be lost, stated under a name: a number, ``5%``, or ``any``.

    Raises:
        InvalidInput: It is none of these.
    """
    try:
        return stated_most(stated, name=name)
    except InvalidInput as error:
        raise _invalid(
            error.message, "5% is a share of the rows before, 100 a number of rows, any no limit"
        ) from error


def _invalid(message: str, hint: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_CONTRACT, hint=hint)
