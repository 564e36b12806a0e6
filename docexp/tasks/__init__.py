"""Fine-tuning tasks: targets, head, loss, decoding, metrics."""
