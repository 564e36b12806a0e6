"""Compares images made from codes with those they were made of, on the device."""

import math
from typing import TYPE_CHECKING

from torch import Tensor

from docexp.inputs.batch import Batch
from docexp.inputs.sample import IGNORED
from docexp.models.backbone import Encoded
from docexp.objectives.image_tokenizer.discrete_vae import TINY, DiscreteVAE, uniform_divergence
from docexp.objectives.objective import Judged, Objective
from docexp.objectives.reconstruction.picture import side_by_side

if TYPE_CHECKING:
    from docexp.objectives.reconstruction import ReconstructionSettings

PIXELS = (1, 2, 3)
PICTURE = "reconstructions.png"


class Reconstruction(Objective):
    """Mean squared error of a page's pixels, from -1 to 1; in training also what makes the model use its codes.

    The constant guess that it is measured against is the mean colour of the page itself. That looks at the page, and
    so is better than any that does not: the skill is never flattered.
    """

    def __init__(self, name: str, settings: "ReconstructionSettings", kinds: int) -> None:
        super().__init__(name, classes=0, kinds=kinds)
        self._kl_weight, self._usage_weight = settings.kl_weight, settings.usage_weight

    def judge(self, encoded: Encoded, batch: Batch) -> Judged:
        """One target for each page."""
        assert encoded.reconstruction is not None
        assert encoded.code_logits is not None
        assert batch.pixels is not None
        row = (batch.targets[self.name] != IGNORED).nonzero()[:, 0]
        images, logits = DiscreteVAE.normalised(batch.pixels[row]), encoded.code_logits[row]
        loss = (encoded.reconstruction[row].float() - images).square().mean(dim=PIXELS)
        if self.training:
            loss = loss + self._divergences(logits)
        plain = (images - images.mean(dim=(2, 3), keepdim=True)).square().mean(dim=PIXELS)
        return Judged(row, loss, constant=plain, chosen=logits.argmax(dim=1).flatten(1))

    def _divergences(self, logits: Tensor) -> Tensor:
        """The weighted terms of logits ``[N, K, h, w]``, ``[N]``."""
        total = self._usage_weight * page_divergence(logits) if self._usage_weight else logits.new_zeros(len(logits))
        return total + self._kl_weight * uniform_divergence(logits).mean(dim=(1, 2)) if self._kl_weight else total

    def pictures(self, encoded: Encoded, batch: Batch) -> dict[str, bytes]:
        """The first pages as they are, above what came of them."""
        assert encoded.reconstruction is not None
        assert batch.pixels is not None
        made = DiscreteVAE.denormalised(encoded.reconstruction.float()) * 255
        return {PICTURE: side_by_side(batch.pixels.cpu().numpy(), made.round().byte().cpu().numpy())}


def page_divergence(logits: Tensor) -> Tensor:
    """How far a page's mean distribution over codes is from the uniform one, in nats, ``[N]``."""
    shares = logits.softmax(dim=1).mean(dim=(2, 3))
    return (shares * ((shares + TINY).log() + math.log(logits.shape[1]))).sum(dim=1)
