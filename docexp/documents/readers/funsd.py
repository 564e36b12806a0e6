"""FUNSD: noisy scanned forms with headers, questions, answers and the links between them.

Source: Jaume, Ekenel, Thiran, "FUNSD: A Dataset for Form Understanding in Noisy Scanned Documents", ICDAR-OST 2019.
The layout is that of its archive: ``{training_data,testing_data}/{annotations/<stem>.json,images/<stem>.png}``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from docexp.documents.page import Page
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, RepairSettings
from docexp.documents.reading.files import listing, read_json
from docexp.documents.reading.forms import FORM_LABELS, check_items, form_parts
from docexp.documents.reading.pages import text_page
from docexp.documents.reading.pictures import picture
from docexp.errors import DocexpError

SPLIT_FOLDERS = {"train": "training_data", "test": "testing_data"}


@dataclass(kw_only=True)
class FunsdReader(RepairSettings, Reader):
    """Reads FUNSD from the archive's folder, its ``dataset`` folder, or the folder that holds ``dataset``."""

    name: ClassVar[str] = "funsd"
    licence: ClassVar[str] = "non-commercial research"

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Entities with their four labels, and links between them."""
        return {"entities": FORM_LABELS, "relations": ("link",)}

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
        items = _items(file)
        image = picture(file.parent.parent / "images" / f"{file.stem}.png", report)
        parts = form_parts(items, str(file), BoxRules(image.width, image.height, self.repair, report))
        entities = tuple(parts.entities)
        yield split, text_page(image, file.stem, text=parts.text, entities=entities, relations=parts.relations)


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


def _items(file: Path) -> list[dict[str, Any]]:
    form = read_json(file)
    items = form.get("form") if isinstance(form, dict) else None
    if not isinstance(items, list):
        raise DocexpError(f'{file}: no FUNSD annotation: it has no list "form".')
    check_items(items, str(file))
    return items
