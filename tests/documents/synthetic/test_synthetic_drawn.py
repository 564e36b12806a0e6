"""What articles, tables and statements share: settings, determinism, ink, twins, languages, speed."""

import dataclasses
import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from docexp.documents.geometry import iou
from docexp.documents.images import decode
from docexp.documents.page import Page
from docexp.documents.readers.reader import Report
from docexp.documents.synthetic import SyntheticArticles, SyntheticQuestions, SyntheticTables
from docexp.documents.synthetic.drawn import Drawn
from docexp.documents.synthetic.languages import LOCALES, check_letters, vocabulary
from docexp.documents.synthetic.leaf import Leaf
from docexp.documents.synthetic.paint import paint
from docexp.documents.synthetic.phrases import PHRASES
from docexp.documents.synthetic.twin import twin
from docexp.errors import DocexpError

KINDS = pytest.mark.parametrize("kind", [SyntheticArticles, SyntheticTables, SyntheticQuestions])
MIXED = {"en": 0.4, "de": 0.2, "el": 0.2, "ru": 0.2}


def _digest(page: Page) -> str:
    return hashlib.sha256(json.dumps(page.to_json()).encode() + (page.image or b"")).hexdigest()


def _leaves(kind: type[Drawn], count: int) -> list[Leaf]:
    reader = kind()
    languages = list(PHRASES)
    return [
        leaf
        for number in range(count)
        for leaf in reader.layout(random.Random(number), vocabulary(languages[number % len(languages)]))
    ]


@KINDS
def test_a_document_is_the_same_however_many_are_asked_for(kind: type[Drawn]) -> None:
    few = {page.id: (split, _digest(page)) for split, page in kind(train=1, validation=1, test=1).pages(None, Report())}
    more = kind(train=2, validation=1, test=1, twins=True)
    many = {page.id: (split, _digest(page)) for split, page in more.pages(None, Report())}
    assert [split for split, _ in few.values()] == ["train", "validation", "test"]
    assert len({digest for _, digest in many.values()}) == 8, "no page comes twice"
    assert few.items() <= many.items()


def test_pages_are_the_same_in_every_process() -> None:
    code = (
        "import hashlib, json\n"
        "from docexp.documents.synthetic import SyntheticArticles, SyntheticQuestions, SyntheticTables\n"
        f"settings = dict(noise='heavy', languages={MIXED}, ocr_misread=0.1, ocr_merged=0.1, ocr_moved=0.2)\n"
        "pages = [p for k in (SyntheticArticles, SyntheticTables, SyntheticQuestions)\n"
        "         for p in k(**settings).document('train', 5, k is SyntheticQuestions)]\n"
        "print([hashlib.sha256(json.dumps(p.to_json()).encode() + p.image).hexdigest() for p in pages])"
    )
    found = set()
    for salt, zone in (("1", "UTC"), ("2", "Pacific/Auckland")):
        environment = {**os.environ, "PYTHONHASHSEED": salt, "TZ": zone}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


@KINDS
def test_annotations_are_those_announced(kind: type[Drawn]) -> None:
    reader = kind(languages=MIXED)
    labels: dict[str, set[str]] = {"entities": set(), "regions": set(), "relations": set()}
    for number in range(24):
        (page,) = reader.document("train", number)
        assert page.annotations == set(reader.annotations)
        assert page.document_class in reader.annotations["document_class"]
        for name, found in labels.items():
            found |= {one.label for one in getattr(page, name) or ()}
    for name, found in labels.items():
        assert found == set(reader.annotations.get(name, ())), name


@KINDS
@pytest.mark.parametrize("stored", ["scan", "shuffled"])
def test_every_word_is_in_one_entity_one_line_and_the_reading_order(kind: type[Drawn], stored: str) -> None:
    reader = kind(stored=stored, missed=0) if kind is SyntheticQuestions else kind(stored=stored)
    for number in range(6):
        (page,) = reader.document("test", number)
        everything = list(range(len(page.words)))
        assert sorted(word for entity in page.entities or () for word in entity.words) == everything
        assert sorted(word for line in page.lines or () for word in line) == everything
        assert sorted(page.reading_order or ()) == everything
        assert stored == "scan" or list(page.reading_order or ()) != everything
        for line in page.lines or ():
            assert list(line) == list(range(line[0], line[0] + len(line))), "the words of a line are stored together"


def test_storage_changes_nothing_but_the_order_of_words() -> None:
    for number in range(3):
        (scan,), (shuffled,) = (
            SyntheticArticles(stored=stored).document("train", number) for stored in ("scan", "shuffled")
        )
        texts = [[page.words[word] for word in page.reading_order or ()] for page in (scan, shuffled)]
        assert texts[0] == texts[1]
        assert scan.image == shuffled.image
        assert scan.words != shuffled.words


