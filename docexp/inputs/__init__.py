"""Pages to tensors: tokenizers, encoders, windows, batches and the loader."""
