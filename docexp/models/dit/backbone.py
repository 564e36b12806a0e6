"""DiT behind the backbone contract."""

import copy
import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import BeitConfig

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.backbone import Encoded
from docexp.models.dit.modeling import DiT
from docexp.models.dit.names import NORM, own_names
from docexp.models.flops import Work, transformer
from docexp.models.image_grid import resize_positions
from docexp.models.patches import patch_pixels
from docexp.models.plain import PlainBackbone
from docexp.models.weights import PublishedBackbone

if TYPE_CHECKING:
    from docexp.models.dit.settings import DiTSettings


class DiTBackbone(PublishedBackbone):
    """DiT (arXiv 2203.02378): a transformer over the patches of a page's image, BEiT by another training.

    Its state dict's names are ``beit.*``, those of transformers' class.
    """

    family = "beit"
    prefix = "beit."
    setting_of: ClassVar[Mapping[str, str]] = {
        "hidden_size": "hidden_size",
        "num_hidden_layers": "layers",
        "num_attention_heads": "heads",
        "intermediate_size": "ffn_size",
        "layer_norm_eps": "layer_norm_eps",
        "patch_size": "patch_size",
    }
    config_keys = (
        *setting_of,
        "hidden_act",
        "num_channels",
        "use_absolute_position_embeddings",
        "use_relative_position_bias",
        "use_shared_relative_position_bias",
    )
    # never built: whoever hides patches brings a token of its own
    parts: ClassVar[Mapping[str, tuple[str, ...]]] = {"": ("embeddings.mask_token",)}

    def __init__(self, settings: "DiTSettings") -> None:
        super().__init__()
        self.provides = settings.provides
        self.hidden_size = settings.hidden_size
        self.config = transformers_config(settings)
        self.beit = DiT(self.config)
        self.beit.set_attn_implementation(settings.attention)
        self._side, self._grid = settings.image_side, settings.patch_grid

    def forward(self, batch: Batch) -> Encoded:
        """Encodes a micro-batch's images; of its text it reads nothing.

        ``patches`` are the last hidden states after the norm, row by row, without the class token. ``pooled`` is the
        mean of the patches after the same norm, what the published fine-tuning classifies (transformers'
        ``BeitPooler``): not the mean of ``patches``, which were normalised one by one.

        The image may have any size that patches divide; its position embeddings are interpolated.

        Raises:
            DocexpError: an image that is missing or that patches do not divide, a mask of another number of patches, or
                hidden patches without a token.
        """
        if batch.pixels is None:
            raise DocexpError("the model sees nothing but the image, and the data has none: use data with images")
        dtype = self.beit.embeddings.cls_token.dtype
        pixels = patch_pixels(batch.pixels, self.config.patch_size, dtype)
        patches, pooled = self.beit(pixels, batch.patch_mask, batch.patch_token)
        return Encoded(patches=patches, pooled=pooled)

    def own_names(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See ``names.own_names``."""
        return own_names(tensors, self.prefix)

    def adapted(self, name: str, tensor: Tensor) -> Tensor:
        """Position embeddings made at another image size, interpolated to this model's."""
        if name.endswith("embeddings.position_embeddings"):
            return resize_positions(tensor, (self._grid, self._grid))
        return tensor

    def work(self, batch: Batch) -> Work:
        """Attention runs over the patches and the class token; the patches' embedding is one product."""
        config, patches = self.config, 0
        if batch.pixels is not None:
            patches = math.prod(side // config.patch_size for side in batch.pixels.shape[-2:])
        positions = torch.full((batch.rows,), patches + 1, dtype=torch.float64, device=batch.owner.device)
        layers = (config.num_hidden_layers, config.hidden_size, config.intermediate_size)
        embedding = 2.0 * patches * config.num_channels * config.patch_size**2 * config.hidden_size
        return Work(positions, transformer(positions, *layers) + embedding)

    def checkpoint_activations(self) -> None:
        """Keeps only every layer's input for the backward pass and computes the rest again."""
        self.beit._set_gradient_checkpointing(
            enable=True, gradient_checkpointing_func=partial(checkpoint, use_reentrant=False)
        )

    def plain(self) -> PlainBackbone:
        """``Beit…``, with the norm where heads of whole pages expect it: in the pooler."""
        config = copy.deepcopy(self.config)
        config.use_mean_pooling = True
        norm, pooler = self.prefix + NORM, f"{self.prefix}pooler.{NORM}"
        tensors = {name.replace(norm, pooler): tensor.detach().cpu() for name, tensor in self.state_dict().items()}
        note = "the norm after the last layer is in the pooler alone: last_hidden_state comes without it"
        return PlainBackbone("Beit", config, tensors, self._side, notes=(note,))


def transformers_config(settings: "DiTSettings") -> BeitConfig:
    """The settings in transformers' terms."""
    return BeitConfig(
        **{entry: getattr(settings, name) for entry, name in DiTBackbone.setting_of.items()},
        image_size=settings.image_size,
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=settings.attention_dropout,
        drop_path_rate=settings.drop_path,
        layer_scale_init_value=settings.layer_scale,
        use_absolute_position_embeddings=True,
        use_mask_token=False,
        use_mean_pooling=False,
    )
