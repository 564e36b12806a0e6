"""The built-in corpora as readers: settings, determinism, annotations, speed."""

import hashlib
import json
import os
import subprocess
import sys
from itertools import combinations, pairwise

import numpy as np
import pytest

from docexp.config.compose import Composed
from docexp.config.fill import fill_values
from docexp.config.project import Project
from docexp.config.sources import Sources
from docexp.documents.geometry import iou, words_to_lines
from docexp.documents.page import Page
from docexp.documents.readers.reader import Report
from docexp.documents.synthetic.content import FIRST, REST, pool
from docexp.documents.synthetic.corpus import Synthetic, SyntheticForms, SyntheticReceipts
from docexp.errors import DocexpError

KINDS = pytest.mark.parametrize("kind", [SyntheticForms, SyntheticReceipts])


def _digest(page: Page) -> str:
    return hashlib.sha256(json.dumps(page.to_json()).encode() + (page.image or b"")).hexdigest()


@KINDS
def test_a_page_is_the_same_however_many_are_asked_for(kind: type[Synthetic]) -> None:
    few = {(split, page.id): _digest(page) for split, page in kind(train=3, validation=1, test=2).pages(None, Report())}
    many = {
        (split, page.id): _digest(page) for split, page in kind(train=6, validation=4, test=9).pages(None, Report())
    }
    assert [split for split, _ in few] == ["train"] * 3 + ["validation"] + ["test"] * 2
    assert len(set(many.values())) == 19, "no page comes twice"
    assert few.items() <= many.items()


@KINDS
def test_another_seed_draws_other_pages(kind: type[Synthetic]) -> None:
    assert kind(seed=1).page("train", 0).words != kind(seed=0).page("train", 0).words


def test_pages_are_the_same_in_every_process() -> None:
    code = (
        "import hashlib, json\n"
        "from docexp.documents.synthetic.corpus import SyntheticForms, SyntheticReceipts\n"
        "pages = [kind(noise='heavy').page('train', 3) for kind in (SyntheticForms, SyntheticReceipts)]\n"
        "print([hashlib.sha256(json.dumps(p.to_json()).encode() + p.image).hexdigest() for p in pages])"
    )
    here = [_digest(kind(noise="heavy").page("train", 3)) for kind in (SyntheticForms, SyntheticReceipts)]
    for salt, zone in (("1", "UTC"), ("2", "Pacific/Auckland")):
        environment = {**os.environ, "PYTHONHASHSEED": salt, "TZ": zone}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(here)


def test_the_settings_need_no_heavy_import() -> None:
    code = (
        "import sys, docexp.documents.synthetic.corpus\n"
        "print({'torch', 'transformers', 'matplotlib', 'faker'} & set(sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "set()"
    )


