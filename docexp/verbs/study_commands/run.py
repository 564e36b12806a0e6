"""``docexp study run``."""

from collections.abc import Sequence

from rich.console import Console

from docexp.config.project import Project
from docexp.verbs.study_commands.common import read_words


def run(words: Sequence[str], project: Project) -> int:
    """Makes what is missing."""
    from docexp.config.compose import compose
    from docexp.studies.needs import needed, prepare
    from docexp.studies.plan import make_plan
    from docexp.studies.run import StudyRun
    from docexp.studies.sweep import launcher_of

    asked = read_words(words, "run")
    launcher = launcher_of(compose(asked.launcher, project))
    prepare(asked.file, needed(asked.study.at(asked.scale), project, asked.given), project)
    plan = make_plan(asked.file, asked.study, asked.scale, project, asked.given)
    console = Console(highlight=False, soft_wrap=True)
    return StudyRun(plan, launcher, console, "--again" in asked.split.flags).go()
