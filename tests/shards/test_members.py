"""The short way through a sample's tar bytes gives what ``tarfile`` gives, or leaves it to that."""

import contextlib
import io
import struct
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docexp.shards.members import _tar_members, parse_sample, scan_members

NAMES = st.text(st.sampled_from("ab_.-/ é\n%~\x7f"), min_size=1, max_size=120)
CONTENTS = st.binary(max_size=1100)
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE])
FORMATS = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])


def tar(members, form=tarfile.USTAR_FORMAT, **facts) -> bytes:
    """The members' bytes without the blocks of zeros at the end."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as out:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(content) if kind in (tarfile.REGTYPE, tarfile.AREGTYPE) else 0
            for fact, value in facts.items():
                setattr(info, fact, value)
            with contextlib.suppress(ValueError):  # a name or number for which the format has no room
                out.addfile(info, io.BytesIO(content))
        end = out.offset
    return file.getvalue()[:end]


def scanned(data: bytes, before: bytes = b""):
    whole = before + data
    return scan_members(lambda size, place: whole[place : place + size], len(before), len(whole))


def judged(data: bytes):
    try:
        return _tar_members(data)
    except tarfile.TarError:
        return "refused"


def same(data: bytes) -> None:
    found = scanned(data)
    if found is not None:
        assert found == judged(data)
    assert scanned(data, b"some bytes of another sample") == found


def test_a_plain_sample_needs_no_tarfile() -> None:
    data = tar([("k.json", tarfile.REGTYPE, b"{}"), ("k.PNG", tarfile.REGTYPE, b"x" * 700)], mtime=1, uid=5)
    assert scanned(data) == ("k", {"json": b"{}", "png": b"x" * 700}) == judged(data)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(NAMES, KINDS, CONTENTS), max_size=3), FORMATS, st.integers(0, 2**40), NAMES)
def test_any_tar_reads_as_tarfile_reads_it(members, form, number, owner) -> None:
    data = tar(members, form, mtime=number, uid=number // 3, uname=owner, linkname=owner)
    same(data)
    same(data + bytes(1024))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_byte_or_a_torn_end_is_left_to_tarfile(data) -> None:
    whole = bytearray(tar([("k.json", tarfile.REGTYPE, b"{}" * 9), ("k.png", tarfile.REGTYPE, b"xyz")]))
    place = data.draw(st.integers(0, len(whole) - 1).map(lambda n: n % 512 + n // 512 % 2 * 1024))
    whole[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):  # with a checksum that fits, so that the fields themselves are judged
        start = place // 512 * 512
        header = whole[start : start + 512]
        header[148:156] = b" " * 8
        whole[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    same(bytes(whole))
    same(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


@pytest.mark.parametrize("field", [slice(100, 108), slice(124, 136), slice(136, 148), slice(329, 337), slice(345, 500)])
def test_odd_fields_with_a_good_checksum(field) -> None:
    data = bytearray(tar([("k.json", tarfile.REGTYPE, b"{}")]))
    for odd in (b"\x80", b" 7", b"9", b"-1", b"1_1", b"\0"):
        changed = bytearray(data)
        changed[field] = odd.ljust(field.stop - field.start, b"\0")
        total = sum(struct.unpack("148B8x356B", changed[:512])) + 256
        changed[148:156] = b"%06o\0 " % total
        same(bytes(changed))


def test_what_is_no_tar_is_refused() -> None:
    for data in (b"", b"x" * 2000, tar([("k.json", tarfile.REGTYPE, b"{}" * 400)])[:600]):
        with pytest.raises(tarfile.TarError):
            parse_sample(data)
