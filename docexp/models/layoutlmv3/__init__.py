"""LayoutLMv3 (Huang et al. 2022, arXiv 2204.08387)."""
