"""A page on its way into a tar: what the index will say about it, and its members as the tar's bytes."""

import json
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.shards.contents import counts_of
from docexp.shards.members import sample_key
from docexp.shards.table import page_counts


@dataclass(frozen=True)
class Entry:
    """What the index says about a page, but for its place: small, so that it can be kept of every page.

    ``counts`` are those of the table's columns, ``names`` those of everything that goes by kind and name.
    """

    split: str
    id: str
    document_id: str
    counts: tuple[int, ...]
    names: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, split: str, page: Page, suffixes: Iterable[str]) -> Self:
        """The entry of a page whose sample has members with these suffixes."""
        return cls(split, page.id, page.document_id, page_counts(page), counts_of(page, suffixes))

    def to_json(self) -> list[Any]:
        """Plain json values; the inverse of ``from_json``."""
        names = [[kind, name, count] for (kind, name), count in self.names.items()]
        return [self.split, self.id, self.document_id, list(self.counts), names]

    @classmethod
    def from_json(cls, values: list[Any]) -> Self:
        """The inverse of ``to_json``."""
        split, page_id, document_id, counts, names = values
        return cls(split, page_id, document_id, tuple(counts), {(kind, name): count for kind, name, count in names})


@dataclass(frozen=True)
class Packed:
    """A page as bytes that a tar takes as they are."""

    entry: Entry
    data: bytes

    @cached_property
    def checksum(self) -> int:
        """CRC-32 of the bytes."""
        return zlib.crc32(self.data)


def pack(split: str, page: Page) -> Packed:
    """A page's record and image as consecutive tar members.

    Raises:
        DocexpError: a text of the page is no Unicode.
    """
    members = {"json": _record(page)}
    if page.image is not None:
        members[page.image_format] = page.image
    return pack_members(split, page, members)


def pack_members(split: str, page: Page, members: Mapping[str, bytes]) -> Packed:
    """Members by suffix, which hold this page, as consecutive tar members.

    Raises:
        DocexpError: a suffix is too long for a tar's header.
    """
    key = sample_key(page.id)
    try:
        data = b"".join(_member(f"{key}.{suffix}", members[suffix]) for suffix in sorted(members))
    except ValueError as error:
        longest = max(members, key=len)
        raise DocexpError(f"page {page.id!a}: its member .{longest} cannot be named in a tar ({error})") from error
    return Packed(Entry.of(split, page, members), data)


def _member(name: str, data: bytes) -> bytes:
    """One tar member, byte for byte as webdataset's ``TarWriter`` writes it with ``user="docexp"`` and ``mtime=0``.

    A header does not depend on what came before, so members can be made in any process and put together later.
    """
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.uname, info.gname = len(data), 0o444, "docexp", "docexp"
    return info.tobuf(tarfile.USTAR_FORMAT) + data + b"\0" * (-len(data) % tarfile.BLOCKSIZE)


def _record(page: Page) -> bytes:
    try:
        return json.dumps(page.to_json(), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise DocexpError(f"page {page.id!a}: a text holds half a surrogate pair, which is no Unicode") from error
