"""The image tokenizer: a page's image to a grid of codes, which MIM predicts (DiT, arXiv 2203.02378 §3.2)."""
