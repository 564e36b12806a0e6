"""Kleister-NDA and Kleister-Charity: long PDF documents, and what a reader is to find in each.

Source: Stanisławek et al., "Kleister: Key Information Extraction Datasets Involving Long Documents with Complex
Layouts", ICDAR 2021, and the READMEs of applicaai/kleister-nda and applicaai/kleister-charity. The layout is that of
the repositories: ``{train,dev-0,test-A}/in.tsv.xz`` (TAB-separated, no quoting: file name, keys asked for, four texts),
``expected.tsv`` (``key=value key=value``, with ``_`` for blanks and colons), ``documents/<md5>.pdf``.
"""

import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from docexp.documents.lines import derived_lines
from docexp.documents.page import Page
from docexp.documents.pdf import pdf_pages
from docexp.documents.readers.files import inside, read_text
from docexp.documents.readers.reader import Reader, Report
from docexp.errors import DocexpError
from docexp.settings import AtLeast1, Range

FOLDERS = {"train": "train", "validation": "dev-0", "test": "test-A"}
LINE_BYTES = 64 * 2**20
"""A line holds a document's text four times over; the longest seen has some 300,000 bytes."""
Fields = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Document:
    """A line of ``in.tsv.xz``: a PDF, and the fields expected of it (none in the hidden test split)."""

    split: str
    file: Path
    fields: Fields | None


@dataclass(kw_only=True)
class KleisterReader(Reader):
    """Reads a Kleister repository's folder. A PDF is a document, each of its pages a page.

    Words and boxes are the PDF's text layer; the texts of ``in.tsv.xz`` have no boxes and are not read. ``fields``
    belong to the document: every page of it carries all of them, so that a page can be trained on by itself, and
    whoever scores counts them once for each ``document_id``. A key that was asked for and has no value has none
    (``()``). Values are as in the file, ``_`` for blanks and colons included, which is how they are scored, upper and
    lower case alike.
    """

    name: ClassVar[str] = "kleister"
    licence: ClassVar[str] = "none stated (public filings)"

    dpi: Annotated[float, Range(at_least=36, at_most=600)] = 100.0
    """Pixels an inch of the page's frame and picture."""
    render: bool = True
    """Whether pages get a picture of the PDF page."""
    max_pages: AtLeast1 | None = None
    """So many pages of a document are read, the others left out, counted; null for all."""
    missing_documents: Literal["error", "skip"] = "error"
    """Where a PDF is missing: ``error`` stops, ``skip`` leaves the document out, counted. A pointer of git-annex in the
    PDF's place is an error either way."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Fields; their names are in the data."""
        return {"fields": ()}

    def units(self, source: Path | None, report: Report) -> Iterator[Document]:
        """The documents of each split in the order of its lines; a split that is not there is counted."""
        root = self.folder(source)
        present = {split: root / name for split, name in FOLDERS.items() if (root / name / "in.tsv.xz").is_file()}
        if not present:
            raise DocexpError(f"{root}: no Kleister here. Expected train/in.tsv.xz, dev-0, test-A, and documents.")
        lacking = len(FOLDERS) - len(present)
        report.refuse("splits without in.tsv.xz", lacking, one="split without in.tsv.xz")
        named: set[str] = set()
        for split, folder in present.items():
            for document in _documents(split, folder, root / "documents", report):
                named.add(document.file.name)
                yield document
        unused = {file.name for file in (root / "documents").glob("[!.]*.pdf")} - named
        report.refuse("PDF files that no line names", len(unused), one="PDF file that no line names")

    def read(self, unit: Document, report: Report) -> Iterator[tuple[str, Page]]:
        """The pages of one document."""
        if not unit.file.exists() and not unit.file.is_symlink():
            if self.missing_documents == "error":
                raise DocexpError(
                    f"{unit.file} is missing. data.reader.missing_documents=skip leaves such documents out (counted)."
                )
            report.refuse("documents whose PDF is missing", one="document whose PDF is missing")
            return
        for page in pdf_pages(unit.file, report, dpi=self.dpi, render=self.render, max_pages=self.max_pages):
            made = Page(
                id=f"{unit.file.stem}-{page.number}",
                document_id=unit.file.stem,
                number=page.number,
                width=page.width,
                height=page.height,
                words=page.words,
                word_boxes=page.word_boxes,
                image=page.image,
                lines=derived_lines(page.words, page.word_boxes),
                fields=unit.fields,
            )
            yield unit.split, made


def _documents(split: str, folder: Path, pdfs: Path, report: Report) -> Iterator[Document]:
    file, expected = folder / "in.tsv.xz", folder / "expected.tsv"
    rows = list(_rows(file))
    answers: list[str] | None = None
    if expected.is_file() or split != "test":
        answers = (
            read_text(expected, "Only test-A comes without it.").replace("\r\n", "\n").removesuffix("\n").split("\n")
        )
        if len(answers) != len(rows):
            raise DocexpError(f"{expected}: {len(answers)} lines, but {file.name} has {len(rows)}. Copy both again.")
    else:
        report.note("documents whose fields are hidden", len(rows), one="document whose fields are hidden")
    for number, (name, keys) in enumerate(rows):
        fields = None if answers is None else _fields(answers[number], keys, f"{expected}, line {number + 1}", report)
        yield Document(split, inside(pdfs, name, f"{file}, line {number + 1}"), fields)


def _rows(file: Path) -> Iterator[tuple[str, list[str]]]:
    """File name and keys of each line; the texts behind them are passed over, one line at a time."""
    try:
        with lzma.open(file) as lines:
            number = 0
            while line := lines.readline(LINE_BYTES):
                number += 1
                columns = line.rstrip(b"\r\n").split(b"\t", 2)
                if not line.endswith(b"\n") and len(line) == LINE_BYTES:
                    raise DocexpError(f"{file}, line {number}: longer than {LINE_BYTES:,} bytes. Copy the file again.")
                if len(columns) < 2 or not columns[0]:
                    raise DocexpError(f"{file}, line {number}: no file name and keys with a TAB between.")
                yield columns[0].decode(), columns[1].decode().split(" ")
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise DocexpError(f"{file} cannot be read ({error}). Copy it again from the archive.") from None


def _fields(text: str, keys: list[str], where: str, report: Report) -> Fields:
    """``key=value key=value`` with repeated keys, as each key's values in their order."""
    values: dict[str, list[str]] = {key: [] for key in keys if key}
    for pair in filter(None, text.split(" ")):
        key, sign, value = pair.partition("=")
        if not (sign and value and key):
            raise DocexpError(f"{where}: {pair[:60]!r} is no key=value. Copy the file again.")
        report.note(
            "values of keys that were not asked for", key not in keys, one="value of a key that was not asked for"
        )
        values.setdefault(key, []).append(value)
    return {key: tuple(found) for key, found in values.items()}