@KINDS
def test_boxes_are_the_ink_and_words_do_not_touch(kind: type[Drawn]) -> None:
    for leaf in _leaves(kind, 8):
        bare = np.asarray(paint(dataclasses.replace(leaf, words=[])), dtype=int)
        ink = np.asarray(paint(leaf), dtype=int) != bare
        for word, (x0, y0, x1, y1) in zip(leaf.words, leaf.word_boxes, strict=True):
            inside = ink[y0:y1, x0:x1]
            assert inside[0].any(), word
            assert inside[-1].any(), word
            assert inside[:, 0].any(), word
            assert inside[:, -1].any(), word
            assert not (bare[y0:y1, x0:x1] < 200).any(), f"{word} stands on a rule or a figure"
            ink[y0:y1, x0:x1] = False
        assert not ink.any(), "all ink of words lies in their boxes"
        boxes = np.array(leaf.word_boxes, dtype=float)
        overlap = iou(boxes, boxes)
        assert (overlap[~np.eye(len(overlap), dtype=bool)] == 0).all()


@KINDS
@pytest.mark.parametrize("noise", ["none", "heavy"])
def test_regions_and_cells_hold_their_words(kind: type[Drawn], noise: str) -> None:
    for number in range(6):
        (page,) = kind(noise=noise).document("validation", number)
        for entity in page.entities or ():
            boxes = page.word_boxes[list(entity.words)]
            assert (boxes[:, :2] >= np.array(entity.box[:2]) - 1e-6).all()
            assert (boxes[:, 2:] <= np.array(entity.box[2:]) + 1e-6).all()
        for region in page.regions or ():
            boxes = page.word_boxes
            middle = (boxes[:, :2] + boxes[:, 2:]) / 2
            inside = ((middle >= region.box[:2]) & (middle <= region.box[2:])).all(axis=1)
            assert (boxes[inside, :2] >= np.array(region.box[:2]) - 1e-6).all(), "no word is cut by a region's border"
            assert (boxes[inside, 2:] <= np.array(region.box[2:]) + 1e-6).all()
            assert inside.any() or region.label == "figure"


@KINDS
def test_twins_share_every_box_and_hardly_a_word(kind: type[Drawn]) -> None:
    reader = kind(languages={"en": 0.5, "el": 0.5}, noise="heavy", twins=True)
    same = total = 0
    for number in range(5):
        for page, other in zip(reader.document("train", number), reader.document("train", number, True), strict=True):
            assert other.id == f"{page.id}-twin"
            assert other.document_id == f"{page.document_id}-twin"
            assert np.array_equal(page.word_boxes, other.word_boxes)
            assert (page.lines, page.reading_order) == (other.lines, other.reading_order)
            assert (page.regions, page.relations) == (other.regions, other.relations)
            assert page.entities == other.entities
            assert page.document_class == other.document_class
            same += sum(one == two for one, two in zip(page.words, other.words, strict=True))
            total += len(page.words)
    assert same / total < (0.2 if kind is SyntheticQuestions else 0.05), "a form's keys stay as they are"


@KINDS
def test_the_ink_of_a_twin_lies_in_the_boxes(kind: type[Drawn]) -> None:
    for leaf in _leaves(kind, 3):
        other = twin(leaf, random.Random(0), vocabulary("en"))
        ink = np.asarray(paint(other), dtype=int) != np.asarray(paint(dataclasses.replace(other, words=[])), dtype=int)
        for x0, y0, x1, y1 in leaf.word_boxes:
            assert ink[y0:y1, x0:x1].any()
            ink[y0:y1, x0:x1] = False
        assert not ink.any()
        for word, replaced in zip(leaf.words, other.words, strict=True):
            assert word.y + word.ink.rise == replaced.y + replaced.ink.rise, "both stand on one baseline"
            assert word.x == replaced.x


def test_the_twin_of_a_list_counts_as_the_list_does() -> None:
    numbered = 0
    for leaf in _leaves(SyntheticArticles, 12):
        other = twin(leaf, random.Random(0), vocabulary("en"))
        for _, words in (entity for entity in leaf.entities if entity[0] == "list"):
            marks = [line[0] for line in leaf.lines_of(set(words)) if leaf.words[line[0]].text[:-1].isdigit()]
            numbered += len(marks)
            assert [other.words[mark].text for mark in marks] == [f"{n}." for n in range(1, len(marks) + 1)]
    assert numbered > 5


