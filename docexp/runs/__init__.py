"""One run: its identity, folder, lock, resumption, result and evaluations."""
