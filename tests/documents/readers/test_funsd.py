"""FUNSD: the genuine counts, and every anomaly and error in miniature folders of the genuine layout."""

import io
import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docexp.config.compose import Composed
from docexp.config.fill import fill_values
from docexp.config.project import Project
from docexp.config.sources import Sources
from docexp.documents.page import ANNOTATION_KINDS, Relation
from docexp.documents.readers.funsd import FunsdReader
from docexp.documents.readers.reader import Report
from docexp.documents.reading.forms import FORM_LABELS
from docexp.errors import DocexpError

WIDTH, HEIGHT = 200, 100


def word(text: str, *box: float) -> dict[str, Any]:
    return {"box": list(box), "text": text}


def entity(number: int, label: str, words: list[dict[str, Any]], *links: list[int], **changes: Any) -> dict[str, Any]:
    values = {
        "box": [5, 5, 150, 60],
        "text": " ".join(w["text"] for w in words),
        "label": label,
        "words": words,
        "linking": list(links),
        "id": number,
    }
    return {**values, **changes}


def form() -> list[dict[str, Any]]:
    return [
        entity(0, "question", [word("Total", 10, 10, 40, 20), word("sum:", 44, 10, 60, 20)], [0, 2]),
        entity(2, "answer", [word("12.50", 90, 10, 120, 20)], [0, 2]),
        entity(1, "header", [word("INVOICE", 60, 40, 120, 50)]),
    ]


def picture(width: int = WIDTH, height: int = HEIGHT) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height), 255).save(file, "PNG")
    return file.getvalue()


def folder(tmp_path: Path, *forms: Any) -> Path:
    """A FUNSD of one test page and ``forms`` as train pages t0, t1, …; bytes are written as they are."""
    for part, items in (("training_data", forms or (form(),)), ("testing_data", (form(),))):
        annotations, images = (tmp_path / "dataset" / part / kind for kind in ("annotations", "images"))
        annotations.mkdir(parents=True)
        images.mkdir()
        for number, item in enumerate(items):
            data = item if isinstance(item, bytes) else json.dumps({"form": item}).encode()
            (annotations / f"{part[0:2]}{number}.json").write_bytes(data)
            (images / f"{part[0:2]}{number}.png").write_bytes(picture())
    return tmp_path


def read(source: Path, **settings: Any):
    report = Report()
    return list(FunsdReader(**settings).pages(source, report)), report


def one(tmp_path: Path, items: Any, **settings: Any):
    """The only train page, and the counts without those of the plain test page."""
    pages, report = read(folder(tmp_path, items), **settings)
    assert [split for split, _ in pages] == ["train", "test"]
    kept = Counter(report.kept) - Counter({"links stored twice merged": 1})
    return pages[0][1], kept, report


def refused(source: Path, **settings: Any) -> str:
    with pytest.raises(DocexpError) as caught:
        read(source, **settings)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text.replace(str(source), "DIR")


FILE = "DIR/dataset/training_data/annotations/tr0.json"


def test_a_form_becomes_a_page(tmp_path):
    page, kept, report = one(tmp_path, form())
    assert (page.id, page.width, page.height, page.image_format) == ("tr0", WIDTH, HEIGHT, "png")
    assert page.image == picture()
    assert page.words == ("Total", "sum:", "12.50", "INVOICE")
    assert page.word_boxes.tolist() == [[10, 10, 40, 20], [44, 10, 60, 20], [90, 10, 120, 20], [60, 40, 120, 50]]
    assert page.entities is not None
    assert [(e.label, e.words, e.id, e.box) for e in page.entities] == [
        ("question", (0, 1), "0", (5, 5, 150, 60)),
        ("answer", (2,), "2", (5, 5, 150, 60)),
        ("header", (3,), "1", (5, 5, 150, 60)),
    ]
    assert page.relations == (Relation(0, 1),)
    assert page.lines == ((0, 1), (2,), (3,))
    assert (+kept, report.repaired, report.refused) == (Counter({"links stored twice merged": 1}), {}, {})


def test_the_reader_states_what_its_pages_carry(tmp_path):
    reader = FunsdReader()
    pages, _ = read(folder(tmp_path))
    assert set(reader.annotations) == pages[0][1].annotations <= set(ANNOTATION_KINDS)
    assert reader.annotations["entities"] == FORM_LABELS
    assert (reader.name, reader.licence, reader.needs_source) == ("funsd", "non-commercial research", True)


def test_settings_are_a_structured_config_and_load_no_torch():
    sources = Sources(Composed({}, {}, (), Project()))
    values = fill_values(FunsdReader, {}, "data.reader", sources)[1]
    assert values == {"exclude": [], "document_tags": None, "repair": "none"}
    code = "import sys, docexp.documents.readers.funsd as f; f.FunsdReader(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(DocexpError, match=r"repair=swop is none of none, swap, clip, swap\+clip\. Nearest: swap"):
        FunsdReader(repair="swop")


