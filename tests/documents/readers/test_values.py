"""Where a value stands among words: kinds of match, and what is none."""

import pytest

from docexp.documents.readers.values import find_value


def places(text: str, value: str, taken=()):
    words = text.split()
    return [(" ".join(words[i] for i in place.words), place.match) for place in find_value(words, value, taken)]


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("ABC SDN BHD TAX", "SDN BHD", [("SDN BHD", "as it is")]),
        ("9.00 CASH 9.00", "9.00", [("9.00", "as it is"), ("9.00", "as it is")]),
        ("27,JALAN DEDAP 13, JOHOR", "27, JALAN DEDAP 13", [("27,JALAN DEDAP 13,", "spelt otherwise")]),
        ("Book ta .K", "BOOK TA.K", [("Book ta .K", "spelt otherwise")]),
        ("DATE:19/10/2018 11:05", "19/10/2018", [("DATE:19/10/2018", "inside longer words")]),
        ("RM60.30 SEN", "60.30", [("RM60.30", "inside longer words")]),
        ("TOTAL 160.30 60.305", "60.30", []),
        ("UNIHAKKA INTERNATlONAL SDN BHD", "UNIHAKKA INTERNATIONAL SDN", [("UNIHAKKA INTERNATlONAL SDN", "similar")]),
        ("5.10 5.11", "5.12", []),
        ("A B", "", []),
        ("A B", "-", []),
        ("", "A", []),
    ],
)
def test_the_best_kind_of_match_is_taken(text, value, found):
    assert places(text, value) == found


def test_a_whole_word_is_preferred_to_a_part():
    assert places("RM9.00 NET (9.00)", "9.00") == [("(9.00)", "spelt otherwise")]


def test_words_of_another_value_are_left_alone():
    assert [place.words for place in find_value(["9.00", "TAX", "9.00"], "9.00", taken={0})] == [(2,)]
    assert find_value(["9.00"], "9.00", taken={0}) == []