@KINDS
def test_settings_fit_structured_configs(kind: type[Synthetic]) -> None:
    given = {"train": 5, "shares": {"text": 0.5, "layout": 0.5, "image": 0}}
    made, plain = fill_values(kind, given, "data.reader", Sources(Composed({}, {}, (), Project())))
    assert isinstance(made, kind)
    assert made.shares["text"] == 0.5
    assert "licence" not in plain


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cue": "layuot"}, "cue=layuot is none of text, layout, image, mixed. Nearest: layout."),
        ({"image_cue": "fields"}, "image_cue=fields is none of page, field, tick. Nearest: field."),
        ({"noise": "scan"}, "noise=scan is none of none, light, heavy."),
        ({"shares": {"text": 0.5, "layout": 0.4, "image": 0.2}}, "must give text, layout and image a share from 0, 1"),
        ({"shares": {"text": 0.5, "layout": 0.5}}, "must give text, layout and image"),
        ({"shares": {"text": -0.5, "layout": 1, "image": 0.5}}, "shares[text]=-0.5 must lie between 0 and 1"),
        ({"shares": {"texts": 1, "layout": 0, "image": 0}}, "shares=texts is none of"),
        ({"test": -1}, "test=-1 must be at least 0"),
        ({"empty": 1.0}, "empty=1.0 must be at least 0 and below 1"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(DocexpError) as error:
        SyntheticForms(**settings)
    assert message in str(error.value)


@KINDS
@pytest.mark.parametrize("cue", ["mixed", "text", "image"])
def test_annotations_are_those_announced(kind: type[Synthetic], cue: str) -> None:
    reader = kind(cue=cue)
    labels: set[str] = set()
    for number in range(20):
        page = reader.page("train", number)
        assert page.annotations == set(reader.annotations)
        entities = page.entities or ()
        labels |= {entity.label for entity in entities}
        assert sorted(word for entity in entities for word in entity.words) == list(range(len(page.words)))
        assert sorted(page.reading_order or ()) == list(range(len(page.words)))
        assert page.document_class in reader.annotations["document_class"]
        assert 40 <= len(page.words) <= 90
    assert labels == set(reader.annotations["entities"])


def test_every_row_is_linked_header_to_question_to_answer() -> None:
    for number in range(10):
        page = SyntheticForms(noise="none").page("test", number)
        entities, relations = page.entities or (), page.relations or ()
        kinds = [(entities[link.head].label, entities[link.tail].label) for link in relations]
        assert set(kinds) == {("header", "question"), ("question", "answer")}
        assert len(kinds) == 2 * 13
        for link in relations:
            head, tail = entities[link.head].box, entities[link.tail].box
            assert abs(head[1] - tail[1]) < 20, "both stand in one row"


def test_empty_cells_are_as_many_as_asked_for_and_tell_no_role() -> None:
    full, found, every = 0, {"header": 0, "question": 0, "answer": 0}, SyntheticForms(noise="none", empty=0.4)
    places = set()
    for number in range(120):
        page = every.page("train", number)
        labels = [entity.label for entity in page.entities or ()]
        full += 13 * 3
        for label in found:
            found[label] += labels.count(label)
        places.add(tuple(entity.box[1] // 48 for entity in page.entities or () if entity.label == "answer"))
        entities = page.entities or ()
        for link in page.relations or ():  # only between cells that hold words
            assert (entities[link.head].label, entities[link.tail].label) in {
                ("header", "question"),
                ("question", "answer"),
            }
    assert sum(found.values()) / full == pytest.approx(0.6, abs=0.02)
    for count in found.values():
        assert count / (full / 3) == pytest.approx(0.6, abs=0.04)
    assert len(places) == 120  # no two forms have their answers in the same rows


def test_twins_have_the_same_empty_cells() -> None:
    twin = SyntheticForms(empty=0.5, cue="image")
    one, other = twin.page("train", 0), twin.page("train", 0, extra_turn=1)
    assert one.words == other.words and (one.word_boxes == other.word_boxes).all()
    assert [e.label for e in one.entities or ()] != [e.label for e in other.entities or ()]


def test_receipt_fields_are_the_texts_of_their_entities() -> None:
    for number in range(10):
        page = SyntheticReceipts().page("test", number)
        texts = {e.label: " ".join(page.words[w] for w in e.words) for e in page.entities or () if e.label != "other"}
        assert {name: (text,) for name, text in texts.items()} == page.fields
        assert set(texts) == {"company", "address", "date", "total"}


@KINDS
def test_words_do_not_touch_and_lines_are_those_an_ocr_would_give(kind: type[Synthetic]) -> None:
    for number in range(10):
        page = kind(noise="none").page("train", number)
        overlap = iou(page.word_boxes, page.word_boxes)
        assert (overlap[~np.eye(len(overlap), dtype=bool)] == 0).all()
        found = {tuple(line) for line in words_to_lines(page.word_boxes)}
        lines = set(page.lines or ())
        assert len(found & lines) >= 0.9 * len(lines), "letters of unlike height may part or join a few"


def test_reading_order_runs_down_the_page_and_storage_does_not() -> None:
    stored_in_order = 0
    for number in range(20):
        page = SyntheticForms(noise="none").page("train", number)
        order = list(page.reading_order or ())
        bottoms = page.word_boxes[order][:, 3]
        assert all(after > before - 48 for before, after in pairwise(bottoms)), "never back by more than a row"
        lines, entities = page.lines or (), page.entities or ()
        assert list(lines) == sorted(lines), "lines and entities are numbered as their words are stored"
        assert [entity.words for entity in entities] == sorted(entity.words for entity in entities)
        stored_in_order += order == list(range(len(order)))
    assert stored_in_order == 0


def test_no_word_stands_in_two_lists() -> None:
    values = pool()
    lists = [*FIRST.values(), *REST.values(), *(getattr(values, name) for name in values.__dataclass_fields__)]
    for one, other in combinations(lists, 2):
        assert not {word.lower() for word in one} & {word.lower() for word in other}


@pytest.mark.parametrize(
    ("kind", "settings", "digest"),
    [
        (SyntheticForms, {}, "e86bc09979d63258"),
        (SyntheticForms, {"noise": "none", "cue": "image", "image_cue": "tick"}, "e5f3f9452249ddc6"),
        (SyntheticForms, {"noise": "heavy", "seed": 3, "cue": "text"}, "97a63903b45ad892"),
        (SyntheticReceipts, {}, "90ac3b570a568df4"),
        (SyntheticReceipts, {"noise": "none", "cue": "image", "image_cue": "tick"}, "6d1c7e070f53f4d2"),
        (SyntheticReceipts, {"noise": "heavy", "seed": 3, "cue": "text"}, "f6740341b6f6786c"),
    ],
)
def test_pages_stay_those_that_published_results_were_trained_on(
    kind: type[Synthetic], settings: dict[str, object], digest: str
) -> None:
    """Digests of words, boxes, labels and image bytes, under the versions of ``constraints.txt``."""
    reader = kind(**settings)
    pages = [reader.page(split, number) for split, number in (("train", 0), ("train", 7), ("test", 2))]
    assert hashlib.sha256("".join(map(_digest, pages)).encode()).hexdigest()[:16] == digest
