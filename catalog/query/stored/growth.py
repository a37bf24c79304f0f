"""Whether the values of a query can grow much beyond those stored.

DuckDB looks at its limits of time and memory between calls of functions, chunk by chunk. That is
enough while a chunk stays about as large as what it was made from. What can make it larger without
bound is counted here, in doublings: ``x || x`` doubles a text, and thirty of them in a row make a
gigabyte of a byte; ``SELECT *, *`` doubles the columns, a CTE that is read twice doubles the plan;
``repeat`` and ``range`` need no second step. The count is coarse and on the safe side: a query
beyond it runs, too, only elsewhere.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from catalog.dataclasses import dataclass
from catalog.engine.syntax_trees import Node

MOST = 20
"""Half doublings that a query may have: at worst, a value is 1024 times what it is made of, and an
expression that was followed through CTEs is made of 1024 columns."""

MOST_TABLES = 100
"""Tables, each as often as it is named, of a query that is planned in this process."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DOUBLING = _names(
    """
    array_to_string array_to_string_comma_default list_aggregate list_aggr array_aggregate
    array_aggr aggregate list_string_agg overlay list_zip array_zip hex to_hex bin to_binary base64
    to_base64 to_base url_encode regexp_escape to_json json_quote json_pretty json_object json_array
    row_to_json array_to_json json_merge_patch json_set json_insert json_replace strftime
    """
)
"""Functions whose result may be about twice as large as their arguments."""

_CONCATENATING = _names(
    """
    || concat concat_ws list_concat list_cat array_concat array_cat map_concat struct_concat
    """
)
"""Functions whose result is as long as their arguments together."""

_REPEATING = _names("list_value list_pack array_value row struct_pack map struct_insert")
"""Functions whose result may hold an argument several times."""

_COLLECTING = _names(
    """
    string_agg group_concat listagg list array_agg json_group_array json_group_object histogram
    histogram_exact approx_top_k bitstring_agg
    """
)
"""Aggregates that put the values of many rows into one."""

_CAPPED = _names("lpad rpad list_resize array_resize bar")
"""Functions whose results are as long as a number says, which may be a constant."""

_COUNTED = _names("range generate_series repeat bitstring equi_width_bins")
"""Functions that repeat as often as numbers say."""

_SPLITTING = _names(
    """
    string_split str_split split string_to_array string_split_regex str_split_regex
    regexp_extract_all regexp_split_to_array regexp_split_to_table
    """
)
"""Functions that make a list of a text, each element of which takes 16 bytes."""

_PATTERNED = _names("replace regexp_replace format printf")
"""Functions that put in a text, once or many times."""

_LARGEST = 10_000
"""Largest constant that counts as small."""

_LONGEST = 16
"""Longest constant text that counts as short."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How much larger than what is stored a query may become.

    Attributes:
        half_doublings: How often values, columns or the plan itself may double, twice.
        endless: Whether a single call may make anything of any size.
    """

    half_doublings: int
    endless: bool

    @property
    def is_bounded(self) -> bool:
        """Returns whether the limits of the engine suffice for the query."""
        return not self.endless and self.half_doublings <= MOST

    @property
    def is_analysable(self) -> bool:
        """Returns whether expressions and columns of the query stay few when they are followed."""
        return self.half_doublings <= MOST


def growth(root: Node) -> Growth:
    """Returns how much larger than what is stored a query may become."""
    points = growing = 0
    endless = gathers = False
    read, chained = Counter[str](), set[int]()
    for node, within_lambda in _expressions(root):
        kind = node.get("class", node.get("type"))
        name = str(node.get("function_name")).lower() if kind in ("FUNCTION", "WINDOW") else ""
        if kind == "LAMBDA":
            endless = endless or within_lambda or _captures(node)
        elif kind == "RECURSIVE_CTE_NODE" or name in _COLLECTING:
            gathers = True
        elif kind == "BASE_TABLE":
            read[str(node.get("table_name")).lower()] += 1
        elif kind == "SELECT_NODE":
            points += 2 * max(0, _stars(node) - 1)
        elif name in _CAPPED | _COUNTED | _PATTERNED:
            weight = _of_call(name, node)
            endless = endless or weight is None
            growing += weight or 0
        elif name in _SPLITTING:
            growing += 4
        elif name in _REPEATING:
            points += _joining(_arguments(node))
        elif name in _CONCATENATING and id(node) not in chained:
            growing += _joining(_chain(node, chained))
        elif name in _DOUBLING:
            growing += 2
    points += 2 * sum(read[name.lower()] - 1 for name in _ctes(root) if read[name.lower()])
    endless = endless or (gathers and growing > 0) or read.total() > MOST_TABLES
    return Growth(points + growing, endless)


