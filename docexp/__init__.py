"""docexp: train, evaluate and compare document models on sharded document data."""

__version__ = "0.1.0"
