"""The built-in corpus: pages drawn from a seed, with the evidence for each label where you put it."""
