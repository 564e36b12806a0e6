"""Pages to the inputs of DiT."""

from dataclasses import dataclass

from docexp.inputs.layout_encoder import LayoutEncoder


@dataclass(frozen=True, kw_only=True)
class DiTEncoder(LayoutEncoder):
    """The image alone, as in the published processing (transformers' ``BeitImageProcessor`` with the settings of
    microsoft/dit-base): the whole page resized by a bilinear filter, without a crop, in red, green, blue."""
