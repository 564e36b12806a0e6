"""Document classification in pretraining: LayoutLM's MDC, for pages of one class each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from docexp.errors import DocexpError, nearest
from docexp.inputs.settings import PageSettings
from docexp.objectives.settings import ObjectiveSettings
from docexp.tasks.settings import Given

if TYPE_CHECKING:
    from docexp.objectives.mdc.corruptor import ClassTarget
    from docexp.objectives.pooled import PooledClassifier
    from docexp.shards.index import Index


@dataclass(kw_only=True)
class MDCSettings(ObjectiveSettings):
    """The model guesses the document's class. Nothing is corrupted.

    Source: LayoutLM (arXiv 1912.13318), where it is optional and of several labels, the tags that IIT-CDIP gives to a
    document. A page of docexp carries one class, so that this is the nearest to it: one of the classes, by a softmax.
    As there, ``[CLS]`` is classified. A page without a class has no target.

    Raises:
        DocexpError: a class is named twice.
    """

    classes: list[str] = field(default_factory=list)
    """All classes of the data, in the order of the head's outputs."""

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
        """Document classes."""
        return frozenset({"document_class"})

    @property
    def class_names(self) -> tuple[str, ...]:
        """``classes``."""
        return tuple(self.classes)

    def corruptor(self, name: str, given: Given) -> "ClassTarget":
        """Notes the class."""
        from docexp.objectives.mdc.corruptor import ClassTarget

        return ClassTarget(name, tuple(self.classes))

    def build(self, name: str, given: Given, hidden_size: int) -> "PooledClassifier":
        """A classifier over ``classes``."""
        from docexp.objectives.pooled import PooledClassifier

        return PooledClassifier(name, hidden_size, len(self.classes))

    def check_data(self, data: PageSettings, indices: "Sequence[Index]", patch_grid: int | None) -> None:
        """Every class of the data is one of ``classes``, and there are two or more to tell apart."""
        del data, patch_grid
        for index in indices:
            self._check_classes(index)

    def _check_classes(self, index: "Index") -> None:
        found = index.names("document_classes")
        if len(self.classes) < 2:
            raise DocexpError(
                f"classes={_listed(self.classes)} must name two or more; {index.where} has {_listed(found)}"
            )
        unknown = sorted(set(found) - set(self.classes))
        if unknown:
            close = [near for name in unknown for near in nearest(name, sorted(set(self.classes) - set(found)))]
            raise DocexpError(
                f"{index.where} has pages of {', '.join(unknown)}, which classes does not name; its classes are "
                f"{_listed(found)}." + (f" Nearest: {close[0]}." if close else "")
            )

    def protocol(self) -> str:
        """The classes."""
        return f"one of {len(self.classes)} classes: {', '.join(self.classes)}"


def _listed(names: Sequence[str]) -> str:
    return f"[{','.join(names)}]"
