"""FUNSD: noisy scanned forms with headers, questions, answers and the links between them.

Source: Jaume, Ekenel, Thiran, "FUNSD: A Dataset for Form Understanding in Noisy Scanned Documents", ICDAR-OST 2019.
The layout is that of its archive: ``{training_data,testing_data}/{annotations/<stem>.json,images/<stem>.png}``.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from docexp.documents.geometry import as_boxes
from docexp.documents.lines import derived_lines
from docexp.documents.page import Entity, Page, Relation
from docexp.documents.readers.boxes import BoxRules, Repair
from docexp.documents.readers.files import check_keys, listing, read_json
from docexp.documents.readers.pictures import picture
from docexp.documents.readers.reader import Reader, Report
from docexp.errors import DocexpError, nearest

LABELS = ("header", "question", "answer", "other")
SPLIT_FOLDERS = {"train": "training_data", "test": "testing_data"}


@dataclass(kw_only=True)
class FunsdReader(Reader):
    """Reads FUNSD from the archive's folder, its ``dataset`` folder, or the folder that holds ``dataset``."""

    name: ClassVar[str] = "funsd"
    licence: ClassVar[str] = "non-commercial research"

    repair: Repair = "none"
    """What to do with faulty boxes: ``none`` refuses them, ``swap`` turns reversed ones round, ``clip`` cuts those
    that reach beyond the page, ``swap+clip`` does both. Repairs are counted."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Entities with their four labels, and links between them."""
        return {"entities": LABELS, "relations": ("link",)}

    def units(self, source: Path | None, report: Report) -> Iterator[tuple[str, Path]]:
        """The annotation files of ``training_data`` as train, then of ``testing_data`` as test, by file name."""
        root = _root(self.folder(source))
        for split, folder in SPLIT_FOLDERS.items():
            files = listing(root / folder / "annotations", "*.json", report)
            images = {file.stem for file in (root / folder / "images").glob("[!.]*.png")}
            orphans = images - {file.stem for file in files}
            report.refuse("images without an annotation file", len(orphans), one="image without an annotation file")
            for file in files:
                yield split, file

    def read(self, unit: tuple[str, Path], report: Report) -> Iterator[tuple[str, Page]]:
        """One form."""
        split, file = unit
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

    def __init__(self, file: Path, repair: Repair, report: Report) -> None:
        self.file, self.report = file, report
        self.items = self._read_items()
        self.picture = picture(file.parent.parent / "images" / f"{file.stem}.png", report)
        self.rules = BoxRules(self.picture.width, self.picture.height, repair, report)

    def page(self) -> Page:
        words: list[str] = []
        boxes: list[Any] = []
        entities: list[Entity] = []
        for number, item in enumerate(self.items):
            texts = [word["text"] for word in item["words"]]
            indices = tuple(range(len(words), len(words) + len(texts)))
            box = self.rules.box(item["box"], f"{self.file}, entity {number}")
            entities.append(Entity(item["label"], indices, tuple(box.tolist()), str(item["id"])))
            for place, word in enumerate(item["words"]):
                boxes.append(
                    self.rules.box(word["box"], f'{self.file}, entity {number}, word {place} "{word["text"]}"')
                )
            words += texts
            self._note_texts(item["text"], texts)
        relations = self._relations()
        return Page(
            id=self.file.stem,
            width=self.picture.width,
            height=self.picture.height,
            words=tuple(words),
            word_boxes=as_boxes(boxes),
            image=self.picture.data,
            image_format=self.picture.format,
            lines=derived_lines(words, as_boxes(boxes)),
            entities=tuple(entities),
            relations=relations,
        )

    def _read_items(self) -> list[dict[str, Any]]:
        form = read_json(self.file)
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
        check_keys(item, kinds, where)
        for place, word in enumerate(item["words"]):
            check_keys(word, {"box": list, "text": str}, f"{where}, word {place}")
        if item["label"] not in LABELS:
            close = nearest(item["label"], list(LABELS))
            hint = f" Nearest: {close[0]}." if close else ""
            raise DocexpError(f'{where}: label "{item["label"]}" is none of {", ".join(LABELS)}.{hint}')

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
