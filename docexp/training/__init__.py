"""The LightningModule, optimisers and schedules, checkpoints and callbacks."""
