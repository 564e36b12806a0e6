"""Pages whose image tells them apart, and what LayoutLMv2's objectives make of them."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docexp.documents.images import Part
from docexp.documents.page import Page
from docexp.inputs.dataset import SampleMaker
from docexp.inputs.encoder import PageEncoder
from docexp.inputs.sample import Window
from docexp.inputs.settings import DataSettings
from docexp.inputs.tokenizer import Tokenizer
from docexp.inputs.visit import RowDraw
from docexp.models.layoutlmv2 import LayoutLMv2Settings
from docexp.objectives import PretrainingSettings
from docexp.objectives.settings import ObjectiveSettings
from docexp.tasks.settings import Given

DOCUMENTS, PAGES, LINES, SIDE = 10, 2, 6, 64
TINY = {
    "layers": 2,
    "heads": 4,
    "hidden_size": 48,
    "ffn_size": 64,
    "coordinate_size": 8,
    "shape_size": 8,
    "max_tokens": 64,
    "image_size": SIDE,
    "grid_size": 4,
    "visual_freeze_at": 0,
    "visual_blocks": [1, 1, 1, 1],
    "visual_groups": 2,
    "visual_group_width": 2,
    "visual_stem": 4,
    "visual_width": 8,
    "visual_channels": 8,
}

Make = Callable[..., SampleMaker]


def grey(row: int) -> int:
    """The one value of a page's pixels: neither black nor white, and no other page's."""
    return 20 + 10 * row


def page(row: int, *, document: str = "", lines: bool = True, stray: bool = False) -> Page:
    """Six lines of one to three words; with ``stray`` the last word is of no line."""
    content = [["ab", "c", "def"][: number % 3 + 1] for number in range(LINES)]
    places = [(number, word) for number, line in enumerate(content) for word in range(len(line))]
    boxes = [(30 * word + 2, 15 * number + 4, 30 * word + 24, 15 * number + 12) for number, word in places]
    words = [word for line in content for word in line]
    ends = np.cumsum([0, *map(len, content)]).tolist()
    groups = [tuple(range(start, stop)) for start, stop in pairwise(ends)]
    if stray:
        groups[-1] = groups[-1][:-1]
    image = io.BytesIO()
    Image.new("L", (SIDE, SIDE), grey(row)).save(image, "png")
    return Page(
        str(row),
        100,
        100,
        tuple(words),
        boxes,
        document_id=document or f"document {row // PAGES}",
        image=image.getvalue(),
        lines=tuple(groups) if lines else None,
    )


@dataclass(frozen=True)
class Remembering(PageEncoder):
    """Encodes each page once; the arrays are shared by all its windows, and locked."""

    encoder: PageEncoder
    known: dict[str, list[Window]]

    def encode(self, page: Page, part: Part | None = None) -> list[Window]:
        assert part is None
        if page.id not in self.known:
            self.known[page.id] = self.encoder.encode(page)
            for window in self.known[page.id]:
                for array in vars(window).values():
                    if isinstance(array, np.ndarray):
                        array.setflags(write=False)
        return [replace(window, targets={}, window_targets={}) for window in self.known[page.id]]


class InMemory:
    """A reader of pages that are at hand."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = pages

    def read(self, row: int) -> Page:
        return self._pages[row]

    def key(self, row: int) -> str:
        return self._pages[row].id


@pytest.fixture(scope="session")
def make_page() -> Callable[..., Page]:
    return page


@pytest.fixture(scope="session")
def pages() -> list[Page]:
    return [page(row) for row in range(DOCUMENTS * PAGES)]


@pytest.fixture(scope="session")
def model() -> LayoutLMv2Settings:
    return LayoutLMv2Settings(**TINY, dropout=0.0, attention_dropout=0.0)


@pytest.fixture(scope="session")
def given(byte_tokenizer: Tokenizer) -> Given:
    return Given(data=DataSettings(name="x", shards="x"), tokenizer=byte_tokenizer, image_side=SIDE, patch_grid=4)


@pytest.fixture(scope="session")
def make(pages: list[Page], model: LayoutLMv2Settings, given: Given) -> Make:
    """``make(tim=TIMSettings(), …)``: makes samples of 20 pages, two to a document; ``changes`` are the model's."""

    def build(
        own: Sequence[Page] = pages, changes: Mapping[str, Any] = MappingProxyType({}), **objectives: ObjectiveSettings
    ) -> SampleMaker:
        task = PretrainingSettings()
        task.objectives = objectives
        encoder = replace(model, **changes).encoder(given.tokenizer, "word", 0)
        rows = RowDraw((range(len(own)),))
        return SampleMaker(InMemory(own), Remembering(encoder, {}), task.targets(given), "all", 3, rows)

    return build


@pytest.fixture(scope="session")
def black() -> Callable[[Window], np.ndarray]:
    """``black(window)``: which pixels are painted, ``[H, W]``."""
    return lambda window: (window.pixels == 0).all(axis=0)
