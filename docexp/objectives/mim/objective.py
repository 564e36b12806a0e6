"""Guesses what hidden patches show, on the device."""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from docexp.inputs.batch import Batch
from docexp.inputs.sample import IGNORED
from docexp.models.backbone import Encoded
from docexp.models.flops import dense, matrix_weights
from docexp.models.heads import INITIAL_STD
from docexp.objectives.mim.pixels import normalised_patches
from docexp.objectives.objective import Judged, Objective, judged_classes, wanted

if TYPE_CHECKING:
    from docexp.objectives.image_tokenizer.tokenizer import ImageTokenizer

LAYER_NORM_EPS = 1e-5
"""As in the head of MLM."""


class MaskedPatches(Objective):
    """The vector that stands for hidden patches, and a head at hidden patches only, of the same form as MLM's.

    With 8,192 codes it has the 6.9M parameters at base size that LayoutLMv3 §3.5 counts, which BEiT's single layer has
    not (6.3M). The vector and the weights are drawn as BEiT's are, normal and cut at one standard deviation of 0.02
    (microsoft/unilm, beit/modeling_pretrain.py).

    Args:
        name: of its target in the batch.
        hidden_size: of the patches.
        classes: of its targets; 0 where they are none.
        outputs: numbers that are guessed for each patch.
    """

    def __init__(self, name: str, hidden_size: int, classes: int, outputs: int) -> None:
        super().__init__(name, classes)
        self.mask_token = nn.Parameter(torch.empty(hidden_size))
        self.dense = nn.Linear(hidden_size, hidden_size)
        self.layer_norm = nn.LayerNorm(hidden_size, eps=LAYER_NORM_EPS)
        self.decoder = nn.Linear(hidden_size, outputs)
        for weight in (self.mask_token, self.dense.weight, self.decoder.weight):
            nn.init.trunc_normal_(weight, std=INITIAL_STD, a=-INITIAL_STD, b=INITIAL_STD)
        for layer in (self.dense, self.decoder):
            nn.init.zeros_(layer.bias)

    def patch_token(self) -> Tensor:
        """The learned vector, ``[D]``."""
        return self.mask_token

    def guesses(self, encoded: Encoded, row: Tensor, patch: Tensor) -> Tensor:
        """The head's outputs for ``N`` patches of rows, ``[N, outputs]``."""
        assert encoded.patches is not None
        return self.decoder(self.layer_norm(F.gelu(self.dense(encoded.patches[row, patch]))))

    def flops(self, batch: Batch) -> Tensor:
        """Of the hidden patches; an image tokenizer's are not the model's."""
        return dense(matrix_weights(self), (batch.targets[self.name] != IGNORED).sum(dim=1).to(torch.float64))


class MaskedCodes(MaskedPatches):
    """Guesses codes.

    Args:
        name: as above.
        hidden_size: as above.
        codes: how many there are.
        tokenizer: makes them of ``batch.code_pixels``; None: the targets are codes already.
    """

    def __init__(self, name: str, hidden_size: int, codes: int, tokenizer: "ImageTokenizer | None" = None) -> None:
        super().__init__(name, hidden_size, classes=codes, outputs=codes)
        # in a tuple no module: what is frozen has no place among parameters, in checkpoints and in gradient exchange
        self._tokenizer = (tokenizer,)

    def judge(self, encoded: Encoded, batch: Batch) -> Judged:
        """Logits at hidden patches alone: those of all 196 for a batch of 32 at base size would take 0.2 GB."""
        row, patch = wanted(batch.targets[self.name]).unbind(dim=1)
        return judged_classes(self.guesses(encoded, row, patch), self._codes(batch)[row, patch], row)

    def _codes(self, batch: Batch) -> Tensor:
        """Of all patches, ``[B, P]``; stored ones of the hidden patches alone."""
        (tokenizer,) = self._tokenizer
        if tokenizer is None:
            return batch.targets[self.name]
        assert batch.code_pixels is not None
        return tokenizer.codes(batch.code_pixels).flatten(1)


class MaskedPixels(MaskedPatches):
    """Guesses normalised pixels of the image as the model is shown it; the loss of a patch is its mean square error.

    Its constant guess is a patch of the mean, 0 everywhere. On empty paper that is right, so that both losses are 0.

    Args:
        name: as above.
        hidden_size: as above.
        grid: patches along a side of the image.
        patch: pixels along a side of a patch.
    """

    def __init__(self, name: str, hidden_size: int, grid: int, patch: int) -> None:
        super().__init__(name, hidden_size, classes=0, outputs=3 * patch**2)
        self._grid = grid

    def judge(self, encoded: Encoded, batch: Batch) -> Judged:
        """In fp32."""
        assert batch.pixels is not None
        row, patch = wanted(batch.targets[self.name]).unbind(dim=1)
        pixels = normalised_patches(batch.pixels, self._grid, row, patch)
        error = self.guesses(encoded, row, patch).float() - pixels
        return Judged(row, error.square().mean(dim=1), constant=pixels.square().mean(dim=1))
