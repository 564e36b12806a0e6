"""DocBank: pages of arXiv papers, every token with one of thirteen labels.

Source: Li et al., "DocBank: A Benchmark Dataset for Document Layout Analysis", COLING 2020, and the README of
doc-analysis/DocBank. A page is ``<paper>_<page>.txt``, ten TAB-separated fields a line (token, x0, y0, x1, y1, R, G, B,
font, label) with CRLF, and ``<paper>_<page>_ori.jpg``; boxes are in thousandths of the page. Which page belongs to
which split, files of names say; the names of folders and of those files are unverified.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from docexp.documents.geometry import Boxes
from docexp.documents.lines import derived_lines
from docexp.documents.page import Entity, Page
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, RepairSettings, around
from docexp.documents.reading.files import inside, listing, read_text
from docexp.documents.reading.pages import PageText, text_page
from docexp.documents.reading.pictures import Picture, picture
from docexp.documents.reading.splits import chosen_splits
from docexp.errors import DocexpError, nearest

LABELS = (
    "abstract",
    "author",
    "caption",
    "date",
    "equation",
    "figure",
    "footer",
    "list",
    "paragraph",
    "reference",
    "section",
    "table",
    "title",
)
PSEUDO = ("##LTLine##", "##LTFigure##")
"""What stands for a drawn line or a figure where a token should be: no word of the page."""
FRAME = 1000.0


@dataclass(kw_only=True)
class DocbankReader(RepairSettings, Reader):
    """Reads DocBank from the folder that holds its texts, its images and the lists of its splits.

    An entity is a longest run of tokens with one label. DocBank labels tokens and scores them one by one, by the area
    of those that are right, so that runs lose nothing; two paragraphs in a row are one entity, and one that figures
    interrupt stays one. Colours and fonts are not kept.
    """

    name: ClassVar[str] = "docbank"
    licence: ClassVar[str] = "CC BY-NC-ND 4.0, no redistribution"

    texts: str = "DocBank_500K_txt"
    """The folder of the text files, relative to the source."""
    images: str = "DocBank_500K_ori_img"
    """The folder of the images, relative to the source."""
    train: str | None = "indexed_files/500K_train.txt"
    """The list of the training split's text files, relative to the source; ``*`` for every text file, null for none."""
    validation: str | None = "indexed_files/500K_dev.txt"
    """The list of the validation split's text files, relative to the source; as for ``train``."""
    test: str | None = "indexed_files/500K_test.txt"
    """The list of the test split's text files, relative to the source; as for ``train``."""
    missing_images: Literal["error", "none"] = "error"
    """Where an image is missing: ``error`` stops, ``none`` keeps the page without one, 1000 × 1000 in size, counted."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Entities with their thirteen labels: twelve of the paper, and ``date``."""
        return {"entities": LABELS}

    def units(self, source: Path | None, report: Report) -> Iterator[tuple[str, Path, Path]]:
        """Split, text file and image of each page, in the order of the lists."""
        root = self.folder(source)
        for split, chosen, setting in chosen_splits(self.train, self.validation, self.test):
            for file in self._files(root, chosen, setting, report):
                yield split, file, root / self.images / f"{file.name.removesuffix('.txt')}_ori.jpg"

    def read(self, unit: tuple[str, Path, Path], report: Report) -> Iterator[tuple[str, Page]]:
        """One page."""
        split, file, image = unit
        paper = self._picture(image, report)
        rules = BoxRules(FRAME, FRAME, self.repair, report)
        words, boxes, labels = _tokens(file, rules)
        pixels = boxes * ([paper.width / FRAME, paper.height / FRAME] * 2)
        _note_words(words, boxes, report)
        name = file.name.removesuffix(".txt")
        document, _, number = name.rpartition("_")
        numbered = bool(document) and re.fullmatch("[0-9]{1,9}", number) is not None
        text = PageText(tuple(words), pixels, derived_lines(words, pixels))
        place = (document, int(number)) if numbered else (name, 0)
        yield split, text_page(paper, name, *place, text, entities=_runs(labels, pixels))

    def _files(self, root: Path, chosen: str, setting: str, report: Report) -> Iterator[Path]:
        folder = root / self.texts
        if chosen == "*":
            yield from listing(folder, "*.txt", report, "data.reader.texts=FOLDER names the folder of the text files.")
            return
        index = inside(root, chosen, setting)
        lines = read_text(index, f"{setting}=FILE names the list, null does without this split.")
        for number, line in enumerate(lines.split("\n")):
            if line.strip():
                yield inside(folder, line.strip(), f"{index}, line {number + 1}")

    def _picture(self, image: Path, report: Report) -> Picture:
        if self.missing_images == "none" and not image.is_file():
            report.note("pages of 1000 × 1000 for want of their image", one="page of 1000 × 1000 for want of its image")
            return Picture(None, "png", int(FRAME), int(FRAME))
        if not image.is_file():
            raise DocexpError(f"{image} is missing. data.reader.missing_images=none does without (counted).")
        return picture(image, report)


def _tokens(file: Path, rules: BoxRules) -> tuple[list[str], Boxes, list[str]]:
    """Words, boxes in thousandths, and labels of a text file, without its pseudo-tokens."""
    words: list[str] = []
    boxes: list[Boxes] = []
    labels: list[str] = []
    for number, line in enumerate(read_text(file, "Is the archive fully unpacked?").split("\n")):
        where, fields = f"{file}, line {number + 1}", line.removesuffix("\r").split("\t")
        if fields == [""]:
            continue
        if len(fields) != 10:
            raise DocexpError(f"{where}: {len(fields)} fields, not 10 with a TAB between. Copy the file again.")
        if fields[0] in PSEUDO:
            rules.report.refuse(f"{fields[0]} tokens", one=f"{fields[0]} token")
            continue
        if fields[9] not in LABELS:
            close = nearest(fields[9], list(LABELS))
            hint = f" Nearest: {close[0]}." if close else ""
            raise DocexpError(f'{where}: label "{fields[9][:40]}" is none of {", ".join(LABELS)}.{hint}')
        words.append(fields[0])
        labels.append(fields[9])
        boxes.append(rules.box(_integers(fields[1:5], where), f'{where}, "{fields[0]}"'))
    return words, np.array(boxes, np.float64).reshape(-1, 4), labels


def _integers(fields: list[str], where: str) -> list[int]:
    if not all(re.fullmatch("-?[0-9]{1,9}", field) for field in fields):
        raise DocexpError(f"{where}: box {' '.join(fields)[:60]} is not four whole numbers.")
    return list(map(int, fields))


def _runs(labels: list[str], boxes: Boxes) -> tuple[Entity, ...]:
    entities = []
    for label, group in groupby(range(len(labels)), key=labels.__getitem__):
        words = tuple(group)
        entities.append(Entity(label, words, around(boxes[list(words)]), str(len(entities))))
    return tuple(entities)


def _note_words(words: list[str], boxes: Boxes, report: Report) -> None:
    report.note("empty words", sum(not word.strip() for word in words), one="empty word")
    codes = sum("(cid:" in word for word in words)
    report.note("words with glyph codes such as (cid:15)", codes, one="word with a glyph code such as (cid:15)")
    flat = int((boxes[:, :2] == boxes[:, 2:]).any(axis=1).sum())
    report.note("words without width or height", flat, one="word without width or height")
