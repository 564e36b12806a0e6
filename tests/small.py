"""A model whose step takes milliseconds, for tests that start whole runs."""

SMALL = [
    "model.layers=1",
    "model.heads=2",
    "model.hidden_size=24",
    "model.ffn_size=32",
    "model.coordinate_size=4",
    "model.shape_size=4",
    "model.image_size=32",
    "model.tokenizer=data:300",
    "hardware.threads=1",
    "data.workers=0",
]
"""Overrides that make a LayoutLMv3 whose step takes milliseconds."""
