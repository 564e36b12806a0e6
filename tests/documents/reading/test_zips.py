"""Members of zip files, and zip files with damage of every kind."""

import io
import random
import zipfile

import pytest

from docexp.documents.reading.zips import zipped
from docexp.errors import DocexpError


def archive(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        made.writestr("de/ü.jpg", random.Random(0).randbytes(200) * 3)
    return file.getvalue()


def test_a_member_is_found_in_whatever_folder(tmp_path):
    (tmp_path / "a.zip").write_bytes(archive(zipfile.ZIP_DEFLATED))
    assert zipped(tmp_path / "a.zip", "ü.jpg") == random.Random(0).randbytes(200) * 3
    assert zipped(tmp_path / "a.zip", "u.jpg") is None


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=str
)
def test_damage_gives_bytes_or_one_error(tmp_path, method):
    whole, file, rng = archive(method), tmp_path / "a.zip", random.Random(method)
    refused = 0
    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 1, 2, 4])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        file.write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.1 else data)
        try:
            zipped(file, "ü.jpg")
        except DocexpError as error:
            assert str(error).startswith(f"{file}") and len(str(error).splitlines()) == 1 and "()" not in str(error)
            refused += 1
    assert refused > 500
