"""The built-in corpus: pages drawn from a seed, with the evidence for each label where you put it."""

from docexp.documents.synthetic.corpus import SyntheticForms, SyntheticReceipts

__all__ = ["SyntheticForms", "SyntheticReceipts"]
