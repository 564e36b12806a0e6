"""LayoutXLM (Xu et al. 2021, arXiv 2104.08836): LayoutLMv2 in many languages."""

from docexp.models.layoutxlm.settings import LayoutXLMSettings

__all__ = ["LayoutXLMSettings"]
