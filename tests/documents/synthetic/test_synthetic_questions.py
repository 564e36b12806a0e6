"""Questions: their answers, the shares that are planted, and the ceilings, counted by hand over drawn pages."""

import math
import random

import pytest

from docexp.config.project import Project
from docexp.documents.page import Page
from docexp.documents.readers.reader import Report
from docexp.documents.synthetic import SyntheticQuestions
from docexp.documents.synthetic.glyphs import Font
from docexp.documents.synthetic.leaf import Evidence, Leaf
from docexp.documents.synthetic.phrases import KEYS, PHRASES
from docexp.documents.synthetic.questions import plan_questions, stay_unique
from docexp.verbs.data_commands.common import data_settings


def _found(page: Page, answer: str) -> bool:
    """Plain text search, word by word."""
    return "\n".join(["", *answer.split(), ""]) in "\n".join(["", *page.words, ""])


def test_every_answer_stands_once_in_its_document() -> None:
    languages = dict.fromkeys(PHRASES, 1 / len(PHRASES))
    reader = SyntheticQuestions(missed=0, document_pages=2, elsewhere=0.5, languages=languages, noise="none")
    for number in range(20):
        pages = reader.document("train", number)
        texts = ["\n" + "\n".join(page.words) + "\n" for page in pages]
        for at, page in enumerate(pages):
            assert len(page.questions or ()) == 4
            for one in page.questions or ():
                (answer,) = one.answers
                counts = [text.count("\n" + "\n".join(answer.split()) + "\n") for text in texts]
                assert sum(counts) == 1, f"{one.id}: {answer}"
                assert (counts[at] == 1) == (one.kinds[1] == "here")


def test_a_question_quotes_what_stands_beside_its_answer() -> None:
    reader = SyntheticQuestions(missed=0, noise="none")
    kinds = set()
    for number in range(30):
        (page,) = reader.document("train", number)
        entities = page.entities or ()
        texts = [" ".join(page.words[word] for word in entity.words) for entity in entities]
        for one in page.questions or ():
            kinds.add(one.kinds[0])
            answer = next(n for n, text in enumerate(texts) if text == one.answers[0])
            heads = [texts[link.head].rstrip(":") for link in page.relations or () if link.tail == answer]
            quoted = [f"“{head}”" for head in heads]
            assert quoted
            assert all(quote in one.text for quote in quoted)
            assert one.kinds[0] == ("field" if entities[answer].label == "answer" else "cell")
    assert kinds == {"field", "cell"}


@pytest.mark.parametrize(
    ("pages", "each", "elsewhere", "missed"), [(1, 4, 0.0, 0.1), (3, 4, 0.5, 0.25), (2, 3, 1.0, 0.3), (6, 4, 0.3, 1.0)]
)
def test_ceilings_are_those_planted(pages: int, each: int, elsewhere: float, missed: float) -> None:
    count = 12
    reader = SyntheticQuestions(
        train=0,
        validation=0,
        test=count,
        document_pages=pages,
        questions=each,
        elsewhere=elsewhere,
        missed=missed,
        noise="none",
    )
    total = count * pages * each
    away = math.floor(total * elsewhere + 1e-9)
    lost_away, lost_here = math.floor(away * missed + 1e-9), math.floor((total - away) * missed + 1e-9)
    here = anywhere = 0
    report = Report()
    for number in range(count):
        document = reader.document("test", number, report=report)
        for page in document:
            for one in page.questions or ():
                here += _found(page, one.answers[0])
                anywhere += any(_found(other, one.answers[0]) for other in document)
    assert anywhere == total - lost_away - lost_here
    assert here == total - away - lost_here
    assert report.kept.get("questions whose answer is in the image but not in the words", 0) == total - anywhere
    assert report.kept.get("questions whose answer is in the words of another page", 0) == anywhere - here


@pytest.mark.parametrize(("choice", "elsewhere"), [("synthetic_questions", 0.0), ("synthetic_documents", 0.5)])
def test_the_shipped_corpora_hold_the_shares_that_their_files_state(choice: str, elsewhere: float) -> None:
    words = [f"data={choice}", "data.reader.train=0", "data.reader.validation=0", "data.reader.test=20"]
    reader, report = data_settings([*words, "data.reader.noise=none"], Project(), "prepare").reader, Report()
    assert isinstance(reader, SyntheticQuestions)
    pages = [page for _, page in reader.pages(None, report)]
    asked = [one for page in pages for one in page.questions or ()]
    assert len(asked) == 4 * len(pages)
    assert sum(one.kinds[1] == "elsewhere" for one in asked) == elsewhere * len(asked)
    lost = report.kept["questions whose answer is in the image but not in the words"]
    assert lost == math.floor(0.1 * len(asked))


