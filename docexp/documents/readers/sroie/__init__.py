"""SROIE: scanned receipts with their text lines and four fields."""

from docexp.documents.readers.sroie.reader import SroieReader

__all__ = ["SroieReader"]
