"""The built-in corpora: pages drawn from a seed, whose evidence and ceilings are known because it was put there."""

from docexp.documents.synthetic.corpora import SyntheticArticles, SyntheticQuestions, SyntheticTables
from docexp.documents.synthetic.corpus import SyntheticForms, SyntheticReceipts

__all__ = ["SyntheticArticles", "SyntheticForms", "SyntheticQuestions", "SyntheticReceipts", "SyntheticTables"]
