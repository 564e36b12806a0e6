"""``docexp study cancel``."""

from collections.abc import Sequence

from docexp.config.project import Project
from docexp.verbs.study_commands.common import read_words, refuse_absent_data

PATIENCE = 60.0
"""Seconds given to runs to end their step and save."""


def run(words: Sequence[str], project: Project) -> int:
    """Ends what is running; 0 when nothing runs any more."""
    from docexp.studies.cancel import cancel
    from docexp.studies.plan import make_plan

    asked = read_words(words, "cancel")
    refuse_absent_data(asked, project)
    plan = make_plan(asked.file, asked.study, asked.scale, project, asked.given)
    going_on = cancel(plan, PATIENCE, print)
    print(f"{going_on} go on" if going_on else f"nothing runs; docexp study run {asked.typed} goes on from here")
    return 1 if going_on else 0
