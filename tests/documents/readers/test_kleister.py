"""Kleister: documents of several pages, repeated keys, escaped texts, pointers in the place of PDFs."""

import lzma
from collections import Counter
from pathlib import Path

import pytest

from docexp.documents.readers.kleister import KleisterReader
from docexp.documents.readers.reader import Report

KEYS = "effective_date jurisdiction party term"


def pdf(*words: str) -> bytes:
    """A file of one page for each word."""
    kids = " ".join(f"{10 + n} 0 R" for n in range(len(words)))
    parts = [
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
        f"2 0 obj<</Type/Pages/Kids[{kids}]/Count {len(words)}/MediaBox[0 0 144 72]>>endobj",
        "3 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj",
    ]
    for n, word in enumerate(words):
        parts.append(
            f"{10 + n} 0 obj<</Type/Page/Parent 2 0 R/Contents {50 + n} 0 R/Resources<</Font<</F 3 0 R>>>>>>endobj"
        )
        content = f"BT /F 20 Tf 10 30 Td ({word}) Tj ET"
        parts.append(f"{50 + n} 0 obj<</Length {len(content)}>>stream\n{content}\nendstream endobj")
    return "\n".join([*parts, "trailer<</Root 1 0 R>>"]).encode()


def download(folder: Path, *rows: tuple[str, str], split: str = "train", expected: bool = True) -> Path:
    (folder / split).mkdir(parents=True, exist_ok=True)
    (folder / "documents").mkdir(exist_ok=True)
    lines = "".join(f'd{n}.pdf\t{keys}\ta "b\\n c\td\te\tf\n' for n, (keys, _) in enumerate(rows))
    (folder / split / "in.tsv.xz").write_bytes(lzma.compress(lines.encode()))
    if expected:
        (folder / split / "expected.tsv").write_text("".join(f"{values}\n" for _, values in rows))
    for n in range(len(rows)):
        (folder / "documents" / f"d{n}.pdf").write_bytes(pdf("one", "two"))
    return folder


def read(source: Path, **settings):
    report = Report()
    return list(KleisterReader(**settings).pages(source, report)), report


def test_every_page_of_a_pdf_carries_its_documents_fields(tmp_path):
    values = "effective_date=2001-04-18 party=Prémaman_S.A. party=99¢_“Only”"
    pages, report = read(download(tmp_path, (KEYS, values)), dpi=72)
    assert [(split, page.id, page.document_id, page.number) for split, page in pages] == [
        ("train", "d0-0", "d0", 0),
        ("train", "d0-1", "d0", 1),
    ]
    assert [page.words for _, page in pages] == [("one",), ("two",)]
    assert all(page.image is not None and (page.width, page.height) == (144, 72) for _, page in pages)
    assert [page.fields for _, page in pages] == [
        {
            "effective_date": ("2001-04-18",),
            "jurisdiction": (),
            "party": ("Prémaman_S.A.", "99¢_“Only”"),
            "term": (),
        }
    ] * 2, "keys that were asked for in vain are there and empty; values keep their order and spelling"
    assert report.refused == {"splits without in.tsv.xz": 2}


def test_the_hidden_split_has_no_fields(tmp_path, refusal):
    pages, report = read(download(tmp_path, (KEYS, ""), split="test-A", expected=False), render=False)
    assert {(split, page.fields, page.image) for split, page in pages} == {("test", None, None)}
    assert report.kept == {"documents whose fields are hidden": 1}
    assert refusal(KleisterReader(), download(tmp_path / "b", (KEYS, ""), expected=False)).endswith(
        "train/expected.tsv is missing. Only test-A comes without it."
    )


def test_values_of_keys_that_were_not_asked_for_are_kept_and_counted(tmp_path):
    pages, report = read(download(tmp_path, ("term", "term=2_years party=A_B")), max_pages=1)
    assert pages[0][1].fields == {"term": ("2_years",), "party": ("A_B",)}
    assert report.kept == {"values of keys that were not asked for": 1}
    assert report.refused["pages beyond the first of their PDF that were wanted"] == 1


