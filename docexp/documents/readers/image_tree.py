"""Documents in a tree of folders: images, with what an OCR engine said of them beside or in a tree of its own."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from docexp.documents.ocr.formats import SUFFIXES
from docexp.documents.readers.ocr_files import PLAIN_TEXTS
from docexp.documents.readers.reader import Report
from docexp.documents.readers.splits import named_split
from docexp.errors import DocexpError

IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
Grouping = Literal["image", "name", "folder"]
"""Which images are one document: each its own, those of one folder with one name but for a page number at its end
(``ffbg0227_2``, ``scan-003``), or all of a folder."""

_PAGE_NUMBER = re.compile(r"[-_](\d+)$")


@dataclass(frozen=True)
class Document:
    """One document of the tree: its images in page order, each with its OCR file, if any, or one for all of them."""

    split: str
    id: str
    root: Path
    images: tuple[Path, ...]
    ocr: tuple[Path | None, ...]
    whole: Path | None


@dataclass(frozen=True)
class Tree:
    """How a tree of folders is read; the settings of ``ImageFolderReader`` explain each."""

    root: Path
    split: str
    document: Grouping
    engine: str
    ocr_folder: Path | None

    def documents(self, report: Report) -> Iterator[Document]:
        """Every document, folder by folder in the order of their names; a folder is listed once.

        Raises:
            DocexpError: no image at all, two images or several OCR files of one name, a folder of no split.
        """
        found = False
        for folder, subfolders, names in os.walk(self.root):
            subfolders[:] = sorted((name for name in subfolders if not name.startswith(".")), key=natural)
            visible = sorted((name for name in names if not name.startswith(".")), key=natural)
            report.refuse("hidden files", len(names) - len(visible), one="hidden file")
            images = [name for name in visible if name.lower().endswith(IMAGES)]
            if images:
                found = True
                yield from self._in_folder(Path(folder), images, visible, report)
        if not found:
            raise DocexpError(f"{self.root}: no images ({', '.join(suffix[1:] for suffix in IMAGES)}) in any folder.")

    def _in_folder(self, folder: Path, images: list[str], names: list[str], report: Report) -> Iterator[Document]:
        place = folder.relative_to(self.root).as_posix()
        stems = _stems(folder, images)
        beside, others = self._ocr_files(folder, place, names, stems)
        split = self._split(folder, place)
        for name, members in self._grouped(folder, stems).items():
            whole = _only(others.pop(name.rpartition("/")[2], []), name)
            yield Document(
                split,
                name if place == "." or self.document == "folder" else f"{place}/{name}",
                self.root,
                tuple(folder / stems[stem] for stem in members),
                tuple(_only(beside.get(stem, []), f"{place}/{stem}") for stem in members),
                whole,
            )
        report.refuse("OCR files without an image", sum(map(len, others.values())), one="OCR file without an image")

    def _grouped(self, folder: Path, stems: dict[str, str]) -> dict[str, list[str]]:
        """Names of documents with the names of their images, in page order."""
        if self.document == "image":
            return {stem: [stem] for stem in stems}
        if self.document == "folder":
            whole = folder.relative_to(self.root).as_posix() if folder != self.root else self.root.resolve().name
            return {whole: list(stems)}
        groups: dict[str, list[tuple[int, str]]] = {}
        for stem in stems:
            match = _PAGE_NUMBER.search(stem)
            number = int(match.group(1)) if match else 0
            groups.setdefault(stem[: match.start()] if match else stem, []).append((number, stem))
        return {name: [stem for _, stem in sorted(members)] for name, members in groups.items()}

    def _ocr_files(
        self, folder: Path, place: str, names: list[str], stems: dict[str, str]
    ) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
        """OCR files by the name of their image, and those of no image by their own name, less the engine's."""
        if self.ocr_folder is not None:
            folder = self.ocr_folder / place
            names = sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []
        beside: dict[str, list[Path]] = {}
        others: dict[str, list[Path]] = {}
        for name in names:
            suffix = Path(name).suffix.lower()
            if suffix not in (*SUFFIXES, *PLAIN_TEXTS) or name.startswith("."):
                continue
            stem = name[: -len(suffix)]
            bare, _, engine = stem.rpartition(".")
            if self.engine:
                stem = bare if engine == self.engine else ""
            elif stem not in stems and bare in stems:
                stem = bare
            if stem:
                (beside if stem in stems else others).setdefault(stem, []).append(folder / name)
        return beside, others

    def _split(self, folder: Path, place: str) -> str:
        if self.split != "folders":
            return self.split
        found = {split for split in map(named_split, place.split("/")) if split}
        if len(found) != 1:
            raise DocexpError(
                f"{folder}: the names of its folders tell no split. Name one train, validation or test, "
                "or give data.reader.split=train."
            )
        return found.pop()


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts names as people do: ``page_2`` before ``page_10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _stems(folder: Path, images: list[str]) -> dict[str, str]:
    stems: dict[str, str] = {}
    for name in images:
        stem = name[: -len(Path(name).suffix)]
        if stem in stems:
            raise DocexpError(f"{folder}: {stems[stem]} and {name} would be one page id. Keep one of them.")
        stems[stem] = name
    return stems


def _only(files: list[Path], name: str) -> Path | None:
    placed = [file for file in files if file.suffix.lower() not in PLAIN_TEXTS] or files
    if len(placed) > 1:
        engines = ", ".join(file.name for file in placed[:4])
        raise DocexpError(f"{name}: several OCR files ({engines}). Give data.reader.engine=NAME, or keep one.")
    return placed[0] if placed else None
