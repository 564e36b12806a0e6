"""LayoutLM (Xu et al. 2020, arXiv 1912.13318)."""

from docexp.models.layoutlm.settings import LayoutLMSettings

__all__ = ["LayoutLMSettings"]
