"""How large a study is, told without its data: runs, steps and pages, but no identities."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.studies.cost import Cost
from docexp.studies.say_plan import cost_words
from docexp.studies.settings import StudySettings
from docexp.studies.templates import Template
from docexp.studies.words import Speller


def size_lines(
    file: Path, study: StudySettings, project: Project, given: Sequence[str], speed: float | None
) -> Iterator[str]:
    """A line for every stage, and one for all of it.

    Args:
        file: the study's, for refusals.
        study: at its scale.
        project: where choices are looked up.
        given: words of the command line that hold for every run.
        speed: pages per second; None where nobody assumes one.

    Raises:
        DocexpError: a run that is not valid.
    """
    runs = _runs(file, study, project, given)
    steps = pages = 0
    for stage, templates in runs.items():
        own = [template.settings.trainer for template in templates]
        steps += sum(trainer.max_steps for trainer in own)
        pages += sum(trainer.max_steps * trainer.global_batch for trainer in own)
        kinds = dict.fromkeys(f"{trainer.max_steps:,} steps of {trainer.global_batch}" for trainer in own)
        yield f"  {stage:10} {len(own)} runs: {', '.join(kinds)}"
    seconds = pages / speed if speed else None
    yield f"in all {cost_words(Cost(steps, pages, seconds, {}), speed)}"


def _runs(file: Path, study: StudySettings, project: Project, given: Sequence[str]) -> dict[str, list[Template]]:
    """By stage, the template of every run; those of equal words, seeds and upstream count once."""
    speller, chain = Speller(study, project, given), study.chain()
    known: dict[tuple[str, ...], Template] = {}
    found: dict[str, dict[tuple[object, ...], Template]] = {stage: {} for stage in chain}
    for task, row in itertools.product(study.tasks, study.rows):
        for seeds in itertools.product(*(study.seeds[stage] for stage in chain)):
            key: tuple[object, ...] = ()
            for stage, seed in zip(chain, seeds, strict=True) if row not in study.tasks[task].skip else ():
                words = tuple(speller.words(stage, row, task))
                if words not in known:
                    try:
                        known[words] = Template.of(words, project, str(file), label=False, weights=bool(key))
                    except DocexpError as error:
                        raise DocexpError(f"{file}, row {row}, stage {stage}, task {task}: {error}") from None
                key = (words, seed, key)
                found[stage][key] = known[words]
    return {stage: list(templates.values()) for stage, templates in found.items()}
