"""IIT-CDIP: 6.9 million documents, some 42 million page images, of the tobacco industry's papers.

Source of the layout: the paths in RVL-CDIP's label files, which keep it (``images<a>/<a>/<b>/<c>/<abc00d00>/<Bates
numbers>.tif``: the last folder is the document, named by its id, a TIFF is one page or several), and Lewis et al.,
"Building a Test Collection for Complex Document Information Processing", SIGIR 2006. The xml that comes with the
collection holds each document's text without places. Unverified on the whole collection: that documents of several
TIFFs have them in the order of their names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from docexp.documents.readers.image_folder import ImageFolderReader
from docexp.documents.readers.image_folder.tree import Document, Grouping
from docexp.documents.readers.reader import Report
from docexp.documents.reading.boxes import Repair
from docexp.errors import DocexpError

_DOCUMENT = re.compile(r"[a-z]{3}\d\d[a-z]\d\d")


@dataclass(kw_only=True)
class IitCdipReader(ImageFolderReader):
    """Reads the folders ``imagesa`` … ``imagesz``, or some of them, from the folder that holds them.

    Words come from OCR made by others and put beside the images (or in ``ocr_folder``), for each TIFF under its name or
    for each document under its id, in any format of ``docexp.documents.ocr``; the collection's own text has no places.
    """

    name: ClassVar[str] = "IIT-CDIP"
    licence: ClassVar[str] = "public documents of the tobacco settlement; research use, see ir.nist.gov/cdip"

    document: Grouping = "folder"
    """Which images are one document: all of a ``folder``, as the collection has them; see ``image_folder``."""
    repair: Repair = "clip"

    def units(self, source: Path | None, report: Report) -> Iterator[Document]:
        """The documents, in the order of the folders' names."""
        for number, unit in enumerate(self.tree(_root(self.folder(source))).documents(report)):
            if number == 0 and self.document == "folder" and not _DOCUMENT.fullmatch(unit.id.rpartition("/")[2]):
                raise DocexpError(
                    f"{unit.images[0].parent}: the last folder is to be a document's, as in imagesr/r/g/e/rge31d00. "
                    "For other trees of images: data=image_folder."
                )
            yield unit


def _root(folder: Path) -> Path:
    for root in (folder, folder / "images"):
        if any(child.is_dir() for child in root.glob("images[a-z]")):
            return root
    raise DocexpError(
        f"{folder}: no IIT-CDIP here. Expected imagesa/a/a/a/aaa00a00/….tif. "
        "For other trees of images: data=image_folder."
    )
