"""XFUND: forms in seven languages."""

from docexp.documents.readers.xfund.reader import XfundReader

__all__ = ["XfundReader"]
