"""What a format of OCR files is, and which format some data has."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import docexp.documents.ocr
from docexp.documents.geometry import Boxes
from docexp.documents.reading.files import parse_json, utf8
from docexp.errors import DocexpError

SUFFIXES = (".json", ".hocr", ".html", ".htm", ".xml", ".tsv")
"""What names of files with OCR end in."""


class OcrText(NamedTuple):
    """The texts of a page as an engine gave them, with their boxes ``[N, 4]`` in page pixels, neither checked.

    A text may be blank, or a whole line. ``lines`` hold indices of texts; ``None`` where the engine gave none. ``seen``
    is the width and height in pixels of the page that the engine saw, where the file says so.
    """

    words: tuple[str, ...]
    boxes: Boxes
    lines: tuple[tuple[int, ...], ...] | None
    seen: tuple[float, float] | None = None


@dataclass(frozen=True)
class OcrFormat:
    """A format. Its data are what ``load`` gives: a json value, or the text of any other file.

    ``pages`` cuts a file's data into its pages' (the second argument says where they come from, for errors); ``read``
    takes a page's data, the width and height of its image in pixels, and where it comes from. Both raise
    ``DocexpError`` for data that are damaged.
    """

    name: str
    recognises: Callable[[Any], bool]
    pages: Callable[[Any, str], list[Any]]
    read: Callable[[Any, float, float, str], OcrText]


@cache
def formats() -> tuple[OcrFormat, ...]:
    """Every format: the ``FORMAT`` of each module of this package, in the order of their names."""
    folder = docexp.documents.ocr
    modules = (
        importlib.import_module(f"{folder.__name__}.{info.name}") for info in pkgutil.iter_modules(folder.__path__)
    )
    return tuple(module.FORMAT for module in modules if hasattr(module, "FORMAT"))


def recognised(data: Any) -> OcrFormat | None:
    """The format of the data, told by their keys or their first lines; ``None`` if it is none of ours."""
    return next((form for form in formats() if form.recognises(data)), None)


def load(content: bytes, name: str, where: str) -> Any:
    """A file's data: the value of a ``.json`` file, the text of any other.

    Raises:
        DocexpError: it is not UTF-8, or no json; ``where`` comes first.
    """
    text = utf8(content, where, "Make it anew.")
    return parse_json(text, where, "Make it anew.") if name.lower().endswith(".json") else text


def read_pages(data: Any, where: str) -> tuple[OcrFormat, list[Any]]:
    """The format of a file's data, and its pages' data in their order.

    Raises:
        DocexpError: no format that is known, or damaged.
    """
    form = recognised(data)
    if form is None:
        known = ", ".join(form.name for form in formats())
        raise DocexpError(f"{where}: no OCR output that docexp knows: {known}.")
    return form, form.pages(data, where)
