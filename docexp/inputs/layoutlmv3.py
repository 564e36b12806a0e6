"""Pages to the inputs of LayoutLMv3."""

from dataclasses import dataclass

from docexp.inputs.layout_encoder import LayoutEncoder


@dataclass(frozen=True, kw_only=True)
class LayoutLMv3Encoder(LayoutEncoder):
    """As in the published processing (transformers' ``LayoutLMv3Processor``): both special tokens have the box 0."""
