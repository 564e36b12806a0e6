"""Form tagging: every word of a page gets a BIO tag; scored as entities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docexp.errors import DocexpError, nearest
from docexp.inputs.settings import PageSettings
from docexp.settings import ShareBelow1
from docexp.tasks.settings import Given, TaskSettings

if TYPE_CHECKING:
    from docexp.shards.index import Index
    from docexp.tasks.tagging.targets import TaggingTargets
    from docexp.tasks.tagging.task import Tagging


@dataclass(kw_only=True)
class TaggingSettings(TaskSettings):
    """Semantic entity labelling as in the LayoutLM papers: BIO, first sub-word labelled, entity-level F1."""

    head_dropout: ShareBelow1 = 0.1
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

    def targets(self, given: Given) -> "TaggingTargets":
        """Pages to tag ids."""
        from docexp.tasks.tagging.targets import TaggingTargets

        return TaggingTargets(given.data.labels, given.data.outside_labels)

    def build(self, given: Given, hidden_size: int) -> "Tagging":
        """Classification head, cross-entropy and entity scores."""
        from docexp.tasks.tagging.task import Tagging

        return Tagging(given.data.labels, hidden_size, self.head_dropout)

    def check_data(self, data: PageSettings, indices: "Sequence[Index]", patch_grid: int | None) -> None:
        """Every entity label of the data is either scored or counts as outside."""
        del patch_grid
        if not data.labels:
            raise DocexpError("task tagging needs data.labels: the entity labels to score, as in data.labels=[a,b]")
        for index in indices:
            self._check_labels(data, index)

    def _check_labels(self, data: PageSettings, index: "Index") -> None:
        unknown = sorted(set(index.names("entities")) - {*data.labels, *data.outside_labels})
        if unknown:
            close = [near for label in unknown for near in nearest(label, sorted(set(data.labels) - set(unknown)))]
            raise DocexpError(
                f"{index.where} has entities labelled {', '.join(unknown)}, which data.labels "
                f"({', '.join(data.labels)}) do not name. Add them to data.labels or to data.outside_labels."
                + (f" Nearest: {close[0]}." if close else "")
            )

    def protocol(self, given: Given) -> dict[str, str]:
        """Box level, scheme and windows."""
        boxes = {"word": "word boxes", "line": "line boxes", "segment": "segment boxes (annotated entities)"}
        return {
            "boxes": boxes[given.data.box_level],
            "tags": "BIO, first sub-word",
            "labels": ", ".join(given.data.labels),
        }
