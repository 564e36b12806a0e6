"""LayoutLMv3 (Huang et al. 2022, arXiv 2204.08387)."""

from docexp.models.layoutlmv3.settings import LayoutLMv3Settings

__all__ = ["LayoutLMv3Settings"]