def test_a_missing_pdf_is_refused_or_left_out_and_an_unused_one_counted(tmp_path, refusal):
    source = download(tmp_path, (KEYS, ""), (KEYS, "party=A"))
    (source / "documents/d0.pdf").rename(source / "documents/spare, one.pdf")
    assert refusal(KleisterReader(), source) == (
        "DIR/documents/d0.pdf is missing. data.reader.missing_documents=leave_out leaves such documents out (counted)."
    )
    pages, report = read(source, missing_documents="leave_out")
    assert {page.document_id for _, page in pages} == {"d1"}
    assert report.refused == {
        "splits without in.tsv.xz": 2,
        "documents whose PDF is missing": 1,
        "PDF files that no line names": 1,
    }


@pytest.mark.parametrize("kind", ["link", "text"])
def test_a_pointer_of_git_annex_is_named_as_such_even_where_missing_pdfs_are_left_out(tmp_path, refusal, kind):
    source = download(tmp_path, (KEYS, ""))
    file = source / "documents/d0.pdf"
    file.unlink()
    target = "../.git/annex/objects/x/y/SHA256E-s9--ab.pdf/SHA256E-s9--ab.pdf"
    if kind == "link":
        file.symlink_to(target)
    else:
        file.write_text(target)
    text = refusal(KleisterReader(missing_documents="leave_out"), source)
    assert "git-annex" in text and "git annex get . (or the script that comes with the dataset)" in text


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("party\n", "DIR/train/expected.tsv, line 1: 'party' is no key=value. Copy the file again."),
        ("party=\n", "DIR/train/expected.tsv, line 1: 'party=' is no key=value. Copy the file again."),
        ("party=A\nparty=B\n", "DIR/train/expected.tsv: 2 lines, but in.tsv.xz has 1. Copy both again."),
    ],
)
def test_faulty_expectations_are_refused(tmp_path, refusal, expected, text):
    source = download(tmp_path, (KEYS, ""))
    (source / "train/expected.tsv").write_text(expected)
    assert refusal(KleisterReader(), source) == text


def test_faulty_inputs_are_refused(tmp_path, refusal):
    assert (
        refusal(KleisterReader(), tmp_path)
        == "DIR: no Kleister here. Expected train/in.tsv.xz, dev-0, test-A, and documents."
    )
    source = download(tmp_path, (KEYS, ""))
    file = source / "train/in.tsv.xz"
    file.write_bytes(lzma.compress(b"d0.pdf\n"))
    assert refusal(KleisterReader(), source) == "DIR/train/in.tsv.xz, line 1: no file name and keys with a TAB between."
    file.write_bytes(lzma.compress(b"../d0.pdf\tterm\n"))
    assert (
        refusal(KleisterReader(), source)
        == "DIR/train/in.tsv.xz, line 1: '../d0.pdf' is no file inside DIR/documents. Correct it."
    )
    file.write_bytes(lzma.compress(b"d0.pdf\tterm\n")[:-9])
    assert refusal(KleisterReader(), source).startswith(
        "DIR/train/in.tsv.xz cannot be read (Compressed file ended before"
    )


@pytest.mark.real_data
def test_genuine_lists(real_data):
    report = Report()
    documents = list(KleisterReader().units(real_data / "kleister_nda", report))
    assert Counter(document.split for document in documents) == {"train": 60, "validation": 83}
    values = Counter(key for document in documents for key, found in (document.fields or {}).items() for _ in found)
    assert set(values) == set(KEYS.split()) and values["party"] > len(documents)
    assert any(not value.isascii() for d in documents for found in (d.fields or {}).values() for value in found)
    assert report.kept == {"values of keys that were not asked for": 3}
    assert sum(document.file.is_file() for document in documents) == 40


@pytest.mark.real_data
def test_a_genuine_document(real_data):
    reader, report = KleisterReader(), Report()
    unit = next(iter(reader.units(real_data / "kleister_nda", Report())))
    pages = [page for _, page in reader.read(unit, report)]
    assert len(pages) == 5 and [page.number for page in pages] == list(range(5))
    text = " ".join(word for page in pages for word in page.words)
    parties = (pages[0].fields or {})["party"]
    assert parties and all(party.replace("_", " ").split()[0].lower() in text.lower() for party in parties)
