"""The image files of a download, and what becomes of a page whose image is not there."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from docexp.documents.images import MAX_PIXELS, inspect
from docexp.documents.page import ImageFormat
from docexp.documents.readers.reader import Report
from docexp.documents.reading.faults import LeaveOut
from docexp.documents.reading.files import read_bytes
from docexp.errors import DocexpError

MissingImages = Literal["error", "none", "blank"]
"""What becomes of a page whose image file is missing; ``MissingImageSettings`` explains each."""


@dataclass(kw_only=True)
class MissingImageSettings:
    """The setting of readers whose annotations state the size of the image."""

    missing_images: MissingImages = "error"
    """Where an image file is missing: ``error`` stops, ``none`` keeps the page without one, ``blank`` gives it white
    paper of the annotated size, so that models with images run on annotations alone. Both are counted."""


def left_out(file: Path, missing: LeaveOut, where: str, report: Report) -> bool:
    """Whether a page is left out, and counted, since its image is missing and nothing else tells its size.

    Raises:
        DocexpError: it is missing, and ``missing`` is ``error``; ``where``, the annotation, comes first.
    """
    if file.is_file():
        return False
    if missing == "error":
        raise DocexpError(
            f"{where}: {file} is missing. data.reader.missing_images=leave_out leaves such pages out (counted)."
        )
    report.refuse("pages whose image is missing", one="page whose image is missing")
    return True


@dataclass(frozen=True)
class Picture:
    """An encoded page image, if any, with the page's width and height in pixels."""

    data: bytes | None
    format: ImageFormat
    width: int
    height: int


def picture(
    file: Path, report: Report, *, annotated: tuple[int, int] | None = None, missing: MissingImages = "error"
) -> Picture:
    """The image in ``file``, decoded once to be sure of it.

    Args:
        file: where it should lie.
        report: counts pages without image, and those on blank paper.
        annotated: width and height that the annotations speak of, if they do.
        missing: what to do where there is no such file; without ``annotated`` it is an error in any case.

    Raises:
        DocexpError: it is missing, does not decode, or is not of the annotated size; or no page has that size.
    """
    if annotated is not None and not (min(annotated) > 0 and annotated[0] * annotated[1] <= MAX_PIXELS):
        raise DocexpError(f"{file}: its annotations speak of {annotated[0]} × {annotated[1]} pixels. Correct them.")
    if not file.is_file() and missing != "error" and annotated is not None:
        if missing == "none":
            report.note("pages without their image", one="page without its image")
            return Picture(None, "png", *annotated)
        report.note("pages on blank paper for want of their image", one="page on blank paper for want of its image")
        return Picture(blank_paper(*annotated), "png", *annotated)
    ways = " data.reader.missing_images=none or blank does without (counted)." if annotated is not None else ""
    data = read_bytes(file, f"Is the archive fully unpacked?{ways}")
    return checked_picture(data, str(file), annotated=annotated)


def checked_picture(data: bytes, name: str, *, annotated: tuple[int, int] | None = None) -> Picture:
    """An encoded image that did not come from a file of its own; ``name`` comes first in errors.

    Raises:
        DocexpError: it does not decode, or is not of the annotated width and height.
    """
    kind, width, height = inspect(data, name)
    if annotated is not None and (width, height) != annotated:
        raise DocexpError(
            f"{name}: the image is {width} × {height}, its annotations speak of {annotated[0]} × {annotated[1]}. "
            "Boxes would not fit; take the image from the same release as the annotations."
        )
    return Picture(data, kind, width, height)


def blank_paper(width: int, height: int) -> bytes:
    """White paper as a png of one bit a pixel."""
    buffer = io.BytesIO()
    Image.new("1", (width, height), 1).save(buffer, "png")
    return buffer.getvalue()
