"""``docexp study status``."""

from collections.abc import Sequence

from docexp.config.project import Project
from docexp.verbs.study_commands.common import read_words, refuse_absent_data


def run(words: Sequence[str], project: Project) -> int:
    """Says how far each run is."""
    from docexp.studies.on_cluster import jobs_in_words
    from docexp.studies.plan import make_plan
    from docexp.studies.status import status_lines

    asked = read_words(words, "status")
    refuse_absent_data(asked, project)
    plan = make_plan(asked.file, asked.study, asked.scale, project, asked.given)
    for line in status_lines(plan, jobs_in_words(plan)):
        print(line)
    return 0
