"""``docexp data check``."""

from collections.abc import Sequence

from docexp.config.project import Project
from docexp.inputs.settings import DataSettings
from docexp.verbs.data_commands.common import counting, data_settings, split_command, whole_number


def run(words: Sequence[str], project: Project) -> int:
    """All faults of a set of shards; exit status 1 when there are any."""
    from docexp.runs.resolve import open_index
    from docexp.shards.check import Expected, check

    split = split_command(words, "check")
    data = data_settings(split.overrides, project, "check")
    jobs = whole_number(split, "jobs", 1)
    index = open_index(data)
    with counting(str(index.folder)) as count:
        findings = check(index, count, expected=Expected(data.labels, data.outside_labels, _declared(data)), jobs=jobs)
    faults = sum(finding.fault for finding in findings)
    for finding in findings:
        print(f"{'fault' if finding.fault else 'note'}: {finding.text}")
    print(f"{index.folder}: {_count(len(index), 'page')} checked, {_summary(faults, len(findings) - faults)}")
    return 1 if faults else 0


def _declared(data: DataSettings) -> dict[str, tuple[str, ...]]:
    return dict(data.reader.annotations) if data.reader else {}


def _summary(faults: int, notes: int) -> str:
    return f"{_count(faults, 'fault')}, {_count(notes, 'note')}"


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
