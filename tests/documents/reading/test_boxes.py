import pytest

from docexp.documents.readers.reader import Report
from docexp.documents.reading.boxes import BoxRules, Repair
from docexp.errors import DocexpError


def rules(repair: Repair = "none") -> BoxRules:
    return BoxRules(100, 50, repair, Report())


def test_the_box_around_a_quad_does_not_depend_on_where_it_starts():
    corners = [(10, 12), (40, 8), (42, 20), (12, 24)]
    for start in range(4):
        turned = corners[start:] + corners[:start]
        assert rules().quad([n for corner in turned for n in corner], "w").tolist() == [10, 8, 42, 24]


def test_coco_boxes_hold_width_and_height():
    assert rules().xywh([10, 5, 30, 2.5], "w").tolist() == [10, 5, 40, 7.5]


@pytest.mark.parametrize("values", [[1, 2, 3], [1, 2, 3, "4"], [1, 2, 3, True], "1234", None])
def test_what_is_no_box_is_refused(values):
    for method in (rules().box, rules().xywh, rules().quad):
        with pytest.raises(DocexpError, match=r"^page\.json, word 3: .* (is|are) not (four|eight) numbers\.$"):
            method(values, "page.json, word 3")


def test_a_fault_names_the_repair_that_mends_it_and_a_repair_is_counted():
    outside, reversed_ = [90, 10, 120, 20], [40, 10, 20, 20]
    with pytest.raises(DocexpError, match=r"outside the page.*data.reader.repair=clip cuts it"):
        rules().box(outside, "w")
    with pytest.raises(DocexpError, match=r"x1 < x0.*data.reader.repair=swap\+clip turns it round"):
        rules("clip").box(reversed_, "w")
    both = rules("swap+clip")
    assert both.box(outside, "w").tolist() == [90, 10, 100, 20]
    assert both.box(reversed_, "w").tolist() == [20, 10, 40, 20]
    assert both.report.repaired == {"boxes cut at the page's border": 1, "reversed boxes turned round": 1}


def test_a_box_that_lies_wholly_beyond_the_page_is_not_clipped_to_nothing():
    with pytest.raises(DocexpError, match=r"outside the page of 100 × 50\. Correct the file"):
        rules("swap+clip").box([110, 10, 120, 20], "w")