@pytest.mark.parametrize("inside", ["", "dataset"])
def test_the_source_may_be_the_archive_or_its_parent(tmp_path, inside):
    pages, _ = read(folder(tmp_path, form(), form()) / inside)
    assert [(split, page.id) for split, page in pages] == [("train", "tr0"), ("train", "tr1"), ("test", "te0")]


def test_blank_words_are_kept_counted_and_in_no_line(tmp_path):
    words = [word("a", 10, 10, 20, 20), word("", 22, 10, 40, 20), word("b", 42, 10, 50, 20), word(" ", 60, 60, 70, 70)]
    page, kept, _ = one(tmp_path, [entity(0, "other", words)])
    assert page.words == ("a", "", "b", " ")
    assert page.entities is not None and page.entities[0].words == (0, 1, 2, 3)
    assert page.lines == ((0, 2),), "a word without a transcript still holds its line together"
    assert kept == {"empty words": 2}


def test_entities_without_visible_words_are_kept_and_counted(tmp_path):
    items = [entity(0, "answer", [word("", 10, 10, 20, 20)]), entity(1, "question", [])]
    page, kept, _ = one(tmp_path, items)
    assert page.entities is not None and [e.words for e in page.entities] == [(0,), ()]
    assert kept == {"empty words": 1, "entities without words": 2}


def test_odd_texts_are_kept_and_counted(tmp_path):
    items = [
        entity(0, "other", [word("BRAND SMOKER", 10, 10, 60, 20), word("x ", 70, 10, 80, 20)]),
        entity(1, "other", [word("a", 10, 30, 20, 40), word("b", 22, 30, 30, 40)], text="a  b"),
        entity(2, "other", [word("a", 10, 50, 20, 60)], text="another"),
    ]
    page, kept, _ = one(tmp_path, items)
    assert page.words == ("BRAND SMOKER", "x ", "a", "b", "a")
    assert kept == {
        "words with a space inside": 1,
        "words with a space at an end": 1,
        "entity texts spaced otherwise than their words": 1,
        "entity texts that are not their words": 1,
    }


def test_links_are_merged_and_self_links_dropped_and_all_of_it_counted(tmp_path):
    words = [[word(t, 10, 10 + 20 * n, 20, 20 + 20 * n)] for n, t in enumerate("abcd")]
    items = [
        entity(0, "question", words[0], [0, 1], [0, 1], [2, 0]),
        entity(1, "answer", words[1], [0, 1], [0, 1]),
        entity(2, "header", words[2], [2, 0]),
        entity(3, "question", words[3], [3, 3], [3, 3], [3, 1]),
    ]
    page, kept, _ = one(tmp_path, items)
    assert page.relations == (Relation(0, 1), Relation(2, 0), Relation(3, 1))
    assert kept == {
        "links stored twice merged": 4,
        "repeated links merged": 1,
        "links stored at one end only": 1,
        "self links dropped": 1,
    }


def test_other_files_are_counted_not_read(tmp_path):
    source = folder(tmp_path)
    part = source / "dataset" / "training_data"
    (part / "images" / "lonely.png").write_bytes(picture())
    (part / "annotations" / "._tr0.json").write_bytes(b"\0\5\x16\7")
    pages, report = read(source)
    assert len(pages) == 2
    assert report.refused == {"hidden files": 1, "images without an annotation file": 1}


def test_an_empty_form_is_a_page_without_words(tmp_path):
    page, kept, _ = one(tmp_path, [])
    assert (page.words, page.entities, page.relations, page.lines) == ((), (), (), ())
    assert not kept


def with_box(*box: float, at: str = "word") -> list[dict[str, Any]]:
    items = form()
    (items[1]["words"][0] if at == "word" else items[1])["box"] = list(box)
    return items


