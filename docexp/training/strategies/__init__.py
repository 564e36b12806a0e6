"""How several devices share a run's training: one file for each way."""