def test_ocr_noise_lowers_the_ceiling_and_is_counted() -> None:
    settings = {"train": 0, "validation": 0, "test": 12, "missed": 0, "noise": "none"}

    def answerable(report: Report, **noise: float) -> float:
        """The share of questions whose answer is found in the words."""
        pages = [page for _, page in SyntheticQuestions(**settings, **noise).pages(None, report)]
        found = [_found(page, one.answers[0]) for page in pages for one in page.questions or ()]
        lost = report.kept.get("questions whose answer is in the image but not in the words", 0)
        assert lost == len(found) - sum(found)
        return sum(found) / len(found)

    assert answerable(Report()) == 1
    assert 0.5 < answerable(Report(), ocr_misread=0.1, ocr_split=0.05, ocr_dropped=0.05) < 0.95


def test_a_missed_answer_is_in_the_image() -> None:
    absent = garbled = 0
    for number in range(15):
        (page,), (clear,) = (
            SyntheticQuestions(missed=missed, noise="none").document("test", number) for missed in (0.5, 0.0)
        )
        assert page.image == clear.image
        assert [one.text for one in page.questions or ()] == [one.text for one in clear.questions or ()]
        for one in page.questions or ():
            assert _found(clear, one.answers[0])
            if not _found(page, one.answers[0]):
                gone = not set(one.answers[0].split()) & set(page.words) and len(page.words) < len(clear.words)
                absent, garbled = absent + gone, garbled + (not gone)
        assert page.fields == clear.fields
    assert absent > 5
    assert garbled > 3


def test_fields_are_the_documents_and_may_stand_on_any_page() -> None:
    reader = SyntheticQuestions(document_pages=3, missed=0, noise="none")
    places = [0, 0, 0]
    for number in range(8):
        pages = reader.document("train", number)
        assert len({page.document_id for page in pages}) == 1
        assert [page.number for page in pages] == [0, 1, 2]
        assert [page.id for page in pages] == [f"{pages[0].document_id}-page{n}" for n in range(3)]
        assert list(pages[0].fields or ()) == list(KEYS)
        assert [page.fields for page in pages[1:]] == [{}, {}]
        for values in (pages[0].fields or {}).values():
            on = [_found(page, values[0]) for page in pages]
            assert any(on)
            places[on.index(True)] += 1
    assert min(places) > 20


def test_pages_of_a_document_share_a_split() -> None:
    reader = SyntheticQuestions(train=3, validation=2, test=2, document_pages=3, noise="none")
    splits: dict[str, set[str]] = {}
    for split, page in reader.pages(None, Report()):
        splits.setdefault(page.document_id, set()).add(split)
    assert len(splits) == 7
    assert all(len(found) == 1 for found in splits.values())


def test_twins_are_asked_the_same_of_other_words() -> None:
    reader = SyntheticQuestions(missed=0.5, twins=True, document_pages=2, elsewhere=0.5)
    same = 0
    for number in range(6):
        document, twins = reader.document("train", number), reader.document("train", number, True)
        for page, other in zip(document, twins, strict=True):
            for one, two in zip(page.questions or (), other.questions or (), strict=True):
                assert one.kinds == two.kinds
                same += one.answers == two.answers
                assert f"{one.id}-twin" == two.id
                for pages, asked in ((document, one), (twins, two)):
                    counts = sum(_found(found, asked.answers[0]) for found in pages)
                    assert counts <= 1
                assert any(_found(p, one.answers[0]) for p in document) == any(_found(p, two.answers[0]) for p in twins)
    assert same <= 2, "of 48: a word of one letter may have no other that fits"


def test_what_stands_twice_in_a_document_is_not_asked() -> None:
    font = Font("DejaVuSans", 12)

    def leaf(name: str, *values: str) -> Leaf:
        made = Leaf(400, 400)
        for row, text in enumerate(values):
            key = made.write([f"{name}{row}:"], 10, 10 + 20 * row, font)
            made.evidence.append(Evidence("field", (key,), made.write(text.split(), 100, 10 + 20 * row, font)))
        return made

    plan = {"number": 0, "each": 1, "elsewhere": 0.0, "missed": 0.0}
    one, other = leaf("a", "12.50", "99.10", "Ada Lovelace"), leaf("b", "12.50", "Ada Byron")
    for seed in range(20):
        asked = plan_questions([one, other], random.Random(seed), **plan)
        assert one.text(asked[0].evidence.answer) in ("99.10", "Ada Lovelace")
        assert stay_unique(asked, [one, other])
        retold = leaf("a", "12.50", "99.10", "99.10")
        assert not stay_unique(asked[:1], [retold, other])
