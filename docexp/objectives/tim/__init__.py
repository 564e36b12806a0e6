"""Text-image matching of LayoutLMv2 and LayoutXLM."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from docexp.errors import DocexpError
from docexp.objectives.settings import ObjectiveSettings
from docexp.settings import ShareBelow1
from docexp.tasks.settings import Given

if TYPE_CHECKING:
    from docexp.objectives.pooled import PooledClassifier
    from docexp.objectives.tim.corruptor import ImageSwapping


@dataclass(kw_only=True)
class TIMSettings(ObjectiveSettings):
    """Some images are replaced by another document's or dropped; the model says whether text and image are of one page.

    Source: LayoutLMv2 (arXiv 2012.14740 §2.3): 15 % replaced, 5 % dropped, a classifier on ``[CLS]``. What
    MVLM and TIA paint, they paint in replaced and dropped images too, so that nothing but the page gives them away.

    Raises:
        DocexpError: no image would be replaced or dropped, or all would.
    """

    writes: ClassVar[frozenset[str]] = frozenset({"image"})

    replaced: ShareBelow1 = 0.15
    """The share of windows that show the page of another document, any page of the training data as likely."""
    dropped: ShareBelow1 = 0.05
    """The share of windows that show no page: a white image, as the paper does not say what stands for a dropped
    one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.replaced + self.dropped < 1:
            raise DocexpError(
                f"replaced={self.replaced} and dropped={self.dropped} must come to more than 0 and less than 1: "
                "the model needs images of both kinds"
            )

    @property
    def needs(self) -> frozenset[str]:
        """The pooled state of a model that sees an image."""
        return frozenset({"pooled", "patches"})

    def corruptor(self, name: str, given: Given) -> "ImageSwapping":
        """Replaces and drops images."""
        from docexp.objectives.tim.corruptor import ImageSwapping

        return ImageSwapping(name, self.replaced, self.dropped)

    def build(self, name: str, given: Given, hidden_size: int) -> "PooledClassifier":
        """Two classes: 0 another page's or none, 1 the page's own."""
        from docexp.objectives.pooled import PooledClassifier

        return PooledClassifier(name, hidden_size, classes=2)

    def protocol(self) -> str:
        """Both shares."""
        return f"{self.replaced:g} of the images replaced, {self.dropped:g} white"
