"""Backbones by family, heads, loading and export of weights."""
