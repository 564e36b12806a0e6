"""Document classification in pretraining: LayoutLM's MDC."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from docexp.errors import DocexpError, nearest
from docexp.inputs.settings import PageSettings
from docexp.objectives.settings import ObjectiveSettings
from docexp.tasks.settings import Given

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docexp.objectives.objective import Corruptor, Objective
    from docexp.shards.index import Index

SHOWN = 20
"""Of many names, a refusal lists so many."""


@dataclass(frozen=True)
class _Labels:
    """What data say of a document, either way: the annotation, what an index counts, and how messages speak of it."""

    annotation: str
    counted: str
    fewest: int
    of_data: str
    plural: str
    made_by: str = ""


_LABELS = {
    "class": _Labels("document_class", "document_classes", 2, "pages of", "classes"),
    "tags": _Labels(
        "document_tags",
        "document_tags",
        1,  # one tag is there or not
        "documents with the tags",
        "tags",
        "Prepare the data again with data.reader.document_tags=FILE.",
    ),
}


@dataclass(kw_only=True)
class MDCSettings(ObjectiveSettings):
    """The model guesses the document's tags, each for itself, or the one class it is of. Nothing is corrupted.

    Source: LayoutLM (arXiv 1912.13318), "multi-label document classification" of ``[CLS]``, supervised by the tags
    that IIT-CDIP gives to a document; optional there. The loss of tags is chosen here, as no formula is in the facts at
    hand: a binary cross-entropy for each tag, their mean. A page without tags that were made, or without a class, has
    no target.

    Raises:
        DocexpError: a class is named twice.
    """

    of: Literal["class", "tags"] = field(default="class", metadata={"added_default": "class"})
    """What is guessed: which ``class`` a document is of, or which ``tags`` it has, any number of them. Tags come from
    data.reader.document_tags=FILE when data are prepared."""
    classes: list[str] = field(default_factory=list)
    """All classes, or all tags, of the data, in the order of the head's outputs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        twice = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if twice:
            raise DocexpError(f"classes holds {', '.join(twice)} twice")

    @property
    def needs(self) -> frozenset[str]:
        """The pooled state."""
        return frozenset({"pooled"})

    @property
    def annotations(self) -> frozenset[str]:
        """Document classes, or tags."""
        return frozenset({_LABELS[self.of].annotation})

    @property
    def made_by(self) -> str:
        """Tags are no part of any download that docexp reads."""
        return _LABELS[self.of].made_by

    @property
    def class_names(self) -> tuple[str, ...]:
        """``classes``, where a document has one of them."""
        return tuple(self.classes) if self.of == "class" else ()

    def corruptor(self, name: str, given: Given) -> "Corruptor":
        """Notes the class or the tags."""
        from docexp.objectives.mdc.corruptor import ClassTarget, TagTargets

        return (ClassTarget if self.of == "class" else TagTargets)(name, tuple(self.classes))

    def build(self, name: str, given: Given, hidden_size: int) -> "Objective":
        """A classifier over ``classes``."""
        from docexp.objectives.pooled import PooledClassifier, PooledTags

        return (PooledClassifier if self.of == "class" else PooledTags)(name, hidden_size, len(self.classes))

    def check_data(self, data: PageSettings, indices: "Sequence[Index]", patch_grid: int | None) -> None:
        """Every class or tag of the data is one of ``classes``, and there is something to tell apart."""
        del data, patch_grid
        for index in indices:
            self._check_classes(index)

    def _check_classes(self, index: "Index") -> None:
        labels = _LABELS[self.of]
        found = index.names(labels.counted)
        if len(self.classes) < labels.fewest:
            raise DocexpError(
                f"classes=[{_listed(self.classes)}] must name {labels.fewest} or more; "
                f"{index.where} has [{_listed(found)}]"
            )
        unknown = sorted(set(found) - set(self.classes))
        if unknown:
            close = [near for name in unknown for near in nearest(name, sorted(set(self.classes) - set(found)))]
            raise DocexpError(
                f"{index.where} has {labels.of_data} {_listed(unknown)}, which classes does not name; "
                f"its {labels.plural} are [{_listed(found)}]." + (f" Nearest: {close[0]}." if close else "")
            )

    def told(self, target: "NDArray[np.int64]") -> str:
        """The class, or those of the tags that the document has."""
        if self.of == "class":
            return super().told(target)
        if target.min() < 0:
            return "no target"
        return ", ".join(tag for tag, number in zip(self.classes, target, strict=True) if number % 2) or "none of them"

    def protocol(self) -> str:
        """The classes."""
        if self.of == "tags":
            return f"each of {len(self.classes)} tags: {', '.join(self.classes)}"
        return f"one of {len(self.classes)} classes: {', '.join(self.classes)}"


def _listed(names: Sequence[str]) -> str:
    """As they can be typed between brackets."""
    return ",".join(names[:SHOWN]) + (f",… {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")
