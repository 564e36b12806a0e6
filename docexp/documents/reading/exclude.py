"""Pages to leave out: lists of ids, such as those of the sets that a pretrained model is scored on later.

FUNSD and RVL-CDIP are parts of IIT-CDIP, DocVQA is a part of the collection that IDL comes from, and each writes its
ids in its own form. ``names`` says which forms are the same page or document; beyond that only equal ids match.

UCSF has renamed its documents since: DocVQA and IDL have the present ids (``qpnl0052``), IIT-CDIP and RVL-CDIP the
former ones (``dpl03c00``), and nothing in an id leads from one to the other. To leave DocVQA out of IIT-CDIP, list the
former ids: UCSF's catalogue states both, as ``id`` and ``tid`` of a record (source: its description of the data
interface, "Industry Documents Data API").
"""

import json
import re
import tarfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from docexp.documents.page import Page
from docexp.errors import DocexpError

_SUFFIX = re.compile(r"\.(tiff?|png|jpe?g|webp|pdf|json|xml|txt)$")
_LABELLED = re.compile(r"(\.(?:tiff?|png|jpe?g)) +\d+$")
"""A line of RVL-CDIP's label files: an image, a space, the number of its class."""
_SCANNED = re.compile(r"\d{6}")
"""A file name with so many digits is a Bates number, stamped on the page of a lawsuit; ``0001`` is a mere counter."""
_FRAME = re.compile(r"#\d+$")
"""What readers of images put behind the name of a TIFF with several pages."""
_DOCUMENT = re.compile(r"([a-z]{4}\d{4}|[a-z]{3}\d\d[a-z]\d\d)(?:[_#]\d+)?")
"""UCSF's document ids, the present form (ffbg0227) and the one of IIT-CDIP (rge31d00), with a page number or without.
Source: the file names of DocVQA and of RVL-CDIP."""


def names(text: str) -> frozenset[str]:
    """The forms under which an id is looked up: two ids match when they share one.

    An id without its file suffix, in small letters, with ``/`` between its parts; besides, of its parts: each that is
    a document id of UCSF, without its page number; and the last, where it has six digits in a row (a Bates number),
    with RVL-CDIP's ``+-`` read as ``_`` and without the number of a page inside a TIFF: FUNSD calls a page by the Bates
    numbers of its document, so that all pages of that TIFF match. So ``imagesr/r/g/e/rge31d00/503210033+-0034.tif`` is
    looked up as a whole, as document ``rge31d00``, and as ``503210033_0034``.
    """
    whole = _SUFFIX.sub("", text.strip().replace("\\", "/").lower())
    parts = whole.split("/")
    found = {whole}
    found |= {match.group(1) for match in map(_DOCUMENT.fullmatch, parts) if match}
    if _SCANNED.search(parts[-1]):
        found.add(_FRAME.sub("", parts[-1]).replace("+-", "_"))
    return frozenset(found - {""})


def listed(place: str) -> frozenset[str]:
    """All forms (``names``) of the ids in an exclude list; read once in each process, and again when it has changed.

    Args:
        place: a text file with one page or document id a line (blank lines and those that begin with ``#`` do not
            count, RVL-CDIP's label files serve as they are), or a folder of shards, which gives all its ids.

    Raises:
        DocexpError: there is no such file or folder, it holds no id, or it cannot be read.
    """
    return _load(Path(place).expanduser(), changed(place))


def changed(place: str) -> int:
    """When an exclude list was last changed, in nanoseconds since 1970.

    Raises:
        DocexpError: there is no such file or folder.
    """
    path = Path(place).expanduser()
    file = path / "index.json" if path.is_dir() else path
    if not path.exists():
        raise DocexpError(f"data.reader.exclude: {place} does not exist. Give a text file of ids, or shards.")
    return file.stat().st_mtime_ns if file.exists() else 0


def lists_naming(page: Page, places: Sequence[str]) -> list[str]:
    """Which of the lists name a page, by its own id or its document's."""
    if not places:
        return []
    found = names(page.id) | names(page.document_id)
    return [place for place in places if not found.isdisjoint(listed(place))]


@lru_cache(maxsize=32)
def _load(path: Path, _changed: int) -> frozenset[str]:
    ids = _shard_ids(path) if path.is_dir() else _file_ids(path)
    found: set[str] = set()
    for text in ids:
        found |= names(text)
    if not found:
        raise DocexpError(f"data.reader.exclude: {path} holds no id: one page or document id a line.")
    return frozenset(found)


def _file_ids(file: Path) -> Iterator[str]:
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DocexpError(f"data.reader.exclude: {file} is no text file of ids, one a line ({error}).") from None
    for line in lines:
        text = line.strip()
        if text and not text.startswith("#"):
            yield _LABELLED.sub(r"\1", text)


def _shard_ids(folder: Path) -> Iterator[str]:
    """Page and document ids from the tars' json members; the images between them are not read."""
    from docexp.shards.index import Index  # the shards' modules know readers

    index = Index.open(folder)
    for number in range(len(index.shards)):
        path = index.path(number)
        try:
            with tarfile.open(path, "r:") as tar:
                for info in tar:
                    stream = tar.extractfile(info) if info.name.lower().endswith(".json") else None
                    record = json.loads(stream.read()) if stream else None
                    if isinstance(record, dict) and "words" in record:
                        yield str(record.get("id", ""))
                        yield str(record.get("document_id", ""))
                    tar.members = []  # type: ignore[attr-defined]  # the library keeps every header it has read
        except (OSError, ValueError, tarfile.TarError) as error:
            raise DocexpError(f"data.reader.exclude: {path} cannot be read ({error}). {index.remedy}") from None
