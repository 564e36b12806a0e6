"""``docexp study plan``."""

from collections.abc import Sequence

from rich.console import Console

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.verbs.study_commands.common import Asked, read_words, refuse_absent_data


def run(words: Sequence[str], project: Project) -> int:
    """Says what exists and what is missing."""
    from docexp.studies.plan import make_plan
    from docexp.studies.say_plan import plan_lines
    from docexp.studies.size import size_lines

    asked = read_words(words, "plan")
    speed = _speed(asked)
    try:
        refuse_absent_data(asked, project)
    except DocexpError:
        # what is wanted depends on the study alone, what exists on the data
        for line in size_lines(asked.file, asked.study.at(asked.scale), project, asked.given, speed):
            print(line)
        raise
    plan = make_plan(asked.file, asked.study, asked.scale, project, asked.given)
    console = Console(highlight=False, soft_wrap=True)
    for line in plan_lines(plan, speed):
        console.print(line, markup=False)
    return 0


def _speed(asked: Asked) -> float | None:
    given = asked.split.arguments.get("speed")
    if given is None:
        return None
    try:
        speed = float(given)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise DocexpError(f"speed={given} must be a number above 0: pages per second of training")
    return speed
