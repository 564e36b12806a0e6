"""Form tagging: every word of a page gets a BIO tag; scored as entities."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docexp.inputs.settings import DataSettings
from docexp.tasks.settings import TaskSettings

if TYPE_CHECKING:
    from docexp.tasks.tagging.targets import TaggingTargets
    from docexp.tasks.tagging.task import Tagging


@dataclass(kw_only=True)
class TaggingSettings(TaskSettings):
    """Semantic entity labelling as in the LayoutLM papers: BIO, first sub-word labelled, entity-level F1."""

    head_dropout: float = 0.1
    """Dropout before the classification head."""

    @property
    def needs(self) -> frozenset[str]:
        """Hidden states of text tokens."""
        return frozenset({"text"})

    @property
    def annotations(self) -> frozenset[str]:
        """Entities."""
        return frozenset({"entities"})

    @property
    def primary_metric(self) -> str:
        """seqeval's default (conlleval) F1, the one the papers print."""
        return "entity_f1"

    def targets(self, data: DataSettings) -> "TaggingTargets":
        """Pages to tag ids."""
        from docexp.tasks.tagging.targets import TaggingTargets

        return TaggingTargets(data.labels, data.outside_labels)

    def build(self, data: DataSettings, hidden_size: int) -> "Tagging":
        """Classification head, cross-entropy and entity scores."""
        from docexp.tasks.tagging.task import Tagging

        return Tagging(data.labels, hidden_size, self.head_dropout)

    def protocol(self, data: DataSettings) -> dict[str, str]:
        """Box level, scheme and windows."""
        boxes = {"word": "word boxes", "line": "line boxes", "segment": "segment boxes (annotated entities)"}
        return {
            "boxes": boxes[data.box_level],
            "tags": "BIO, first sub-word",
            "labels": ", ".join(data.labels),
        }
