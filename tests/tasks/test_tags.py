"""BIO tags: entities to words, words to tokens, tokens back to words."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from docexp.documents.page import Entity, Page
from docexp.errors import DocexpError
from docexp.inputs.sample import IGNORED, Window
from docexp.inputs.windows import window_spans
from docexp.tasks.tags import align_tags, annotated_counts, bio_tags, merge_windows, scored_counts, word_tags

LABELS, OUTSIDE = ["header", "question", "answer"], ["other"]
BOX = (0.0, 0.0, 1.0, 1.0)


def page_of(words: list[str], entities: list[tuple[str, tuple[int, ...]]] | None) -> Page:
    made = None if entities is None else tuple(Entity(label, indices, BOX) for label, indices in entities)
    return Page("p7", 10, 10, tuple(words), np.zeros((len(words), 4)), entities=made)


def window_of(lengths: list[int], start: int, stop: int) -> Window:
    """Tokens ``start`` to ``stop`` of words with so many sub-words each, in a window of their own."""
    word = np.pad(np.repeat(np.arange(len(lengths)), lengths)[start:stop], 1, constant_values=-1)
    firsts = np.cumsum([0, *lengths])[:-1][np.array(lengths) > 0]
    starts = np.pad(np.isin(np.arange(start, stop), firsts), 1)
    zeros = np.zeros((len(word), 4), dtype=np.int64)
    return Window(np.arange(len(word)), zeros, zeros, word, word, starts)


def test_tags_are_named_as_published():
    expected = ["O", "B-HEADER", "I-HEADER", "B-QUESTION", "I-QUESTION", "B-ANSWER", "I-ANSWER"]
    assert bio_tags(LABELS) == expected
    with pytest.raises(DocexpError, match="HEADER is there more than once"):
        bio_tags(["header", "Header"])


def test_the_first_word_that_is_not_blank_begins_the_entity():
    words = ["", "Name", " ", "of", "x", "", "y", "z"]
    entities = [("question", (0, 1, 2, 3)), ("other", (4,)), ("answer", (5,)), ("answer", (7, 6))]
    page = page_of(words, entities)
    tags = word_tags(page, LABELS, OUTSIDE)
    assert tags == [None, "B-QUESTION", None, "I-QUESTION", "O", None, "B-ANSWER", "I-ANSWER"]
    assert annotated_counts(page, LABELS) == {"header": 0, "question": 1, "answer": 2}
    assert scored_counts(page, LABELS) == {"header": 0, "question": 1, "answer": 1}


def test_what_tags_cannot_say_is_refused():
    with pytest.raises(DocexpError, match=r"page p7 has no entities"):
        word_tags(page_of(["a"], None), LABELS, OUTSIDE)
    with pytest.raises(
        DocexpError, match=r"page p7: entity label 'answr' is none of header, .*, other\. Nearest: answer"
    ):
        word_tags(page_of(["a"], [("answr", (0,))]), LABELS, OUTSIDE)
    with pytest.raises(DocexpError, match=r"'total' is none of .* Add it to data\.labels or to data\.outside_labels"):
        word_tags(page_of(["a"], [("total", ())]), LABELS, OUTSIDE)
    double = [("question", (0, 1)), ("other", (1,))]
    with pytest.raises(DocexpError, match=r"page p7: word 1 belongs to two entities \(question and other\)"):
        word_tags(page_of(["a", "b"], double), LABELS, OUTSIDE)


def test_only_first_sub_words_are_targets():
    ids = {tag: number for number, tag in enumerate(bio_tags(LABELS))}
    tags = ["B-QUESTION", None, "I-QUESTION", "O"]
    targets = align_tags(window_of([2, 0, 3, 1], 0, 6), tags, ids)
    assert targets.tolist() == [IGNORED, 3, IGNORED, 4, IGNORED, IGNORED, 0, IGNORED]
    inside = align_tags(window_of([2, 0, 3, 1], 1, 6), tags, ids)  # begins inside word 0, which is not labelled again
    assert inside.tolist() == [IGNORED, IGNORED, 4, IGNORED, IGNORED, 0, IGNORED]


@st.composite
def pages(draw: st.DrawFn) -> tuple[Page, list[int], int, int]:
    """A page with contiguous entities, its words' sub-word counts, a capacity and a stride."""
    words, entities, lengths = [], [], []
    for _ in range(draw(st.integers(0, 12))):
        label = draw(st.sampled_from([*LABELS, *OUTSIDE]))
        size = draw(st.integers(0, 4))
        entities.append((label, tuple(range(len(words), len(words) + size))))
        words += draw(st.lists(st.sampled_from(["a", "", " ", "b c"]), min_size=size, max_size=size))
    capacity = draw(st.integers(2, 12))
    for word in words:
        lengths.append(draw(st.integers(1, 2 * capacity)) if word.strip() else 0)
    return page_of(words, entities), lengths, capacity, draw(st.integers(0, capacity - 1))


@settings(deadline=None)
@given(pages())
def test_no_entity_is_lost_on_the_way_through_windows(case: tuple[Page, list[int], int, int]):
    page, lengths, capacity, stride = case
    tags, names = word_tags(page, LABELS, OUTSIDE), bio_tags(LABELS)
    ids = {tag: number for number, tag in enumerate(names)}
    first = np.cumsum([0, *lengths])[:-1][np.array(lengths, dtype=int) > 0]
    spans = window_spans(np.isin(np.arange(sum(lengths)), first), capacity, stride)
    windows = [window_of(lengths, *span) for span in spans]
    merged = merge_windows([(w.word_index, w.starts_word, align_tags(w, tags, ids)) for w in windows])
    assert {word: names[value] for word, value in merged.items()} == {w: tag for w, tag in enumerate(tags) if tag}
    found = Counter(label for label, _, _ in get_entities([names[merged[word]] for word in sorted(merged)]))
    assert {label: found[label.upper()] for label in LABELS} == scored_counts(page, LABELS)


def test_overlapping_windows_answer_once_from_where_the_context_is():
    lengths = [1] * 8
    rows = [window_of(lengths, 0, 6), window_of(lengths, 2, 8)]
    merged = merge_windows([(w.word_index, w.starts_word, np.full(8, number)) for number, w in enumerate(rows)])
    assert [merged[word] for word in range(8)] == [0, 0, 0, 0, 1, 1, 1, 1]
