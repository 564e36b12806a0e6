"""The members of a sample inside a tar: their names, their bytes, and the page they hold."""

import hashlib
import io
import json
import re
import string
import tarfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from docexp.documents.page import ImageFormat, Page
from docexp.errors import DocexpError

IMAGE_SUFFIXES: dict[str, ImageFormat] = {
    "png": "png",
    "jpg": "jpg",
    "jpeg": "jpg",
    "webp": "webp",
    "tif": "tif",
    "tiff": "tif",
}
"""Suffixes of image members, ours first, and the format that a page calls them."""

_SAFE = frozenset(string.ascii_letters + string.digits + "_-")
_KEY_LENGTH = 80  # a ustar name has 100 bytes; the longest suffix, ocr.<engine>.json, needs the rest
_MEMBER = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")
_META = re.compile(r"__[^/]*__($|/)")
_HEADER = re.compile(
    rb"""(?=([\x20-\x7e]{1,99})\0) .{100}  # the name, up to its first zero
    (?:[0-7]{7}[ \0]){3}                  # mode, owner, group
    ([0-7]{11})[ \0] [0-7]{11}[ \0]       # size, time
    ([0-7]{6})\0[ ] 0                     # checksum; a plain file
    .{100} .{72}                          # target of a link; magic, version, names of owner and group
    (?:[0-7]{7}[ \0] | \0{8}){2} \0      # device; no prefix that would belong to the name
    """,
    re.DOTALL | re.VERBOSE,
)
"""What ``scan_members`` reads by itself: the header of a plain file with a short name, as every tar writer makes it."""

_NEEDED = [f.name for f in fields(Page) if f.default is MISSING and f.default_factory is MISSING]


def sample_key(page_id: str) -> str:
    """The page's id as a WebDataset key: letters, digits, ``_`` and ``-`` stay, other bytes become ``%XX``.

    A key may hold no dot (it would end there) and no slash. Ids that would grow beyond a ustar name keep their start
    and end in ``~`` and a digest, so that different ids have different keys.
    """
    key = "".join(c if c in _SAFE else "".join(f"%{byte:02X}" for byte in c.encode()) for c in page_id)
    if len(key) <= _KEY_LENGTH:
        return key
    digest = hashlib.sha256(page_id.encode()).hexdigest()[:20]
    return f"{key[: _KEY_LENGTH - 21]}~{digest}"


def split_member(name: str) -> tuple[str, str] | None:
    """A member's key and lower-case suffix; ``None`` where the ``webdataset`` library would pass over it.

    Source: ``base_plus_ext``, ``tar_file_iterator`` and ``group_by_keys`` of webdataset 1.0.2.
    """
    if _META.match(name):
        return None
    match = _MEMBER.match(name)
    return (match.group(1), match.group(2).lower()) if match else None


def parse_sample(data: bytes) -> tuple[str, dict[str, bytes]]:
    """Key and members by suffix of a sample, from the tar bytes that cover all its members.

    Raises:
        tarfile.TarError: the bytes are no tar members, or end too early.
    """
    return scan_members(lambda size, place: data[place : place + size], 0, len(data)) or _tar_members(data)


def scan_members(read: Callable[[int, int], bytes], place: int, end: int) -> tuple[str, dict[str, bytes]] | None:
    """``parse_sample`` where all members are plain files with plain headers, ``None`` where ``tarfile`` must judge.

    Several times as fast as ``tarfile``, which builds an object and several attributes for every header, and no byte
    is copied twice. Source of the fields and of the checksum (the sum of the header's bytes, its own eight counted as
    spaces): POSIX.1-2017, pax, "ustar Interchange Format".

    Args:
        read: gives so many bytes from a place in the tar, fewer where it ends.
        place: where the sample's first header begins.
        end: where its last member ends.
    """
    key, members, start = "", {}, place
    while place < end:
        head = read(tarfile.BLOCKSIZE, place)
        header = _HEADER.match(head)
        if header is None or len(head) < tarfile.BLOCKSIZE or _header_sum(head) != int(header[3], 8):
            return None
        first, size = place + tarfile.BLOCKSIZE, int(header[2], 8)
        place = first + (size + tarfile.BLOCKSIZE - 1) // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE
        if place > end:
            return None
        parts = _parts(header[1].decode("ascii"))
        if parts:
            key, members[parts[1]] = parts[0], (content := read(size, first))
            if len(content) < size:
                return None
    return (key, members) if place > start else None


def _header_sum(head: bytes) -> int:
    """The sum of a header's bytes, its checksum read as spaces. Adler-32's lower half is exact up to 256 bytes."""
    first, middle, last = zlib.adler32(head[:148]), zlib.adler32(head[156:334]), zlib.adler32(head[334:])
    return (first & 0xFFFF) + (middle & 0xFFFF) + (last & 0xFFFF) - 3 + 8 * 32


def _parts(name: str) -> tuple[str, str] | None:
    """``split_member``, in short for names without folders."""
    if "/" in name or name.startswith("__"):
        return split_member(name)
    key, dot, suffix = name.partition(".")
    return (key, suffix.lower()) if key and dot else None


def _tar_members(data: bytes) -> tuple[str, dict[str, bytes]]:
    key, members = "", {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        for info in tar:
            parts = split_member(info.name) if info.isreg() else None
            stream = tar.extractfile(info) if parts else None
            if parts and stream:
                key, members[parts[1]] = parts[0], stream.read()
    return key, members


def to_page(members: Mapping[str, bytes], where: str) -> Page:
    """The page a sample's members hold; members that are neither its record nor its image are left alone.

    Raises:
        DocexpError: no record, a record that is no page, or two images; ``where`` names tar and sample.
    """
    images = [suffix for suffix in members if suffix in IMAGE_SUFFIXES]
    if len(images) > 1:
        raise DocexpError(f"{where} has {len(images)} images ({', '.join(images)}); a page has one")
    record = _record(members, where)
    image = members[images[0]] if images else None
    try:
        page = Page.from_json(record, image, IMAGE_SUFFIXES[images[0]] if images else "png")
    except DocexpError as error:
        raise DocexpError(f"{where}: {error}") from None
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise DocexpError(f"{where}: its .json is no page record ({error})") from None
    if not isinstance(page.id, str) or not isinstance(page.document_id, str):
        raise DocexpError(f"{where}: id and document_id of its .json must be texts")
    return page


def _record(members: Mapping[str, bytes], where: str) -> dict[str, Any]:
    if "json" not in members:
        others = ", ".join(f".{suffix}" for suffix in members)
        raise DocexpError(f"{where} has no .json with the page's record, only {others}")
    try:
        record = json.loads(members["json"])
    except (ValueError, RecursionError) as error:
        raise DocexpError(f"{where}: its .json does not parse ({error})") from None
    missing = [name for name in _NEEDED if not isinstance(record, dict) or name not in record]
    if missing:
        raise DocexpError(f"{where}: its .json is no page record: {', '.join(missing)} missing")
    return record