@pytest.mark.parametrize(
    ("items", "settings", "text"),
    [
        (
            with_box(120, 10, 80, 20),
            {},
            'entity 1, word 0 "12.50": box (120, 10, 80, 20) has x1 < x0. '
            "data.reader.repair=swap turns it round (counted).",
        ),
        (
            with_box(80, 20, 120, 10, at="entity"),
            {"repair": "clip"},
            "entity 1: box (80, 20, 120, 10) has y1 < y0. data.reader.repair=swap+clip turns it round (counted).",
        ),
        (
            with_box(80, 10, 201, 20),
            {"repair": "swap"},
            'entity 1, word 0 "12.50": box (80, 10, 201, 20) is outside the page of 200 × 100. '
            "data.reader.repair=swap+clip cuts it at the border (counted).",
        ),
        (
            with_box(-3, 10, 80, 20, at="entity"),
            {},
            "entity 1: box (-3, 10, 80, 20) is outside the page of 200 × 100. "
            "data.reader.repair=clip cuts it at the border (counted).",
        ),
        (
            with_box(210, 10, 220, 20),
            {"repair": "clip"},
            'entity 1, word 0 "12.50": box (210, 10, 220, 20) is outside the page of 200 × 100. Correct the file.',
        ),
        (
            with_box(10, 10, float("nan"), 20),
            {"repair": "swap+clip"},
            'entity 1, word 0 "12.50": box (10, 10, nan, 20) is not finite. Correct the file.',
        ),
        (with_box(1, 2, 3), {}, 'entity 1, word 0 "12.50": box [1, 2, 3] is not four numbers.'),
        (with_box(1, 2, 3, "4"), {}, "entity 1, word 0 \"12.50\": box [1, 2, 3, '4'] is not four numbers."),  # type: ignore[arg-type]
    ],
)
def test_faulty_boxes_are_refused_with_file_entity_word_and_advice(tmp_path, items, settings, text):
    assert refused(folder(tmp_path, items), **settings) == f"{FILE}, {text}"


def test_reversed_boxes_are_turned_round_when_asked(tmp_path):
    page, _, report = one(tmp_path, with_box(120, 20, 90, 10), repair="swap")
    assert page.word_boxes[2].tolist() == [90, 10, 120, 20]
    assert report.repaired == {"reversed boxes turned round": 1}


def test_boxes_beyond_the_page_are_cut_when_asked(tmp_path):
    page, _, report = one(tmp_path, with_box(90, -5, 220, 20), repair="clip")
    assert page.word_boxes[2].tolist() == [90, 0, 200, 20]
    assert report.repaired == {"boxes cut at the page's border": 1}
    assert report.lines()[1] == "repaired: 1 box cut at the page's border"


def test_both_repairs_together(tmp_path):
    page, _, report = one(tmp_path, with_box(220, 20, 90, 10), repair="swap+clip")
    assert page.word_boxes[2].tolist() == [90, 10, 200, 20]
    assert report.repaired == {"reversed boxes turned round": 1, "boxes cut at the page's border": 1}


def changed(number: int, **values: Any) -> list[dict[str, Any]]:
    items = form()
    items[number].update(values)
    return items


def without(key: str) -> list[dict[str, Any]]:
    items = form()
    del items[2][key]
    return items


@pytest.mark.parametrize(
    ("items", "text"),
    [
        (b"{", ": not a json file (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))."),
        (b'{"form": "\xff"}', ": not UTF-8 text (invalid start byte at byte 10). Copy it again from the archive."),
        (b"[1, 2]", ': no FUNSD annotation: it has no list "form".'),
        (b'{"forms": []}', ': no FUNSD annotation: it has no list "form".'),
        ([7], ", entity 0: '7' is no record with box, text, label, words, linking, id."),
        (without("words"), ', entity 2: no "words".'),
        (changed(1, words=[{"text": "x"}]), ', entity 1, word 0: no "box".'),
        (changed(1, words=[word(None, 1, 2, 3, 4)]), ', entity 1, word 0: "text" is None, not of type str.'),  # type: ignore[arg-type]
        (
            changed(1, label="Answer"),
            ', entity 1: label "Answer" is none of header, question, answer, other. Nearest: answer.',
        ),
        (changed(1, label="qqq"), ', entity 1: label "qqq" is none of header, question, answer, other.'),
        (changed(1, id=0), ": two entities have the id 0."),
        (changed(1, linking=[[0, 9]]), ", entity 1: link [0, 9] does not name two entities of this form."),
        (changed(1, linking=[[0, 1, 2]]), ", entity 1: link [0, 1, 2] does not name two entities of this form."),
        (changed(1, linking=[[[0], 1]]), ", entity 1: link [[0], 1] does not name two entities of this form."),
    ],
)
def test_broken_annotations_are_refused_with_file_entity_and_word(tmp_path, items, text):
    assert refused(folder(tmp_path, items)).startswith(FILE + text)


@pytest.mark.parametrize("data", [b"", b"not an image", picture()[:-30], picture()[:40]])
def test_an_image_that_does_not_decode_is_refused(tmp_path, data):
    source = folder(tmp_path)
    (source / "dataset/training_data/images/tr0.png").write_bytes(data)
    assert refused(source).startswith("DIR/dataset/training_data/images/tr0.png: its image does not decode (")


