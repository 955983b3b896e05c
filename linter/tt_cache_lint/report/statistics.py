"""`--statistics`: how many findings each rule has, instead of the findings."""

from __future__ import annotations

from collections import defaultdict

from tt_cache_lint.model import Confidence, Finding, Run
from tt_cache_lint.report import View
from tt_cache_lint.report.safe import guarded, visible
from tt_cache_lint.report.summary import plural, tally, unfinished, withheld


def render(run: Run, view: View) -> str:
    """One line a rule, most findings first, and the summary."""
    by_rule: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in run.findings:
        by_rule[finding.id, finding.rule].append(finding)
    wide = max((len(rule) for _, rule in by_rule), default=0)
    lines = []
    for (id_, rule), found in sorted(by_rule.items(), key=lambda item: (-len(item[1]), item[0])):
        factories = len({finding.factory for finding in found if finding.factory})
        sure = sum(finding.confidence is Confidence.CERTAIN for finding in found)
        where = f", in {plural(factories, 'factory')}" if factories else ""
        lines.append(f"{len(found):5}  {id_}  {rule:{wide}}  {_severities(found):7}  {sure} certain{where}")
    left = unfinished(run)
    for problem in run.problems:
        lines.append(f"problem {visible(problem.path)}: {visible(problem.message)}")
    lines += [tally(run), *([visible(left)] if left else []), *withheld(run)]
    return guarded("".join(f"{line}\n" for line in lines))


def _severities(found: list[Finding]) -> str:
    return "/".join(dict.fromkeys(finding.severity.value for finding in found))
