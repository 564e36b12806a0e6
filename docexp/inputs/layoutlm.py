"""Pages to the inputs of LayoutLM."""

from dataclasses import dataclass
from typing import ClassVar

from docexp.inputs.layout_encoder import CLOSING, LayoutEncoder


@dataclass(frozen=True, kw_only=True)
class LayoutLMEncoder(LayoutEncoder):
    """``[SEP]`` has the box 1000, 1000, 1000, 1000; there is no image.

    Source: ``convert_examples_to_features`` in microsoft/unilm, layoutlm/deprecated/layoutlm/data/funsd.py.
    """

    closing: ClassVar[int] = CLOSING
    image_size: int | None = None
