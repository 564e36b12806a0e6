import io

import pytest
from PIL import Image

from docexp.documents.images import inspect
from docexp.documents.readers.reader import Report
from docexp.documents.reading.pictures import picture
from docexp.errors import DocexpError


@pytest.fixture
def file(tmp_path):
    buffer = io.BytesIO()
    Image.new("L", (30, 40), 200).save(buffer, "png")
    path = tmp_path / "page.png"
    path.write_bytes(buffer.getvalue())
    return path


def test_an_image_gives_the_pages_size_and_keeps_its_bytes(file):
    made = picture(file, Report(), annotated=(30, 40))
    assert (made.format, made.width, made.height, made.data) == ("png", 30, 40, file.read_bytes())


def test_an_image_of_another_size_than_its_annotations_is_refused(file):
    with pytest.raises(DocexpError, match=r"page.png: the image is 30 × 40, its annotations speak of 60 × 80"):
        picture(file, Report(), annotated=(60, 80))


def test_a_missing_image_is_an_error_or_counted(tmp_path):
    gone, report = tmp_path / "gone.png", Report()
    with pytest.raises(DocexpError, match=r"gone.png is missing.*missing_images=none or blank does without"):
        picture(gone, report, annotated=(30, 40))
    with pytest.raises(DocexpError, match=r"gone.png is missing. Is the archive fully unpacked\?$"):
        picture(gone, report, missing="none")  # nothing tells its size
    bare = picture(gone, report, annotated=(30, 40), missing="none")
    assert (bare.data, bare.width, bare.height) == (None, 30, 40)
    paper = picture(gone, report, annotated=(30, 40), missing="blank")
    assert paper.data is not None and inspect(paper.data, "paper") == ("png", 30, 40)
    assert Image.open(io.BytesIO(paper.data)).getextrema() == (255, 255)
    assert report.lines() == [
        "kept, with a note: 1 page without its image · 1 page on blank paper for want of its image"
    ]
