"""FUNSD: noisy scanned forms with headers, questions, answers and the links between them.

Source: Jaume, Ekenel, Thiran, "FUNSD: A Dataset for Form Understanding in Noisy Scanned Documents", ICDAR-OST 2019.
The layout is that of its archive: ``{training_data,testing_data}/{annotations/<stem>.json,images/<stem>.png}``.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from docexp.documents.geometry import Boxes, area, as_boxes, clip, first_fault, words_to_lines
from docexp.documents.images import inspect
from docexp.documents.page import Entity, ImageFormat, Page, Relation
from docexp.documents.readers.reader import Reader, Report
from docexp.errors import DocexpError, nearest

LABELS = ("header", "question", "answer", "other")
SPLIT_FOLDERS = {"train": "training_data", "test": "testing_data"}


@dataclass(kw_only=True)
class FunsdReader(Reader):
    """Reads FUNSD from the archive's folder, its ``dataset`` folder, or the folder that holds ``dataset``."""

    name: ClassVar[str] = "funsd"
    licence: ClassVar[str] = "non-commercial research"

    repair: Literal["none", "swap", "clip", "swap+clip"] = "none"
    """What to do with faulty boxes: ``none`` refuses them, ``swap`` turns reversed ones round, ``clip`` cuts those
    that reach beyond the page, ``swap+clip`` does both. Repairs are counted."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Entities with their four labels, and links between them."""
        return {"entities": LABELS, "relations": ("link",)}

    def pages(self, source: Path | None, report: Report) -> Iterator[tuple[str, Page]]:
        """The pages of ``training_data`` as train, then of ``testing_data`` as test, by file name."""
        root = _root(self.folder(source))
        for split, folder in SPLIT_FOLDERS.items():
            annotations, images = root / folder / "annotations", root / folder / "images"
            found = sorted(annotations.glob("*.json"))
            files = [file for file in found if not file.name.startswith(".")]  # "._x.json" is what macOS adds
            if not files:
                raise DocexpError(f"{annotations}: no json file. Is the archive fully unpacked?")
            report.refuse("hidden files", len(found) - len(files), one="hidden file")
            orphans = {file.stem for file in images.glob("[!.]*.png")} - {file.stem for file in files}
            report.refuse("images without an annotation file", len(orphans), one="image without an annotation file")
            for file in files:
                yield split, _Form(file, self.repair, report).page()


def _root(folder: Path) -> Path:
    for root in (folder, folder / "dataset"):
        present = [name for name in SPLIT_FOLDERS.values() if (root / name).is_dir()]
        if len(present) == len(SPLIT_FOLDERS):
            return root
        if present:
            raise DocexpError(f"{root}: has {present[0]} but not both of {' and '.join(SPLIT_FOLDERS.values())}.")
    raise DocexpError(
        f"{folder}: no FUNSD here. Expected dataset/training_data and dataset/testing_data, as in the archive."
    )


