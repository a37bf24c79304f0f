"""Finds by which columns the rows of a MERGE's source are matched with those of its target."""

from sqlglot import exp

from catalog.query.parse.conjuncts import NAMED_PARTS, conjuncts, has_other_parts, wants_unmatched
from catalog.query.parse.keywords import fold
from catalog.query.parse.statements import MergeSource
from catalog.query.parse.table_references import Reader


def merge_source(root: exp.Expr, reader: Reader) -> MergeSource | None:
    """Reads the source of a MERGE whose target rows matter only where the source has a match.

    It is None if it is not plain enough, no column must be equal, or rows of the target without a
    match are asked for.
    """
    if not isinstance(root, exp.Merge) or wants_unmatched(root):
        return None
    target, source = root.this, root.args.get("using")
    if not isinstance(target, exp.Table) or not isinstance(source, (exp.Table, exp.Subquery)):
        return None
    given = source.args.get("alias")
    if has_other_parts(source, NAMED_PARTS):
        return None
    if isinstance(given, exp.TableAlias) and given.args.get("columns"):
        return None
    named = given.this if isinstance(given, exp.TableAlias) else source.this
    if not isinstance(named, exp.Identifier):
        return None
    alias = reader.name_of(named)
    left, right = fold(target.alias_or_name), fold(source.alias_or_name)
    matches: list[tuple[str, str]] = []
    for identifier in root.args.get("using_cond") or ():
        name = reader.name_of(identifier)
        matches.append((name, name))
    condition = root.args.get("on")
    for equality in conjuncts(condition) if isinstance(condition, exp.Expr) else ():
        if type(equality) is not exp.EQ or left == right:
            continue
        both = (equality.this, equality.expression)
        sides = {fold(side.table): side for side in both if _is_column(side)}
        if left in sides and right in sides:
            matches.append((reader.name_of(sides[left].this), reader.name_of(sides[right].this)))
    return MergeSource(alias, tuple(matches)) if matches else None


def _is_column(node: object) -> bool:
    return (
        type(node) is exp.Column
        and type(node.this) is exp.Identifier
        and bool(node.table)
        and not node.args.get("db")
    )
