"""Images inside the zip files in which a release holds them."""

import lzma
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from docexp.errors import DocexpError

LARGEST = 2**28
"""Bytes of a member; no page image has so many, and a zip's small file may claim any number."""

_FAULTS = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
"""What ``zipfile`` lets through for a damaged file, besides its own: names that are not UTF-8 and places before the
file's begin (ValueError), an encrypted member or a method that it does not know (RuntimeError), the decompressors'."""


def zipped(archive: Path, name: str) -> bytes | None:
    """The bytes of the member called ``name``, in whatever folder of the archive; ``None`` where there is none.

    Raises:
        DocexpError: no zip file, damaged, encrypted, two members of that name, or one beyond ``LARGEST``.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            members = [info for info in file.infolist() if PurePosixPath(info.filename).name == name]
            if len(members) > 1:
                raise DocexpError(f"{archive}: {name} stands in it {len(members)} times. Unpack it and keep one.")
            if members and members[0].file_size > LARGEST:
                raise DocexpError(f"{archive}, {name}: {members[0].file_size:,} bytes are no page image.")
            return file.read(members[0]) if members else None
    except _FAULTS as error:
        reason = str(error) or "it ends too early"
        raise DocexpError(f"{archive} cannot be read ({reason}). Copy it again from the release.") from None
