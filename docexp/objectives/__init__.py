"""Pretraining: what is corrupted, what is predicted, and the losses. The task of a run that has objectives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from docexp.errors import DocexpError
from docexp.inputs.settings import PageSettings
from docexp.objectives.order import skill_name
from docexp.objectives.settings import ObjectiveSettings
from docexp.settings import AtLeast1
from docexp.tasks.settings import Given, TaskSettings

if TYPE_CHECKING:
    from docexp.objectives.pretraining import Corruption, Pretraining
    from docexp.shards.index import Index


@dataclass(kw_only=True)
class PretrainingSettings(TaskSettings):
    """Pretraining: the sum of the objectives that ``objective=[…]`` chooses."""

    scored: AtLeast1 = 1000
    """Pages of the held-out split that a validation and the run's score take, spread evenly over it."""
    objectives: Mapping[str, ObjectiveSettings] = field(default_factory=dict, init=False)
    """By name; what composes the configuration puts them here."""

    @property
    def needs(self) -> frozenset[str]:
        """What any of them needs."""
        return frozenset[str]().union(*(objective.needs for objective in self.objectives.values()))

    @property
    def annotations(self) -> frozenset[str]:
        """What any of them needs."""
        return frozenset[str]().union(*(objective.annotations for objective in self.objectives.values()))

    @property
    def primary_metric(self) -> str:
        """The mean of the objectives' skill, named for them: over other objectives it is another score."""
        return skill_name(self.objectives)

    @property
    def scored_splits(self) -> tuple[str, ...]:
        """Without a test split, as pretraining corpora are, what was held out."""
        return ("test", "validation", "minival")

    @property
    def scored_pages(self) -> int | None:
        """``scored``: the held-out pages of a pretraining corpus may be a million."""
        return self.scored

    def targets(self, given: Given) -> "Corruption":
        """Pages to corrupted windows."""
        from docexp.objectives.pretraining import Corruption

        return Corruption(tuple((name, self.objectives[name].corruptor(name, given)) for name in self.order))

    def build(self, given: Given, hidden_size: int) -> "Pretraining":
        """Heads and losses."""
        from docexp.objectives.pretraining import Pretraining

        built = {name: self.objectives[name].build(name, given, hidden_size) for name in self.order}
        return Pretraining(built, {name: self.objectives[name].weight for name in self.order})

    @property
    def order(self) -> list[str]:
        """The names in the order in which the objectives corrupt."""
        from docexp.objectives.order import running_order

        return running_order(self.objectives)

    def check_data(self, data: PageSettings, indices: "Sequence[Index]", patch_grid: int | None) -> None:
        """Every objective can be trained on the data."""
        for name in self.order:
            try:
                self.objectives[name].check_data(data, indices, patch_grid)
            except DocexpError as error:
                raise DocexpError(f"objective {name}: {error}") from None

    def protocol(self, given: Given) -> dict[str, str]:
        """Every objective in words, and the tokenizer: how hard a token is to guess depends on how many there are."""
        tokens = f"{given.tokenizer.vocab_size:,} tokens, {given.tokenizer.checksum[:8]}"
        return {**{name: self.objectives[name].protocol() for name in self.order}, "tokenizer": tokens}
