"""Composition and strict checking of a run's configuration."""