def _stars(select: Node) -> int:
    """Returns how many stars are in a select list."""
    return sum(node.get("class") == "STAR" for node, _ in _expressions(select.get("select_list")))


def _joining(arguments: Sequence[object]) -> int:
    """Returns the half doublings of what puts some values into one; constants do not count."""
    values = sum(_constant(argument) is None for argument in arguments)
    return 2 * math.ceil(math.log2(values)) if values > 1 else 0


def _chain(node: Node, chained: set[int]) -> list[object]:
    """Returns what ``a || b || c`` puts together, and notes the calls within."""
    found: list[object] = []
    pending = _arguments(node)
    while pending:
        argument = pending.pop()
        if isinstance(argument, dict) and argument.get("function_name") == "||":
            chained.add(id(argument))
            pending.extend(_arguments(argument))
        else:
            found.append(argument)
    return found


def _ctes(root: Node) -> Iterator[str]:
    """Yields the names of CTEs: they are the keys of maps, written as lists of pairs."""
    for node, _ in _expressions(root):
        pairs = node.get("map")
        for pair in pairs if isinstance(pairs, list) else ():
            if isinstance(pair, dict):
                yield str(pair.get("key"))


def _of_call(name: str, node: Node) -> int | None:
    """Returns the half doublings of a call that depend on its arguments; None for any number."""
    constants = [_constant(argument) for argument in _arguments(node)]
    if name in _PATTERNED:
        text = constants[0] if name in ("format", "printf") else (constants[2:3] or [None])[0]
        return 8 if text is not None and len(text) <= _LONGEST and _is_plain(text) else None
    numbers = constants[1:2]
    if name in ("range", "generate_series", "equi_width_bins"):
        numbers = constants
    elif name == "bar":
        numbers = constants[3:4]
    small = bool(numbers) and all(
        number is not None and number.lstrip("-").isdecimal() for number in numbers
    )
    if not small or any(int(number or 0) > _LARGEST for number in numbers):
        return None
    if name == "repeat" and any(int(number or 0) > _LONGEST for number in numbers):
        return None
    return 8 if name == "repeat" else 2


def _is_plain(text: str) -> bool:
    """Returns whether a format has no number of more than two digits, and none from arguments."""
    run = 0
    for character in text:
        run = run + 1 if character.isdecimal() else 0
        if run > 2 or character == "*":
            return False
    return True


def _constant(argument: object) -> str | None:
    """Returns the text of a literal."""
    literal = argument.get("literal") if isinstance(argument, dict) else None
    text = literal.get("text") if isinstance(literal, dict) else None
    return text if isinstance(text, str) else None


def _arguments(node: Node) -> list[object]:
    """Returns the arguments of a call; ``x.f(y)`` has ``x``, which the tree takes for a schema."""
    found = node.get("arguments")
    pairs = found if isinstance(found, list) else []
    before = [None] if node.get("schema") or node.get("catalog") else []
    return [*before, *(pair.get("expression") for pair in pairs if isinstance(pair, dict))]


def _captures(node: Node) -> bool:
    """Returns whether a lambda uses anything but its parameters."""
    parameters = set(_first_names(node.get("lhs")))
    return any(name not in parameters for name in _first_names(node.get("expr")))


def _first_names(root: object) -> Iterator[str]:
    for node, _ in _expressions(root):
        names = node.get("column_names")
        if node.get("class") == "COLUMN_REF" and isinstance(names, list) and names:
            yield str(names[0]).lower()


def _expressions(root: object) -> Iterator[tuple[Node, bool]]:
    """Yields all objects of a tree, and whether they are within a lambda."""
    pending = [(root, False)]
    while pending:
        value, within = pending.pop()
        if isinstance(value, dict):
            yield value, within
            inside = within or value.get("class") == "LAMBDA"
            calls = value.get("type") == "TABLE_FUNCTION"
            for part, inner in value.items():
                if calls and part == "function" and isinstance(inner, dict):  # rows, not a value
                    pending.extend((argument, inside) for argument in _arguments(inner))
                else:
                    pending.append((inner, inside))
        elif isinstance(value, list):
            pending.extend((one, within) for one in value)
