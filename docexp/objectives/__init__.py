"""Pretraining: what is corrupted, what is predicted, and the losses."""
