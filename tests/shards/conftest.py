"""Small pages and small sets of them."""

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docexp.documents.page import Entity, Page, Region
from docexp.shards.index import Index, SetFacts
from docexp.shards.write import write_shards

FACTS = {"name": "tiny", "licence": "none", "command": "docexp data prepare data=tiny"}


def picture(number: int, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 255, (6, 5), dtype=np.uint8)).save(data, kind)
    return data.getvalue()


def page(
    name: str, *, document: str = "", words: Iterable[str] = ("Total:", " ", "12"), number: int = 0, **values
) -> Page:
    words = tuple(words)
    boxes = [(i, 1.5, i + 1, 2.25) for i in range(len(words))]
    return Page(
        **{
            "id": name,
            "document_id": document,
            "width": 50,
            "height": 60,
            "words": words,
            "word_boxes": np.array(boxes, float),
            "number": number,
            "image": picture(number),
            "entities": (Entity("key", (0, 1), (0, 1, 1, 3)), Entity("blank", (1,), (1, 1, 2, 3)))
            if len(words) > 1
            else None,
            "regions": (Region("text", (0, 0, 9, 9), 81.0),),
        }
        | values
    )


@pytest.fixture
def make_page() -> Callable[..., Page]:
    """Makes a page: ``make_page(id, document=…, words=…, **fields of Page)``."""
    return page


@pytest.fixture
def facts() -> SetFacts:
    return SetFacts(**FACTS)


@pytest.fixture
def pages() -> list[tuple[str, Page]]:
    """43 pages in 15 documents of train, mixed with 9 of test, no two images alike."""
    made = [
        (
            "test" if number % 6 == 5 else "train",
            page(f"p{number}", document=f"d{number % 5}-{number // 18}-{number % 6 == 5}", number=number + 1),
        )
        for number in range(52)
    ]
    return made


@pytest.fixture
def make_set(tmp_path: Path, pages: list[tuple[str, Page]], facts: SetFacts) -> Callable[..., Index]:
    """Writes ``pages`` (or those given) as several shards a split."""

    def make(name: str = "set", given: Iterable[tuple[str, Page]] | None = None, **options) -> Index:
        return write_shards(
            pages if given is None else given, tmp_path / name, facts, **({"shard_bytes": 20_000} | options)
        )

    return make
