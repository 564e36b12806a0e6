"""Trained models put to use outside training: export to plain transformers."""
