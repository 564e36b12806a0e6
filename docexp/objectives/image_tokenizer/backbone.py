"""The image tokenizer in training, behind the backbone contract."""

import torch

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.backbone import Backbone, Encoded
from docexp.models.flops import Work
from docexp.objectives.image_tokenizer.annealing import temperature_at
from docexp.objectives.image_tokenizer.discrete_vae import DiscreteVAE, ResBlock, gumbel_noise
from docexp.objectives.image_tokenizer.model_settings import ImageTokenizerSettings


class ImageTokenizerBackbone(Backbone):
    """Reconstructs a page's image: in training from a soft choice of codes, else from the likeliest ones."""

    prefix = "vae."

    def __init__(self, settings: ImageTokenizerSettings) -> None:
        super().__init__()
        self.provides = settings.provides
        self.hidden_size = settings.codebook_dim
        self.vae = DiscreteVAE(settings)
        self._settings = settings
        self.begin_step(0)

    def begin_step(self, step: int) -> None:
        """Sets the step's temperature."""
        law = self._settings
        self.temperature = temperature_at(step, law.temperature, law.min_temperature, law.anneal_rate)

    def forward(self, batch: Batch) -> Encoded:
        """Images of ``batch.pixels``, ``reconstruction`` ``[B, 3, H, W]`` from -1 to 1, and ``code_logits``.

        Raises:
            DocexpError: the batch has no images.
        """
        if batch.pixels is None:
            raise DocexpError("an image tokenizer sees nothing but the image, and the data has none: use other data")
        images = self.vae.normalised(batch.pixels)
        logits = self.vae.logits(images.to(self.vae.codebook.weight.dtype)).float()
        if self.training:
            made = self.vae.soft(logits, self.temperature, gumbel_noise(logits))
        else:
            made = self.vae.decode(logits.argmax(dim=1))
        return Encoded(reconstruction=made, code_logits=logits)

    def checkpoint_activations(self) -> None:
        """Keeps only the residual blocks' inputs for the backward pass and computes the rest again."""
        for block in self.vae.modules():
            if isinstance(block, ResBlock):
                block.keeps = False

    def work(self, batch: Batch) -> Work:
        """Every kernel over the maps that it is laid on, and in training the product of shares and codebook."""
        device = batch.owner.device
        side = 0 if batch.pixels is None else batch.pixels.shape[-1]
        codes = (side // self._settings.factor) ** 2
        flops = float(self.vae.forward_flops(side))
        if self.training:
            flops += 2.0 * codes * self.vae.codebook.weight.numel()
        positions = torch.full((batch.rows,), codes, dtype=torch.float64, device=device)
        return Work(positions, torch.full_like(positions, flops))
