"""XFUND: forms in seven languages, annotated as FUNSD is.

Source: Xu et al., "XFUND: A Benchmark Dataset for Multilingual Visually Rich Form Understanding", ACL Findings 2022;
its release holds ``{language}.{train,val}.json`` and zips of the images. PaddleOCR's copies are read too
(``{language}_{train,val}/`` with ``xfun_normalize_*.json`` or, later, ``{train,val}.json``): one line a page, the
image's name, a tab, json. Of the later copies, which have no words, no sample was at hand: their names are unverified.

``val`` becomes ``test``: the paper and LayoutXLM report it as their test set (microsoft/unilm, layoutxlm), and there is
no other; training pages are held out where a run needs to choose.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from docexp.documents.page import Page
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.readers.xfund.paddle import paddle_forms
from docexp.documents.reading.boxes import BoxRules, RepairSettings
from docexp.documents.reading.files import check_keys, first_file, inside, read_json
from docexp.documents.reading.forms import FORM_LABELS, FormParts, check_items, form_parts
from docexp.documents.reading.pages import text_page
from docexp.documents.reading.pictures import MissingImageSettings, Picture, checked_picture, picture
from docexp.documents.reading.zips import zipped
from docexp.errors import DocexpError

Language = Literal["de", "es", "fr", "it", "ja", "pt", "zh"]
SPLITS = {"train": "train", "val": "test"}
BY_CHARACTER = ("ja", "zh")
"""Languages whose words are single characters, with nothing between them in an entity's text."""
BEYOND = 3.0
"""Pixels by which a word may stand out of its entity's box before that is counted."""


@dataclass(frozen=True)
class Form:
    """One form: its entities as the release spells them, and where its image should lie.

    ``size`` is the width and height that the file states; ``None`` where it states none. ``archive`` is the zip that
    may hold the image where it lies in no folder.
    """

    split: str
    language: str
    where: str
    id: str
    items: list[Any]
    image: Path
    size: tuple[int, int] | None
    archive: Path | None = None


@dataclass(kw_only=True)
class XfundReader(RepairSettings, MissingImageSettings, Reader):
    """Reads XFUND from the folder of its json files; images lie beside them, in folders or in the zips."""

    name: ClassVar[str] = "xfund"
    licence: ClassVar[str] = "CC BY-NC-SA 4.0"

    languages: list[Language] = field(default_factory=list)
    """Which languages to read; an empty list reads all that are there."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Entities with FUNSD's four labels, and links between them."""
        return {"entities": FORM_LABELS, "relations": ("link",)}

    def units(self, source: Path | None, report: Report) -> Iterator[Form]:
        """The forms of each language, train before test, in the order of the files."""
        root = self.folder(source)
        files = _files(root, self.languages or get_args(Language))
        missing = [language for language in self.languages if not any(found[0] == language for found in files)]
        if missing or not files:
            wanted = ", ".join(missing) or "any language"
            raise DocexpError(
                f"{root}: no XFUND for {wanted}. "
                f"Expected files like {(missing or ['de'])[0]}.train.json, as in its release."
            )
        for language, split, file in files:
            yield from _forms(language, split, file, report)

    def read(self, unit: Form, report: Report) -> Iterator[tuple[str, Page]]:
        """One form."""
        image = _zipped(unit) or picture(unit.image, report, annotated=unit.size, missing=self.missing_images)
        rules = BoxRules(image.width, image.height, self.repair, report)
        check_items(unit.items, unit.where)
        parts = form_parts(unit.items, unit.where, rules, ("", " ") if unit.language in BY_CHARACTER else (" ",))
        _note_words_beyond(parts, report)
        entities = tuple(parts.entities)
        yield unit.split, text_page(image, unit.id, text=parts.text, entities=entities, relations=parts.relations)


def _files(root: Path, languages: Sequence[str]) -> list[tuple[str, str, Path]]:
    """Language, the release's name of the split, file; the release's own files before PaddleOCR's."""
    found = []
    for language in languages:
        for split in SPLITS:
            names = [f"{language}.{split}.json"]
            names += [f"{language}_{split}/{name}" for name in (f"xfun_normalize_{split}.json", f"{split}.json")]
            present = [root / name for name in names if (root / name).is_file()]
            if present:
                found.append((language, split, present[0]))
    return found


def _forms(language: str, split: str, file: Path, report: Report) -> Iterator[Form]:
    if not file.name.startswith(f"{language}."):
        for form in paddle_forms(file, report, by_character=language in BY_CHARACTER):
            image = inside(file.parent / "image", form.image, form.where)
            yield Form(SPLITS[split], language, form.where, image.stem, form.items, image, form.size)
        return
    release = read_json(file)
    check_keys(release, {"documents": list}, str(file))
    for number, record in enumerate(release["documents"]):
        where = f"{file}, document {number}"
        check_keys(record, {"id": str, "document": list, "img": dict}, where)
        check_keys(record["img"], {"fname": str, "width": int, "height": int}, f"{where}, img")
        size = (record["img"]["width"], record["img"]["height"])
        folders = (file.parent / f"{language}.{split}", file.parent, file.parent / "images")
        image, archive = first_file(record["img"]["fname"], where, *folders), file.with_suffix(".zip")
        yield Form(SPLITS[split], language, where, record["id"], record["document"], image, size, archive)


def _zipped(unit: Form) -> Picture | None:
    """The image out of the release's zip; ``None`` where it is unpacked, or not there."""
    if unit.archive is None or unit.image.is_file() or not unit.archive.is_file():
        return None
    data = zipped(unit.archive, unit.image.name)
    return None if data is None else checked_picture(data, f"{unit.archive}, {unit.image.name}", annotated=unit.size)


def _note_words_beyond(parts: FormParts, report: Report) -> None:
    boxes = parts.boxes
    for entity in parts.entities:
        words = boxes[list(entity.words)]
        beyond = (words[:, :2] < np.array(entity.box[:2]) - BEYOND) | (words[:, 2:] > np.array(entity.box[2:]) + BEYOND)
        report.note(
            "words that stand out of their entity's box",
            int(beyond.any(axis=1).sum()),
            one="word that stands out of its entity's box",
        )
