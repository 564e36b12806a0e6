"""Tags of documents, from a file of their own: IIT-CDIP's, say, whose metadata stands apart from its images."""

import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from docexp.documents.reading.files import check_keys
from docexp.documents.reading.json_lines import json_lines
from docexp.errors import DocexpError

HINT = 'Expected a file with lines such as {"document": "rge31d00", "tags": ["memo", "advertising"]}.'


def tags_of(document: str, place: str) -> tuple[str, ...] | None:
    """The tags that a file gives a document, by its whole id or the last part of it; None where it has no line.

    The file is read once in each process and again when it has changed. It is held in memory: about 200 bytes a
    document.

    Raises:
        DocexpError: the file is not there, or a line of it is no such record, or names a document again.
    """
    tags = _load(Path(place).expanduser(), changed(place))
    return tags.get(document, tags.get(document.rpartition("/")[2]))


def changed(place: str) -> int:
    """When a file of tags was last changed, in nanoseconds since 1970.

    Raises:
        DocexpError: there is no such file.
    """
    path = Path(place).expanduser()
    if not path.is_file():
        raise DocexpError(f"data.reader.document_tags: {place} is no file. {HINT}")
    return path.stat().st_mtime_ns


@lru_cache(maxsize=4)
def _load(path: Path, _changed: int) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    alike: dict[tuple[str, ...], tuple[str, ...]] = {}  # of millions of documents most have one of few sets of tags
    for where, document, tags in _lines(path):
        if document in found:
            raise DocexpError(f"{where}: document {document} has a line before this one. Give each document one.")
        found[document] = alike.setdefault(tags, tags)
    if not found:
        raise DocexpError(f"data.reader.document_tags: {path} is empty. {HINT}")
    return found


def _lines(path: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for line in json_lines(path, HINT):
        record: Any = line.value()
        check_keys(record, {"document": str, "tags": list}, line.where)
        tags = record["tags"]
        if not all(isinstance(tag, str) and tag.strip() for tag in tags) or len(set(tags)) < len(tags):
            raise DocexpError(f"{line.where}: tags {str(tags)[:80]} are to be texts, each once.")
        yield line.where, record["document"], tuple(map(sys.intern, tags))
