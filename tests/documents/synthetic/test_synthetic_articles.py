"""Articles: regions, their outlines, the reading order, and what the naive order gets wrong."""

from itertools import groupby, pairwise

import numpy as np
import pytest

from docexp.documents.images import decode
from docexp.documents.page import Page
from docexp.documents.readers.reader import Report
from docexp.documents.synthetic import SyntheticArticles
from docexp.documents.synthetic.article import COLUMNS
from docexp.documents.synthetic.leaf import outline, polygon_area
from docexp.documents.synthetic.scan_order import scan_order


def _pages(count: int, **settings: object) -> list[Page]:
    reader = SyntheticArticles(**settings)
    return [page for number in range(count) for page in reader.document("train", number)]


def test_regions_fit_their_words_exactly_and_do_not_overlap() -> None:
    for page in _pages(15, noise="none"):
        regions = page.regions or ()
        boxes = np.array([region.box for region in regions])
        for number, box in enumerate(boxes):
            others = np.delete(boxes, number, axis=0)
            apart = (others[:, :2] >= box[2:]).any(axis=1) | (others[:, 2:] <= box[:2]).any(axis=1)
            assert apart.all(), f"{page.id}: region {number} ({regions[number].label}) overlaps another"
        for entity in page.entities or ():
            if entity.label in ("title", "heading", "paragraph", "caption", "author", "list"):
                assert entity.box in {region.box for region in regions}, "a text's region is the box of its words"


def test_figures_and_tables_reach_to_their_frames() -> None:
    for page in _pages(15, noise="none"):
        grey = np.asarray(decode(page).convert("L"), dtype=int)
        for region in page.regions or ():
            if region.label != "figure":
                continue
            x0, y0, x1, y1 = map(int, region.box)
            for edge in (grey[y0, x0:x1], grey[y1 - 1, x0:x1], grey[y0:y1, x0], grey[y0:y1, x1 - 1]):
                assert (edge == 20).all()
            for beyond in (grey[y0 - 1, x0:x1], grey[y1, x0:x1], grey[y0:y1, x0 - 1], grey[y0:y1, x1]):
                assert (beyond == 250).all()


def test_polygons_hold_the_words_and_lie_in_the_box() -> None:
    corners = 0
    for page in _pages(8, noise="none"):
        for region in page.regions or ():
            (polygon,) = region.polygons
            points = np.array(polygon).reshape(-1, 2)
            assert np.allclose([*points.min(axis=0), *points.max(axis=0)], region.box)
            x0, y0, x1, y1 = region.box
            assert 0 < region.area <= (x1 - x0) * (y1 - y0)
            corners += len(points) == 6
            inside = [box for box in page.word_boxes if (box[:2] >= (x0, y0)).all() and (box[2:] <= (x1, y1)).all()]
            for box in inside:
                if len(points) == 6:  # nothing stands in the corner that is cut out
                    knee, end = points[2][1], points[3][0]
                    assert box[3] <= knee or box[2] <= end
    assert corners > 20


def test_without_polygons_the_area_is_the_box() -> None:
    for with_, without in zip(_pages(2), _pages(2, polygons=False), strict=True):
        for one, other in zip(with_.regions or (), without.regions or (), strict=True):
            assert one.box == other.box
            assert other.polygons == ()
            assert other.area == pytest.approx((other.box[2] - other.box[0]) * (other.box[3] - other.box[1]))


def test_outlines_by_hand() -> None:
    assert outline([(0, 0, 10, 4), (0, 5, 6, 9)]) == (0, 0, 10, 0, 10, 4, 6, 4, 6, 9, 0, 9)
    assert outline([(0, 0, 10, 4), (0, 5, 12, 9)]) == (0, 0, 12, 0, 12, 9, 0, 9)
    assert outline([(1, 2, 10, 4)]) == (1, 2, 10, 2, 10, 4, 1, 4)
    assert polygon_area((0, 0, 10, 0, 10, 4, 6, 4, 6, 9, 0, 9)) == 70


def test_the_reading_order_goes_down_one_column_after_the_other() -> None:
    kinds = set()
    for page in _pages(25, noise="none"):
        kinds.add(page.document_class)
        count = COLUMNS[page.document_class or ""]
        entity_of = {word: number for number, entity in enumerate(page.entities or ()) for word in entity.words}
        blocks = [number for number, _ in groupby(page.reading_order or (), key=entity_of.__getitem__)]
        assert len(set(blocks)) == len(blocks), "a block is read to its end before the next one"
        entities = [(page.entities or ())[number] for number in blocks]
        assert [entities[0].label, entities[1].label, entities[-1].label] == ["header", "title", "footer"]
        margin = min(entity.box[0] for entity in entities)
        step = (page.width - 2 * margin) / count
        body = [one for one in entities[3:-1] if one.box[2] - one.box[0] < 1.05 * step]
        places = [(int((entity.box[0] - margin + 12) / step), entity.box[1]) for entity in body]
        across = [number for number, one in enumerate(entities[3:-1]) if one.box[2] - one.box[0] >= 1.05 * step]
        if not across and count > 1:
            assert places[1:] == sorted(places[1:]) or places == sorted(places)
        for line in page.lines or ():
            lefts = page.word_boxes[list(line)][:, 0]
            assert (np.diff(lefts) > 0).all()
    assert kinds == set(COLUMNS)


@pytest.mark.parametrize("noise", ["none", "heavy"])
def test_what_the_naive_order_gets_wrong_is_reported(noise: str) -> None:
    reader, report = SyntheticArticles(train=20, validation=0, test=0, noise=noise), Report()
    wrong = words = 0
    by_class: dict[str, list[float]] = {}
    for _, page in reader.pages(None, report):
        order = page.reading_order or ()  # words are stored in scan order, so a right follower has the next number
        missed = sum(after != before + 1 for before, after in pairwise(order))
        by_class.setdefault(page.document_class or "", []).append(missed / len(order))
        wrong, words = wrong + missed, words + len(order)
    (counted,) = report.kept.values()
    assert counted == wrong
    assert 0.05 < wrong / words < 0.3
    means = {kind: np.mean(shares) for kind, shares in by_class.items()}
    assert means["report"] < 0.01 < means["journal"] < means["newsletter"], "the more columns, the more it gets wrong"


def test_scan_order_by_hand() -> None:
    boxes = np.array([[0, 0, 9, 10], [10, 1, 19, 9], [50, 0, 60, 11], [0, 14, 9, 24], [50, 13, 60, 24]], float)
    assert scan_order(boxes, [(3,), (0, 1), (4,), (2,)]) == [0, 1, 2, 3, 4]
    assert scan_order(boxes[:0], []) == []
