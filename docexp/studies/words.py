"""The words of a study's runs: which overrides make the run of one row, task and stage."""

from collections.abc import Sequence
from dataclasses import dataclass

from docexp.config.project import OBJECTIVE, Project
from docexp.config.sources import read_yaml
from docexp.errors import DocexpError
from docexp.objectives import PretrainingSettings
from docexp.runs.identity import imported_schema
from docexp.studies.settings import ROW, TASK, StudySettings, key_of, merged

WEIGHTS = "model.weights"


@dataclass(frozen=True)
class Speller:
    """Spells out the runs of a study at one scale.

    Args:
        study: at its scale.
        project: where choices are looked up.
        given: words of the command line, which hold for every run.
    """

    study: StudySettings
    project: Project
    given: Sequence[str] = ()

    def words(self, stage: str, row: str, task: str) -> list[str]:
        """The run's overrides, without seed, label and weights.

        Raises:
            DocexpError: weights are set although another stage gives them.
        """
        own, kept = self.study.stages[stage], self.study.rows[row]
        last = stage == self.study.chain()[-1]
        about = self.study.tasks[task]
        experiment = (last and about.experiment) or own.experiment
        overrides = [word for word in kept.overrides if self.pretrains(stage, row, task) or not _of_objective(word)]
        words = merged(
            [f"experiment={experiment.replace(TASK, task).replace(ROW, row)}"],
            own.overrides,
            about.overrides if last else (),
            overrides,
            kept.stages.get(stage, ()),
            self.given,
        )
        named = next((word for word in words if key_of(word) == WEIGHTS), None)
        if named and own.upstream:
            raise DocexpError(f"{named}: the weights come from stage {own.upstream}. Leave one of them out.")
        return words

    def pretrains(self, stage: str, row: str, task: str) -> bool:
        """Whether a stage's task is pretraining, as its overrides or else its experiment's file says."""
        own = self.study.stages[stage]
        about = self.study.tasks[task]
        last = stage == self.study.chain()[-1]
        experiment = ((last and about.experiment) or own.experiment).replace(TASK, task).replace(ROW, row)
        typed = [word for words in (own.overrides, about.overrides if last else []) for word in words]
        chosen = [word.partition("=")[2] for word in typed if key_of(word) == "task"]
        defaults = {**self.project.defaults(), **self.project.defaults("experiment", experiment)}
        file = self.project.file("task", chosen[-1] if chosen else defaults.get("task", ""))
        target = read_yaml(file).get("_target_") if file else None
        return isinstance(target, str) and issubclass(imported_schema(target), PretrainingSettings)

    def refuse_idle_objectives(self) -> None:
        """Refuses a row whose objectives no stage would train on.

        Raises:
            DocexpError: names the row and the word.
        """
        for name, row in self.study.rows.items():
            word = next((word for word in row.overrides if _of_objective(word)), None)
            uses = (self.pretrains(stage, name, task) for stage in self.study.stages for task in self.study.tasks)
            if word and not any(uses):
                raise DocexpError(f"rows.{name}: {word} has no effect: no stage has task=pretraining. Leave it out.")


def _of_objective(word: str) -> bool:
    return key_of(word).partition(".")[0] == OBJECTIVE
