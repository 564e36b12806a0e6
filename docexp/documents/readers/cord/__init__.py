"""CORD: photographed receipts."""

from docexp.documents.readers.cord.reader import CordReader

__all__ = ["CordReader"]