class _Form:
    """One annotation file on its way to a page."""

    image_format: ImageFormat

    def __init__(self, file: Path, repair: str, report: Report) -> None:
        self.file, self.repair, self.report = file, repair, report
        self.items = self._read_items()
        image_file = file.parent.parent / "images" / f"{file.stem}.png"
        if not image_file.is_file():
            raise DocexpError(f"{file}: its image {image_file} is missing. Is the archive fully unpacked?")
        self.image = image_file.read_bytes()
        self.image_format, self.width, self.height = inspect(self.image, str(image_file))

    def page(self) -> Page:
        words: list[str] = []
        boxes: list[Any] = []
        entities: list[Entity] = []
        for number, item in enumerate(self.items):
            texts = [word["text"] for word in item["words"]]
            indices = tuple(range(len(words), len(words) + len(texts)))
            box = self._box(item["box"], f"entity {number}")
            entities.append(Entity(item["label"], indices, tuple(box.tolist()), str(item["id"])))
            for place, word in enumerate(item["words"]):
                boxes.append(self._box(word["box"], f'entity {number}, word {place} "{word["text"]}"'))
            words += texts
            self._note_texts(item["text"], texts)
        relations = self._relations()
        return Page(
            id=self.file.stem,
            width=self.width,
            height=self.height,
            words=tuple(words),
            word_boxes=as_boxes(boxes),
            image=self.image,
            image_format=self.image_format,
            lines=_lines(words, as_boxes(boxes)),
            entities=tuple(entities),
            relations=relations,
        )

    def _read_items(self) -> list[dict[str, Any]]:
        try:
            form = json.loads(self.file.read_text(encoding="utf-8"))
        except ValueError as error:  # not json, or not UTF-8
            raise DocexpError(f"{self.file}: not a json file ({error}). Copy it again from the archive.") from None
        items = form.get("form") if isinstance(form, dict) else None
        if not isinstance(items, list):
            raise DocexpError(f'{self.file}: no FUNSD annotation: it has no list "form".')
        for number, item in enumerate(items):
            self._check_item(item, f"{self.file}, entity {number}")
        repeated = [name for name, count in Counter(item["id"] for item in items).items() if count > 1]
        if repeated:
            raise DocexpError(f"{self.file}: two entities have the id {repeated[0]}.")
        return items

    def _check_item(self, item: Any, where: str) -> None:
        kinds = {"box": list, "text": str, "label": str, "words": list, "linking": list, "id": int}
        _check_keys(item, kinds, where)
        for place, word in enumerate(item["words"]):
            _check_keys(word, {"box": list, "text": str}, f"{where}, word {place}")
        if item["label"] not in LABELS:
            close = nearest(item["label"], list(LABELS))
            hint = f" Nearest: {close[0]}." if close else ""
            raise DocexpError(f'{where}: label "{item["label"]}" is none of {", ".join(LABELS)}.{hint}')

    def _box(self, values: list[Any], where: str) -> Boxes:
        where = f"{self.file}, {where}"
        if len(values) != 4 or not all(type(value) in (int, float) for value in values):
            raise DocexpError(f"{where}: box {values} is not four numbers.")
        box = as_boxes(values)
        if "swap" in self.repair and (box[0, :2] > box[0, 2:]).any():
            box = np.hstack([np.minimum(box[:, :2], box[:, 2:]), np.maximum(box[:, :2], box[:, 2:])])
            self.report.repair("reversed boxes turned round", one="reversed box turned round")
        fault = first_fault(box, self.width, self.height)
        if fault and "outside" in fault[1] and "clip" in self.repair:
            cut, changed = clip(box, self.width, self.height)
            if area(cut)[0] > 0:
                self.report.repair("boxes cut at the page's border", changed, one="box cut at the page's border")
                return cut[0]
        if fault:
            raise DocexpError(f"{where}: {fault[1]}.{_advice(fault[1], self.repair)}")
        return box[0]

    def _relations(self) -> tuple[Relation, ...]:
        index = {item["id"]: number for number, item in enumerate(self.items)}
        stored: Counter[tuple[int, int]] = Counter()
        for number, item in enumerate(self.items):
            for link in item["linking"]:
                ends = link if isinstance(link, list) else []
                if not (len(ends) == 2 and all(isinstance(end, int) and end in index for end in ends)):
                    raise DocexpError(
                        f"{self.file}, entity {number}: link {link} does not name two entities of this form. "
                        f"Correct the file or take it from the archive."
                    )
                stored[index[ends[0]], index[ends[1]]] += 1
        for count in stored.values():
            self.report.note("links stored twice merged", count // 2, one="link stored twice merged")
            self.report.note("links stored at one end only", count % 2, one="link stored at one end only")
            self.report.note("repeated links merged", (count + 1) // 2 - 1, one="repeated link merged")
        own = sum(head == tail for head, tail in stored)
        self.report.note("self links dropped", own, one="self link dropped")
        return tuple(Relation(head, tail) for head, tail in stored if head != tail)

    def _note_texts(self, text: str, words: list[str]) -> None:
        note = self.report.note
        blank = sum(not word.strip() for word in words)
        note("empty words", blank, one="empty word")
        note("entities without words", blank == len(words), one="entity without words")
        note("words with a space inside", sum(len(word.split()) > 1 for word in words), one="word with a space inside")
        note(
            "words with a space at an end",
            sum(bool(word.strip()) and word != word.strip() for word in words),
            one="word with a space at an end",
        )
        if text != " ".join(words):
            same = text.split() == " ".join(words).split()
            what = "spaced otherwise than their words" if same else "that are not their words"
            note(f"entity texts {what}", one=f"entity text {what.replace('their', 'its').replace('are', 'is')}")


def _lines(words: list[str], boxes: Boxes) -> tuple[tuple[int, ...], ...]:
    """Lines as an OCR engine would see them, less the blank words.

    A blank word is print that the annotators did not transcribe: it holds its line together, and belongs to none.
    """
    lines = ([word for word in line if words[word].strip()] for line in words_to_lines(boxes))
    return tuple(tuple(line) for line in lines if line)


def _check_keys(record: Any, kinds: dict[str, type], where: str) -> None:
    if not isinstance(record, dict):
        raise DocexpError(f"{where}: {str(record)[:40]!r} is no record with {', '.join(kinds)}.")
    for key, kind in kinds.items():
        if key not in record:
            raise DocexpError(f'{where}: no "{key}".')
        if type(record[key]) is not kind:
            raise DocexpError(f'{where}: "{key}" is {record[key]!r}, not of type {kind.__name__}.')


def _advice(fault: str, repair: str) -> str:
    needed = {"<": ("swap", "turns it round"), "outside": ("clip", "cuts it at the border")}
    for sign, (name, effect) in needed.items():
        if sign in fault and name not in repair:
            both = name if repair == "none" else "swap+clip"
            return f" data.reader.repair={both} {effect} (counted)."
    return " Correct the file."