def test_twins_follow_their_documents_into_the_same_split() -> None:
    reader = SyntheticTables(train=2, validation=0, test=1, twins=True)
    ids = [(split, page.id.removeprefix("synthetic_tables-0-")) for split, page in reader.pages(None, Report())]
    assert ids == [
        ("train", "train-000000"),
        ("train", "train-000000-twin"),
        ("train", "train-000001"),
        ("train", "train-000001-twin"),
        ("test", "test-000000"),
        ("test", "test-000000-twin"),
    ]


def test_languages_have_their_share_and_their_letters() -> None:
    reader = SyntheticQuestions(languages=MIXED, document_class="language", noise="none")
    classes = []
    for number in range(60):
        (page,) = reader.document("train", number)
        classes.append(page.document_class)
        text = "".join(page.words)
        assert any("α" <= letter <= "ω" for letter in text) == (page.document_class == "el")
        assert any("а" <= letter <= "я" for letter in text) == (page.document_class == "ru")
    assert {name: classes.count(name) / 60 for name in MIXED} == pytest.approx(MIXED, abs=0.15)


@pytest.mark.parametrize("language", PHRASES)
def test_no_letter_of_a_language_is_drawn_as_a_box(language: str) -> None:
    words = vocabulary(language)
    assert min(map(len, (words.given_names, words.family_names, words.cities))) >= 15
    assert len(words.words) >= 150
    check_letters(language, words.words)


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("ja", r"languages holds ja: DejaVuSans lacks \d+ of its letters \(.*\)\. Languages with pages: en, de, fr"),
        ("zh", r"languages holds zh: DejaVuSans lacks"),
        ("th", r"languages holds th: DejaVuSans lacks"),
        ("ar", r"languages holds ar, which is written from right to left; pages are not\. Languages with pages: en"),
        ("he", r"languages holds he, which is written from right to left"),
    ],
)
def test_languages_that_cannot_be_drawn_are_refused_before_the_first_page(language: str, message: str) -> None:
    assert language in LOCALES
    reader = SyntheticArticles(languages={language: 1.0})
    with pytest.raises(DocexpError, match=message):
        next(iter(reader.units(None, Report())))


def test_a_letter_that_one_face_lacks_is_named() -> None:
    with pytest.raises(
        DocexpError, match=r"languages holds xx: DejaVuSansMono lacks 1 of its letters \(ﷺ\)|lacks 1 of"
    ):
        check_letters("xx", ["𝔸"])


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (SyntheticArticles, {"languages": {"eng": 1.0}}, "languages=eng is none of en, de, fr, es, it, pt, el, ru."),
        (
            SyntheticArticles,
            {"languages": {"en": 0.5}},
            "languages={en:0.5} must give shares from 0 that add up to 1.",
        ),
        (SyntheticArticles, {"stored": "random"}, "stored=random is none of scan, shuffled."),
        (SyntheticTables, {"ocr_split": 1.5}, "ocr_split=1.5 must lie between 0 and 1"),
        (SyntheticQuestions, {"document_pages": 7}, "document_pages=7 must be at most 6: there are no more keys."),
        (SyntheticQuestions, {"questions": 5}, "questions=5 must be at most 4, for each page."),
        (
            SyntheticQuestions,
            {"elsewhere": 0.5},
            "elsewhere=0.5 needs documents of several pages: set document_pages=2 or more.",
        ),
    ],
)
def test_wrong_settings_are_refused(kind: type[Drawn], settings: dict[str, object], message: str) -> None:
    with pytest.raises(DocexpError) as error:
        kind(**settings)
    assert message in str(error.value)


def test_the_settings_need_no_heavy_import(tmp_path: Path) -> None:
    code = (
        "import sys, docexp.documents.synthetic as s\n"
        "s.SyntheticArticles(languages={'de': 1.0}), s.SyntheticQuestions(), s.SyntheticTables()\n"
        "print({'torch', 'transformers', 'matplotlib', 'faker'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_scanner_turns_words_and_regions_with_the_page() -> None:
    """What is dark and lies in no word, figure, table or running rule are specks: one pixel in two thousand at most."""
    for number in range(6):
        (page,) = SyntheticArticles(noise="heavy").document("train", number)
        dark = np.asarray(decode(page).convert("L"), dtype=int) < 110
        drawn = [region.box for region in page.regions or () if region.label in ("figure", "table")]
        (header,) = [entity.box for entity in page.entities or () if entity.label == "header"]
        rule = (0, header[3] - 8, page.width, header[3] + 16)
        ink = dark.sum()
        for x0, y0, x1, y1 in [*page.word_boxes.tolist(), *drawn, rule]:
            dark[int(y0) - 1 : int(y1) + 2, max(int(x0) - 1, 0) : int(x1) + 2] = False
        assert ink > 0.005 * dark.size
        assert dark.sum() < 0.0005 * dark.size
