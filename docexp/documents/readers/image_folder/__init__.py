"""A folder of page images with the files of an OCR engine that has read them."""

from docexp.documents.readers.image_folder.reader import ImageFolderReader

__all__ = ["ImageFolderReader"]
