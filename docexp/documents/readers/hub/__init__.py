"""Datasets in the form of the Hugging Face hub."""

from docexp.documents.readers.hub.reader import HubReader

__all__ = ["HubReader"]
