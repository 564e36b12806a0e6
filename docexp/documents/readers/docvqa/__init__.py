"""DocVQA: questions about single pages of scanned industry documents."""

from docexp.documents.readers.docvqa.reader import DocVqaReader

__all__ = ["DocVqaReader"]
