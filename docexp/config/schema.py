"""What a run's configuration consists of, as typed fields. Imports no torch."""

from dataclasses import dataclass, field
from typing import Any

from docexp.inputs.settings import PageSettings
from docexp.models.settings import ModelSettings
from docexp.objectives.settings import ObjectiveSettings
from docexp.runs.settings import DebugSettings, LoggerSettings, PathsSettings
from docexp.tasks.settings import TaskSettings
from docexp.training.settings import HardwareSettings, OptimSettings, TrainerSettings


@dataclass(kw_only=True)
class RunSettings:
    """One run, checked: every group as the instance of its dataclass.

    ``plain`` is the same as nested dicts with every default filled in: what is written to ``config.yaml`` and
    hashed into the identity.
    """

    experiment: str
    """The chosen ``conf/experiment/`` file, or ``custom``."""
    seed: int
    label: str
    model: ModelSettings
    task: TaskSettings
    objective: dict[str, ObjectiveSettings]
    """By name; none, unless the task is pretraining."""
    data: PageSettings
    optim: OptimSettings
    trainer: TrainerSettings
    hardware: HardwareSettings
    logger: LoggerSettings
    paths: PathsSettings
    debug: DebugSettings
    plain: dict[str, Any] = field(repr=False)


GROUPS: dict[str, type] = {
    "model": ModelSettings,
    "task": TaskSettings,
    "data": PageSettings,
    "optim": OptimSettings,
    "trainer": TrainerSettings,
    "hardware": HardwareSettings,
    "logger": LoggerSettings,
    "paths": PathsSettings,
    "debug": DebugSettings,
}
"""Each group and the dataclass that its node's ``_target_`` must be, or be a subclass of."""
