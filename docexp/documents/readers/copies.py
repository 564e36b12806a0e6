"""Images that a download holds more than once under different names."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from docexp.documents.readers.files import read_bytes
from docexp.documents.readers.reader import Report


def count_copies(images: Sequence[Path], report: Report) -> None:
    """Notes how many of the ``images`` have the same bytes as an earlier one. Only images of equal size are opened.

    The pages are kept: whether a copy leaks from one split into another is for ``docexp data check`` to say.
    """
    sizes = {image: image.stat().st_size for image in images if image.is_file()}
    sharing = Counter(sizes.values())
    seen: set[tuple[int, str]] = set()
    for image, size in sizes.items():
        if sharing[size] > 1:
            mark = (size, hashlib.sha256(read_bytes(image)).hexdigest())
            report.note("images that copy another one", int(mark in seen), one="image that copies another one")
            seen.add(mark)