def test_a_missing_image_is_refused(tmp_path):
    source = folder(tmp_path)
    (source / "dataset/training_data/images/tr0.png").unlink()
    assert refused(source) == "DIR/dataset/training_data/images/tr0.png is missing. Is the archive fully unpacked?"


def test_a_folder_without_funsd_is_refused(tmp_path):
    assert refused(tmp_path) == (
        "DIR: no FUNSD here. Expected dataset/training_data and dataset/testing_data, as in the archive."
    )


def test_half_a_funsd_is_refused(tmp_path):
    source = folder(tmp_path)
    (source / "dataset/testing_data").rename(source / "elsewhere")
    assert refused(source) == "DIR/dataset: has training_data but not both of training_data and testing_data."
    (source / "dataset/testing_data/annotations").mkdir(parents=True)
    assert refused(source) == "DIR/dataset/testing_data/annotations: no json file. Is the archive fully unpacked?"


@pytest.fixture(scope="module")
def funsd(real_data):
    return read(real_data / "funsd")


@pytest.mark.real_data
def test_genuine_counts(funsd):
    pages, _ = funsd
    assert Counter(split for split, _ in pages) == {"train": 149, "test": 50}
    assert len({page.id for _, page in pages}) == 199
    words, entities, visible = Counter(), Counter(), Counter()
    for split, page in pages:
        words[split] += len(page.words)
        for item in page.entities:
            entities[split, item.label] += 1
            visible[split, item.label] += any(not page.blank[i] for i in item.words)
    assert words == {"train": 22_512, "test": 8_973}
    assert [entities["test", label] for label in FORM_LABELS] == [122, 1_077, 821, 312]
    assert [entities["train", label] for label in FORM_LABELS] == [441, 3_266, 2_802, 902]
    assert [visible["test", label] for label in FORM_LABELS[:3]] == [119, 1_070, 809]
    assert [visible["train", label] for label in FORM_LABELS[:3]] == [441, 3_253, 2_732]


@pytest.mark.real_data
def test_genuine_anomalies_are_all_counted(funsd):
    pages, report = funsd
    assert report.kept == {
        "empty words": 890,
        "entities without words": 214,
        "links stored twice merged": 5_312,
        "repeated links merged": 18,
        "self links dropped": 1,
        "words with a space inside": 62,
        "words with a space at an end": 2,
        "entity texts spaced otherwise than their words": 258,
        "entity texts that are not their words": 6,
    }
    assert (report.repaired, report.refused) == ({}, {})
    assert sum(len(page.relations) for _, page in pages) == 5_312 - 18 - 1


@pytest.mark.real_data
def test_genuine_link_types(funsd):
    """The documented counts are of stored links; the 18 repeated ones and the self link lie in the larger types."""
    pages, _ = funsd
    kinds = Counter()
    for _, page in pages:
        kinds.update((page.entities[r.head].label, page.entities[r.tail].label) for r in page.relations)
    assert kinds["question", "header"] == 1 and kinds["header", "other"] == 1
    assert kinds["header", "header"] == 6 and kinds["question", "other"] == 38
    assert sum(kinds.values()) == 5_293


@pytest.mark.real_data
def test_genuine_images_are_kept_byte_for_byte(funsd, real_data):
    for split, page in funsd[0][::20]:
        part = {"train": "training_data", "test": "testing_data"}[split]
        file = real_data / "funsd" / "dataset" / part / "images" / f"{page.id}.png"
        assert page.image == file.read_bytes()
        assert Image.open(file).size == (page.width, page.height)


@pytest.mark.real_data
def test_lines_hold_printed_lines_together_and_split_fields(funsd):
    """Words that follow each other within an entity at one height share a line; few lines mix entities."""
    together = neighbours = mixed = lines = 0
    for _, page in funsd[0]:
        line_of = {i: number for number, line in enumerate(page.lines) for i in line}
        entity_of = {i: number for number, item in enumerate(page.entities) for i in item.words}
        assert sorted(line_of) == [i for i, blank in enumerate(page.blank) if not blank]
        for item in page.entities:
            words = [i for i in item.words if i in line_of]
            for a, b in pairwise(words):
                (_, top, _, bottom), (_, other_top, _, other_bottom) = page.word_boxes[[a, b]]
                shared = min(bottom, other_bottom) - max(top, other_top)
                if page.word_boxes[b, 0] > page.word_boxes[a, 0] and shared > 0.5 * min(
                    bottom - top, other_bottom - other_top
                ):
                    neighbours += 1
                    together += line_of[a] == line_of[b]
        lines += len(page.lines)
        mixed += sum(len({entity_of[i] for i in line}) > 1 for line in page.lines)
    assert together / neighbours > 0.98
    assert mixed / lines < 0.11
    assert np.isclose(lines, 9_828, rtol=0.02)
