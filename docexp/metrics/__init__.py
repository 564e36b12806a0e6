"""Scores as torchmetrics classes, exact under any number of ranks."""
