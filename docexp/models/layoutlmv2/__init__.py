"""LayoutLMv2 (Xu et al. 2021, arXiv 2012.14740)."""

from docexp.models.layoutlmv2.settings import LayoutLMv2Settings

__all__ = ["LayoutLMv2Settings"]
