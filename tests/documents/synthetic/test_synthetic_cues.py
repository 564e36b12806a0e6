"""The evidence lies where it is said to lie, and nowhere else: shown by guessers that count."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from docexp.documents.images import decode
from docexp.documents.page import Page
from docexp.documents.synthetic.content import FIRST, KEYS
from docexp.documents.synthetic.corpus import Synthetic, SyntheticForms, SyntheticReceipts
from docexp.documents.synthetic.cues import CUES, IMAGE_CUES


def _margin(kind: type[Synthetic]) -> float:
    """What a guesser may be above chance by luck; the test pages hold fewer receipts' values than forms' entities."""
    return 0.07 if kind is SyntheticForms else 0.1


@dataclass(frozen=True)
class Candidate:
    """An entity of a section, with everything a guesser may look at."""

    label: str
    kind: str  # what it is by its form: in a receipt the field it may be, in a form nothing
    cue: str
    words: tuple[str, ...]
    key: str
    column: int
    number: int  # among the page's candidates as stored
    tone: int
    shade: int
    tick: int


@lru_cache
def _candidates(reader_kind: type[Synthetic], cue: str, image_cue: str, split: str) -> tuple[Candidate, ...]:
    reader = reader_kind(cue=cue, image_cue=image_cue)
    found = []
    for number in range({"train": 60, "test": 40}[split]):
        found += _of_page(reader.page(split, number), forms=reader_kind is SyntheticForms)
    return tuple(found)


def _of_page(page: Page, forms: bool) -> list[Candidate]:
    grey = np.asarray(decode(page).convert("L"), dtype=float)
    paper = float(np.median(grey[::4, ::4]))
    columns = 3 if forms else 2
    found: list[Candidate] = []
    key, kind, cue, beside = "", "", "text", (0, 0)
    for entity in page.entities or ():
        words = tuple(page.words[word] for word in entity.words)
        x0, y0, x1, y1 = (round(edge) for edge in entity.box)
        if forms:
            if entity.label == "other":
                continue
            cue = next((cue for cue in ("layout", "image") if words[0] in FIRST[cue]), "text")
        else:
            section = [(cue, kind) for cue in CUES for kind, names in KEYS[cue].items() if words[0] in names]
            if section:  # a key word: what follows it as stored are its values
                key, beside = words[0], (x0, y0)
                cue, kind = section[0]
                kind = "company" if kind == "party" else {"date": "date", "amount": "total"}[kind]
                continue
            goods = len(words) == 3 and "." in words[2]
            if not kind or goods or words[0] in ("RECEIPT", "No.", "Thank"):
                kind = ""
                continue
        column = int(((x0 + x1) / 2 - 30) / ((page.width - 60) / columns))
        shade = round(float(np.median(grey[y0 - 3 : y1 + 3, x0 - 3 : x1 + 3])) / 60)
        beside = (x0, y0) if forms else beside  # the tick box is a finger's breadth left of the cell's first word
        left = grey[beside[1] - 6 : beside[1] + 15, beside[0] - 34 : beside[0] - 3]
        inked = (np.abs(left - paper) > 100).sum(axis=0)  # dark pixels in each column
        tick = int((inked >= 4).sum() > 6) + int((inked >= 9).sum() > 6)  # empty or none, crossed, filled
        tone = round(paper / 60)
        found.append(Candidate(entity.label, kind, cue, words, key, column, len(found), tone, shade, tick))
        if kind == "company":
            kind = "address"
    return found


Feature = Callable[[Candidate], Hashable]


def _guess(train: Sequence[Candidate], test: Sequence[Candidate], *features: Feature) -> dict[str, float]:
    """For each cue, how often the most frequent label of a feature's value (on ``train``) is right on ``test``.

    A value never seen on ``train`` is looked up by the next, coarser feature.
    """
    counts: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for one in train:
        for level, feature in enumerate(features):
            counts[level, feature(one)][one.label] += 1
    right: dict[str, list[bool]] = defaultdict(list)
    for one in test:
        seen = next((counts[key] for key in ((i, f(one)) for i, f in enumerate(features)) if key in counts), Counter())
        right[one.cue].append(bool(seen) and seen.most_common(1)[0][0] == one.label)
    return {cue: float(np.mean(values)) for cue, values in right.items()}


def _words(one: Candidate) -> Hashable:
    return one.kind, one.key, one.words[0] if not one.kind else ""


def _words_and_place(one: Candidate) -> Hashable:
    return *_words(one), one.column  # type: ignore[misc]


def _everything(image_cue: str) -> Feature:
    look = {"page": "tone", "field": "shade", "tick": "tick"}[image_cue]
    return lambda one: (_words_and_place(one), getattr(one, look))


READERS = pytest.mark.parametrize(("kind", "chance"), [(SyntheticForms, 1 / 3), (SyntheticReceipts, 1 / 2)])


@READERS
@pytest.mark.parametrize("image_cue", IMAGE_CUES)
def test_each_label_is_told_by_its_cue_alone(kind: type[Synthetic], chance: float, image_cue: str) -> None:
    train, test = (_candidates(kind, "mixed", image_cue, split) for split in ("train", "test"))
    by_words = _guess(train, test, _words)
    assert by_words["text"] > 0.97
    assert by_words["layout"] < chance + _margin(kind)
    assert by_words["image"] < chance + _margin(kind)
    by_place = _guess(train, test, _words_and_place)
    assert by_place["text"] > 0.97
    assert by_place["layout"] == 1.0
    assert by_place["image"] < chance + _margin(kind)
    by_all = _guess(train, test, _everything(image_cue), _words_and_place, _words)
    assert by_all["text"] > 0.97
    assert by_all["layout"] == 1.0
    assert by_all["image"] > 0.99


@READERS
@pytest.mark.parametrize("cue", CUES)
def test_a_page_of_one_cue_has_no_other_evidence(kind: type[Synthetic], chance: float, cue: str) -> None:
    train, test = (_candidates(kind, cue, "field", split) for split in ("train", "test"))
    assert {one.cue for one in (*train, *test)} == {cue}
    found = {
        "text": _guess(train, test, _words)[cue],
        "layout": _guess(train, test, lambda one: (one.kind, one.column))[cue],
        "image": _guess(train, test, lambda one: (one.kind, one.shade))[cue],
    }
    assert found.pop(cue) > 0.97
    assert max(found.values()) < chance + _margin(kind)


@READERS
def test_what_else_a_text_model_sees_tells_nothing(kind: type[Synthetic], chance: float) -> None:
    """Of sections cued by place or look: an entity's number, the one stored before it, how long it is."""
    train, test = (
        [one for one in _candidates(kind, "mixed", "field", split) if one.cue != "text"] for split in ("train", "test")
    )
    for feature in (
        lambda one: (one.kind, one.number % 3),
        lambda one: (one.kind, one.number),
        lambda one: (one.kind, one.cue, len(one.words)),
        lambda one: (one.kind, one.cue, sum(map(len, one.words)) // 3),
    ):
        right = _guess(train, test, feature)
        assert max(right.values()) < chance + _margin(kind)
    before = [(one, other) for one, other in pairwise(test) if one.kind == other.kind]
    followed = Counter((one.label, other.label) for one, other in before if kind is SyntheticForms)
    for label in {one.label for one, _ in before}:
        row = [count for (first, _), count in followed.items() if first == label]
        assert not row or max(row) / sum(row) < chance + 2 * _margin(kind)


@READERS
@pytest.mark.parametrize("shares", [(1 / 3, 1 / 3, 1 / 3), (0.2, 0.5, 0.3), (0.0, 0.25, 0.75)])
def test_ceilings_are_what_a_knowing_guesser_reaches(
    kind: type[Synthetic], chance: float, shares: tuple[float, ...]
) -> None:
    """The formulas against counts on drawn pages, for a guesser who knows what it sees and guesses or is silent."""
    reader = kind(shares=dict(zip(CUES, shares, strict=True)), noise="none")
    cells = [one for number in range(60) for one in _of_page(reader.page("test", number), kind is SyntheticForms)]
    rng = np.random.default_rng(0)
    for modalities, seen in (
        ({"text"}, {"text"}),
        ({"layout"}, {"layout"}),
        ({"text", "layout"}, {"text", "layout"}),
        ({"layout", "image"}, {"layout", "image"}),
        ({"text", "image"}, {"text"}),
        ({"text", "layout", "image"}, set(CUES)),
    ):
        scores = []
        for speaks in (True, False):
            right = predicted = gold = 0
            for one in cells:
                is_entity = one.label != "other"
                if one.cue in seen:
                    said, correct = is_entity, is_entity
                else:  # all labels of a form are alike likely; a receipt's candidate is the asked one or not
                    said = speaks
                    correct = speaks and is_entity and (rng.random() < 1 / 3 if kind is SyntheticForms else True)
                right, predicted, gold = right + correct, predicted + said, gold + is_entity
            scores.append(2 * right / max(predicted + gold, 1))
        ceiling = reader.ceiling(modalities)
        assert ceiling.entity_f1 == pytest.approx(max(scores), abs=0.03)
        known = np.mean([one.cue in seen for one in cells])
        assert ceiling.word_accuracy == pytest.approx(known + (1 - known) * chance, abs=0.03)


def test_ceilings_of_the_default_forms_by_hand() -> None:
    reader = SyntheticForms()
    assert reader.ceiling({"text"}).entity_f1 == pytest.approx(5 / 9)
    assert reader.ceiling({"text", "layout"}).entity_f1 == pytest.approx(4 / 5)
    assert reader.ceiling({"text", "layout"}).word_accuracy == pytest.approx(7 / 9)
    assert reader.ceiling({"text", "layout", "image"}).entity_f1 == pytest.approx(1.0)
    assert SyntheticForms(cue="image").ceiling({"text", "layout"}).word_accuracy == pytest.approx(1 / 3)
    assert SyntheticReceipts(cue="layout").ceiling({"text"}).entity_f1 == pytest.approx(2 / 3)


@READERS
@pytest.mark.parametrize("image_cue", IMAGE_CUES)
def test_twins_differ_in_looks_and_labels_alone(kind: type[Synthetic], chance: float, image_cue: str) -> None:
    reader = kind(image_cue=image_cue, cue="image", noise="heavy")
    for number in range(5):
        page, twin = reader.page("test", number), reader.page("test", number, extra_turn=1)
        assert page.words == twin.words
        assert page.lines == twin.lines
        assert np.array_equal(page.word_boxes, twin.word_boxes)
        labels, turned = ([one.label for one in _of_page(one, kind is SyntheticForms)] for one in (page, twin))
        assert all(one != other for one, other in zip(labels, turned, strict=True))
        assert page.image != twin.image
    unmoved = kind(image_cue=image_cue, cue="layout")
    assert unmoved.page("test", 0).to_json() == unmoved.page("test", 0, extra_turn=1).to_json()
    assert unmoved.page("test", 0).image == unmoved.page("test", 0, extra_turn=1).image


@READERS
def test_grades_share_words_and_places(kind: type[Synthetic], chance: float) -> None:
    for number in range(5):
        pages = [kind(image_cue=image_cue).page("train", number) for image_cue in IMAGE_CUES]
        assert len({page.words for page in pages}) == 1
        assert len({page.word_boxes.tobytes() for page in pages}) == 1
        assert len({page.image for page in pages}) > 1
