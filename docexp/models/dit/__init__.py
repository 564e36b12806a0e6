"""DiT (Li et al. 2022, arXiv 2203.02378)."""

from docexp.models.dit.settings import DiTSettings

__all__ = ["DiTSettings"]
