"""What is odd about pages is counted and named; each kind planted once."""

import io
import os
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from docexp.documents.page import Entity, Page, Question, Region, Relation
from docexp.errors import DocexpError
from docexp.shards.check import Expected, check
from docexp.shards.index import Index, SetFacts
from docexp.shards.write import write_shards

WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "and", "sleeps")


def png(width: int, height: int) -> bytes:
    data = io.BytesIO()
    Image.new("L", (width, height), 255).save(data, "PNG")
    return data.getvalue()


def plain(name: str, **values) -> Page:
    words = values.get("words", (*WORDS, name))
    boxes = np.array([(9 * i, 1, 9 * i + 8, 5) for i in range(len(words))], float)
    return Page(**{"id": name, "width": 120, "height": 90, "words": words, "word_boxes": boxes} | values)


@pytest.fixture
def notes(tmp_path) -> Callable[..., list[str]]:
    """The notes on a set made of these pages, all in train and minival unless they come with a split; no faults."""

    def look(*pages: Page, expected: Expected | None = None, test: tuple[Page, ...] = (), jobs: int = 1) -> list[str]:
        given = [*(("train", page) for page in pages), *(("test", page) for page in test)]
        index: Index = write_shards(given, tmp_path / "set", SetFacts(name="x", licence="x", command="x"), again=True)
        found = check(index, expected=expected, jobs=jobs)
        assert not [finding.text for finding in found if finding.fault]
        return [n for n in (finding.text for finding in found) if "no image" not in n]

    return look


def test_pages_that_are_as_they_should_be(notes) -> None:
    assert notes(plain("a"), plain("b", image=png(60, 45)), plain("c", image=png(32, 32))) == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"words": (), "word_boxes": []}, "1 page without words: "),
        ({"words": ("", " "), "word_boxes": [(0, 0, 1, 1), (2, 0, 3, 1)]}, "1 page without words: "),
        (
            {"words": ("a", "b", ""), "word_boxes": [(0, 0, 0, 5), (1, 1, 9, 1), (0, 0, 0, 0)]},
            "2 words whose box has no area on 1 page: ",
        ),
        (
            {"words": ("a", "b", "c", ""), "word_boxes": [(0, 0, 4, 5)] * 4},
            "2 words in the very box of another on 1 page: ",
        ),
        ({"image": png(61, 43)}, "1 image of other proportions than its page: "),
        ({"entities": (Entity("k", (), (0, 0, 9, 9)),)}, "1 entity without words: "),
        (
            {"entities": (Entity("k", (0,), (0, 0, 9, 9)),), "relations": (Relation(0, 0),)},
            "1 relation of an entity with itself: ",
        ),
        ({"regions": (Region("t", (0, 5, 9, 5), 0.0),)}, "1 region whose box has no area: "),
    ],
)
def test_one_case(notes, values: dict, text: str) -> None:
    found = notes(plain("other"), plain("odd", **values))
    assert len(found) == 1 and found[0].startswith(text), found
    assert ", sample odd (" in found[0]


def test_relations_are_counted_by_what_is_odd(notes) -> None:
    entities = (Entity("k", (0,), (0, 0, 9, 9)), Entity("v", (), (0, 0, 9, 9)), Entity("v", (1,), (0, 0, 9, 9)))
    relations = (Relation(0, 1), Relation(0, 2), Relation(0, 2), Relation(2, 0))
    found = notes(plain("a"), plain("b", entities=entities, relations=relations))
    assert [text.partition(":")[0] for text in found] == [
        "1 entity without words",
        "1 relation of an entity without words",
        "1 relation that comes twice",
    ]


def test_questions(notes) -> None:
    asked = (Question("1", "What?", ("QUICK  brown", "red")), Question("2", "Who?", ("cat",)), Question("3", "When?"))
    found = notes(plain("a", questions=asked), plain("b"), test=(plain("t", questions=(Question("4", "How?"),)),))
    assert found[0].startswith("1 training question without an answer: ")
    assert found[1] == "50.0 % of 2 questions have an answer that stands in their page's words"
    assert len(found) == 2


def test_cases_are_summed_over_pages_and_the_first_is_named(notes) -> None:
    flat = {"words": ("a", "b"), "word_boxes": [(0, 0, 0, 5), (0, 1, 0, 5)]}
    found = notes(*(plain(f"p{n}", **flat) for n in range(3)))
    assert len(found) == 1 and found[0].startswith("6 words whose box has no area on 3 pages, the first: ")


def test_labels_and_kinds_are_compared_with_the_configuration(notes) -> None:
    page = plain("a", entities=(Entity("key", (0,), (0, 0, 9, 9)), Entity("odd", (1,), (0, 0, 9, 9))))
    annotations = {"entities": ("key",), "questions": (), "fields": ()}
    found = notes(page, plain("b"), expected=Expected(["key", "value"], ["rest"], annotations))
    assert found == [
        "entities labelled odd, which neither data.labels (key, value) nor data.outside_labels (rest) name",
        "no entity is labelled rest, value, which data.labels or data.outside_labels name",
        "entities named odd, which the reader does not declare",
        "the reader gives questions, and no page carries any",
        "the reader gives fields, and no page carries any",
    ]
    assert notes(plain("a"), plain("b"), expected=Expected(["key"])) == []


def test_several_processes_find_the_same(notes) -> None:
    pages = [plain(f"p{n}", words=("a",) * (n % 3), word_boxes=[(0, 0, 0, 5)] * (n % 3)) for n in range(150)]
    assert notes(*pages, jobs=2) == notes(*pages) != []


def test_a_process_that_dies_is_a_plain_error(notes, monkeypatch) -> None:
    monkeypatch.setattr(Index, "__reduce__", lambda self: (os._exit, (3,)), raising=False)
    with pytest.raises(DocexpError, match=r"a process that read pages died.*jobs=1"):
        notes(plain("a"), plain("b"), jobs=2)
