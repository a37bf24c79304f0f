"""GROUP BY: groups lie within partitions if one of their keys carries the partition value."""

from collections.abc import Iterator

from sqlglot import exp

from catalog.flow.partitionwise.carry import Carry
from catalog.flow.partitionwise.expressions import carried, check, unwrapped
from catalog.flow.partitionwise.projection import Projection
from catalog.flow.partitionwise.prover import Place
from catalog.flow.partitionwise.refusal import Refused, refuse_others, shown

_Keys = list[Carry | None]

_NONE: _Keys = []


def check_groups(select: exp.Select, result: Projection, place: Place) -> None:
    """Refuses groups that may span partitions.

    Args:
        select: The SELECT, which has aggregates, GROUP BY or HAVING.
        result: Its select list.
        place: Where names mean the columns below the groups.

    Raises:
        Refused: No key that every group has carries the partition value.
    """
    group = select.args.get("group")
    split = place.scope.rows.split
    if group is None:
        if split:
            found = (one.contents.aggregate for one in result.columns)
            node = next((one for one in found if one is not None), select)
            raise Refused("an aggregate without GROUP BY is over all partitions together", node)
        return
    refuse_others(group, frozenset({"expressions", "all"}), "GROUP BY")
    if group.args.get("all"):
        plain: _Keys = [one.column.carry for one in result.columns if not one.contents.aggregate]
        always, sometimes = plain, _NONE
    else:
        always, sometimes = _keys(group, result, place)
    if not split:
        return
    texts = {carry.text for carry in always if carry is not None}
    if any(carry is not None and carry.text not in texts for carry in sometimes):
        raise Refused("a partition column is in some of the GROUPING SETS, not in all", group)
    if not any(place.prover.fixes(carry) for carry in always):
        raise Refused("GROUP BY has no key that is a partition column", group)


def _keys(group: exp.Group, result: Projection, place: Place) -> tuple[_Keys, _Keys]:
    """Returns what the keys carry that all groups have, and those that only some have."""
    always: _Keys = []
    sometimes: _Keys = []
    for key in group.expressions:
        if isinstance(key, exp.GroupingSets):
            sets = [_in_set(one, result, place) for one in key.expressions]
            for n, one in enumerate(sets):
                others = sets[:n] + sets[n + 1 :]
                for carry in one:
                    text = carry and carry.text
                    everywhere = all(any(c and c.text == text for c in o) for o in others)
                    (always if everywhere else sometimes).append(carry)
        elif isinstance(key, (exp.Rollup, exp.Cube)):
            sometimes += _below(key, result, place)
        else:
            always.append(_key(key, result, place))
    return always, sometimes


def _in_set(node: exp.Expr, result: Projection, place: Place) -> _Keys:
    """Returns what the keys of one of the GROUPING SETS carry."""
    if isinstance(node, (exp.Rollup, exp.Cube, exp.GroupingSets)):
        raise Refused(f"{shown(node)} within GROUPING SETS has no rule", node)
    keys = node.expressions if isinstance(node, exp.Tuple) else [unwrapped(node)]
    return [_key(key, result, place) for key in keys]


def _below(node: exp.Expr, result: Projection, place: Place) -> _Keys:
    """Returns what the keys of ROLLUP or CUBE carry; composite ones count one by one."""
    return [_key(key, result, place) for one in node.expressions for key in _single(one)]


def _single(node: exp.Expr) -> Iterator[exp.Expr]:
    yield from node.expressions if isinstance(node, exp.Tuple) else [node]


def _key(node: exp.Expr, result: Projection, place: Place) -> Carry | None:
    """Returns what a key carries: a column, a number of the select list, an alias."""
    key = unwrapped(node)
    if isinstance(key, exp.Literal) and not key.is_string:
        place.prover.seen.add(id(key))
        number = int(key.name) if key.name.isdecimal() and len(key.name) < 6 else 0
        return result.at(number, key).column.carry
    contents = check(node, place)
    if contents.aggregate is not None or contents.window or contents.unnest:
        raise Refused(f"{shown(node)} in GROUP BY has no rule", node)
    return carried(node, place)
