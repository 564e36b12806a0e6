"""One page looked at: what is wrong with it, and what must be compared with all others. Runs in any process."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docexp.documents.images import decode
from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.shards.check.alike import look, wording
from docexp.shards.check.finding import sample_at
from docexp.shards.check.oddities import Oddity, answers_found, oddities
from docexp.shards.codes import stored_codes
from docexp.shards.contents import counts_of
from docexp.shards.index import Index
from docexp.shards.members import to_page
from docexp.shards.table import COUNTED, hash64, page_counts


@dataclass
class Checked:
    """What was found on the page of a row; all but ``row`` and ``faults`` is empty where it cannot be read."""

    row: int
    faults: list[str] = field(default_factory=list)
    id: int | None = None
    """The hash of its id; so are the next ones of its image's bytes and of its words."""
    image: int | None = None
    look: NDArray[np.uint64] | None = None
    wording: int | None = None
    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    oddities: list[Oddity] = field(default_factory=list)
    answered: tuple[int, int] = (0, 0)
    """Questions with an answer that the words hold, of questions with answers."""


def check_rows(index: Index, rows: Iterable[int]) -> list[Checked]:
    """``check_row`` of several rows."""
    return [check_row(index, row) for row in rows]


def check_row(index: Index, row: int) -> Checked:
    """Reads a page, decodes its image, compares it with its row of the index."""
    found = Checked(row)
    try:
        where, page = _read(index, row, found)
        image = _image(page, where, found)
        _observe(page, image, index.split_of(row), found)
        entry = index.table[row]
        if tuple(int(entry[name]) for name in COUNTED) != page_counts(page) or entry["document"] != hash64(
            page.document_id
        ):
            raise DocexpError(f"{where}: row {row} of the index does not fit its page. {index.remedy}")
    except DocexpError as error:
        found.faults.append(str(error))
    return found


def _read(index: Index, row: int, found: Checked) -> tuple[str, Page]:
    where, members = sample_at(index, row)
    page = to_page(members, where)
    found.id, found.counts = hash64(page.id), counts_of(page, members)
    _check_codes(index, members, where, found)
    return where, page


def _check_codes(index: Index, members: Mapping[str, bytes], where: str, found: Checked) -> None:
    stated = index.facts.codes
    if stated is None:
        return
    try:
        codes = stored_codes(members, where)
    except DocexpError as error:
        found.faults.append(str(error))
        return
    if len(codes) != stated.grid**2:
        found.faults.append(f"{where} has {len(codes)} codes, the index says {stated.grid} × {stated.grid}")
    if codes.max() >= stated.vocabulary:
        found.faults.append(f"{where} has code {codes.max()}, the index says all are below {stated.vocabulary}")


def _image(page: Page, where: str, found: Checked) -> Image.Image | None:
    if page.image is None:
        return None
    found.image = hash64(page.image)
    try:
        return decode(page)
    except DocexpError as error:
        found.faults.append(f"{where}: {error}")
        return None


def _observe(page: Page, image: Image.Image | None, split: str, found: Checked) -> None:
    found.look = None if image is None else look(image)
    found.wording = wording(page.words)
    found.oddities = [oddity for oddity in oddities(page, image, split) if oddity[2]]
    found.answered = answers_found(page)
