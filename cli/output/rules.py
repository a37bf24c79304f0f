"""The rules of a branch, as lines and as JSON."""

import datetime
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from catalog.model.ages import age_text
from catalog.report.figures import plain

if TYPE_CHECKING:
    from catalog.model.refs import Branch
    from catalog.model.rules import BranchRules


def rules_lines(branch: "Branch", rules: "BranchRules") -> Iterator[str]:
    """Yields what a branch demands of changes, in words."""
    if branch.protected:
        yield f"branch {branch.name} is protected: it changes only by merge"
    else:
        yield f"branch {branch.name} is not protected"
        how = "judged like merges" if rules.direct else "not judged"
        if rules:
            yield f"  direct commits: {how}"
    for title, names in (
        ("required checks", rules.required),
        ("checks that may be allowed to fail", rules.may_fail),
        ("contracts", tuple(rules.contracts)),
        ("hooks", rules.hooks),
    ):
        if names:
            yield f"  {title}: {', '.join(map(plain, names))}"
    if rules.keep_seconds:
        age = age_text(datetime.timedelta(seconds=rules.keep_seconds))
        yield f"  data is kept for {age} at least"


def rules_json(branch: "Branch", rules: "BranchRules") -> Mapping[str, object]:
    """Returns the JSON form of a branch and its rules."""
    return {
        "branch": branch.name,
        "commit": branch.commit_id,
        "protected": branch.protected,
        "rules": {
            "judge_direct": rules.direct,
            "required": list(rules.required),
            "may_fail": list(rules.may_fail),
            "contracts": dict(rules.contracts),
            "hooks": list(rules.hooks),
            "keep_data_seconds": rules.keep_seconds or None,
        },
    }
