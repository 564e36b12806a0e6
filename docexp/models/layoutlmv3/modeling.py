"""transformers' LayoutLMv3 with relative-position biases that train. Every parameter keeps its name and shape."""

import torch
from torch import Tensor
from transformers import LayoutLMv3Config, LayoutLMv3Model
from transformers.models.layoutlmv3.modeling_layoutlmv3 import LayoutLMv3Encoder

from docexp.models.layoutlmv3.relative_bias import local_table, relative_bias


class RelativeEncoder(LayoutLMv3Encoder):
    """The stock encoder, but for one thing: gradients reach the tables of relative-position biases.

    transformers looks the biases up under ``no_grad``, so that they stay as they were drawn; the authors' code trains
    them (microsoft/unilm, layoutlmv3/layoutlmft/models/layoutlmv3/modeling_layoutlmv3.py).
    """

    def _cal_1d_pos_emb(self, position_ids: Tensor) -> Tensor:
        table = self.rel_pos_bias.weight
        return relative_bias(table, position_ids, self.buckets(table, self.max_rel_pos))

    def _cal_2d_pos_emb(self, bbox: Tensor) -> Tensor:
        across, down = self.rel_pos_x_bias.weight, self.rel_pos_y_bias.weight
        buckets = self.buckets(across, self.max_rel_2d_pos)
        # left and bottom edges, as in the published code; the LayoutLMv2 paper says top left
        return relative_bias(across, bbox[:, :, 0], buckets) + relative_bias(down, bbox[:, :, 3], buckets)

    @torch.no_grad()
    def favour_near(self) -> None:
        """Sets the 2-D tables so that scores fall with distance on the page (see ``local_table``)."""
        heads, head_size = self.config.num_attention_heads, self.config.hidden_size // self.config.num_attention_heads
        for table in (self.rel_pos_x_bias.weight, self.rel_pos_y_bias.weight):
            buckets = self.buckets(table, self.max_rel_2d_pos)
            table.copy_(local_table(buckets, table.shape[1], heads, head_size))

    def buckets(self, table: Tensor, farthest: int) -> Tensor:
        """The bucket of every distance from ``-farthest`` to ``farthest``, ``[2 * farthest + 1]``."""
        distances = torch.arange(-farthest, farthest + 1, device=table.device)
        return self.relative_position_bucket(distances, num_buckets=table.shape[1], max_distance=farthest)


class LayoutLMv3(LayoutLMv3Model):
    """The stock model around ``RelativeEncoder``; the same weights from the same state of torch's generator.

    Args:
        config: the stock configuration; ``text_embed`` and ``visual_embed`` say what is built.
        train_rel_pos: False freezes the relative-position biases, which is what transformers does in effect.
        rel_pos_init: ``normal``, or ``local`` for 2-D biases that favour what is near.
    """

    def __init__(self, config: LayoutLMv3Config, train_rel_pos: bool = True, rel_pos_init: str = "normal") -> None:
        super().__init__(config)
        with torch.device("meta"):  # draws nothing: the weights are those that were just drawn
            encoder = RelativeEncoder(config)
        encoder.load_state_dict(self.encoder.state_dict(), assign=True)
        for name, table in encoder.named_parameters():
            if name.startswith("rel_pos"):
                table.requires_grad_(train_rel_pos)
        if rel_pos_init == "local" and config.has_spatial_attention_bias:
            encoder.favour_near()
        self.encoder = encoder
