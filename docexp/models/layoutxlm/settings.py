"""The choices of LayoutXLM: those of LayoutLMv2, with other defaults. Imports no torch."""

from dataclasses import dataclass
from typing import ClassVar

from docexp.models.layoutlmv2.settings import LayoutLMv2Settings
from docexp.settings import Positive


@dataclass(kw_only=True)
class LayoutXLMSettings(LayoutLMv2Settings):
    """LayoutXLM; the defaults are those of microsoft/layoutxlm-base, which is a LayoutLMv2 with XLM-R's vocabulary.

    Unlike LayoutLMv2's, its published attention knows no relative positions, and cells have a segment embedding. The
    published table of positions has two rows behind the last that is read: loading leaves them out. Source: the
    published configuration as PaddleNLP repeats it (PaddlePaddle/PaddleNLP, paddlenlp/transformers/layoutxlm);
    unverified against the file on the hub itself.

    The published weights are licensed CC BY-NC-SA 4.0: not for commercial use, and that holds for what is fine-tuned
    from them. A model trained from scratch is free of these terms.
    """

    token_types: ClassVar[int] = 1

    fast_qkv: bool = False
    """Whether queries, keys and values come from one matrix (keys then have no bias); published: from three."""
    bias_1d: bool = False
    """Whether attention knows the distance in reading order (a bias for each bucket of distances)."""
    bias_2d: bool = False
    """Whether it knows the distances across and down the page; without ``layout`` it never does."""
    visual_segment: bool = True
    """Whether cells have an embedding that says they are cells."""
    layer_norm_eps: Positive = 1e-5
    """Added to the variance in every layer norm."""
