"""Fixes as Python programs give them."""

from collections.abc import Mapping, Sequence

from catalog.errors import ErrorKind, InvalidInput
from catalog.model.fix import Fix, Output, SqlText
from catalog.model.for_each import ForEach, for_each, listed_values
from catalog.model.texts import check_text, listed, path_text

Repetition = Mapping[str, str | Sequence[object]]
"""Values by variable: a range, list or query as one writes it, or the values themselves."""


def fix_of(
    fix: Fix | str | None,
    *,
    command: Sequence[str] = (),
    outputs: Mapping[str, str] | None = None,
    repetition: Repetition | None = None,
) -> Fix | None:
    """Returns the fix that arguments describe; None if they describe none.

    Raises:
        InvalidInput: They contradict each other, or one is not valid.
    """
    words = listed(command, "command")
    more = bool(words or outputs or repetition)
    if isinstance(fix, Fix):
        if more:
            raise InvalidInput("a Fix says itself what is run, and what for")
        return fix
    if fix is None and not words:
        if more:
            raise InvalidInput(
                "nothing is repeated: there is no fix", hint="give SQL as the fix, or a command"
            )
        return None
    if fix is not None:
        check_text(fix, "the fix")
    return Fix(
        sql=() if fix is None else (SqlText("", fix),),
        command=words,
        outputs=tuple(
            Output(table, path_text(place, "the output"))
            for table, place in (outputs or {}).items()
        ),
        variables=tuple(_variable(name, values) for name, values in (repetition or {}).items()),
    )


def _variable(name: str, values: str | Sequence[object]) -> ForEach:
    if isinstance(values, str):
        return for_each(f"{name}={values}")
    if not isinstance(values, Sequence | range) or None in values:
        raise InvalidInput(
            f"the values of {name} must be a text or a list, not {values!r}",
            kind=ErrorKind.NOT_TEXT,
        )
    return listed_values(name, [str(value) for value in values])
