"""DocVQA as the DUE benchmark passes it on."""

from docexp.documents.readers.docvqa_due.reader import DocVqaDueReader

__all__ = ["DocVqaDueReader"]
