"""``docexp data check``."""

from collections.abc import Sequence

from docexp.config.project import Project
from docexp.verbs.data_commands.common import counting, opened


def run(words: Sequence[str], project: Project) -> int:
    """All faults of a set of shards; exit status 1 when there are any."""
    from docexp.shards.check import check

    index = opened(words, project, "check")
    with counting(str(index.folder)) as count:
        findings = check(index, progress=count)
    faults = sum(finding.fault for finding in findings)
    for finding in findings:
        print(f"{'fault' if finding.fault else 'note'}: {finding.text}")
    print(f"{index.folder}: {len(index):,} pages checked, {faults} faults, {len(findings) - faults} notes")
    return 1 if faults else 0
