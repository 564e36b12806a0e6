"""Image codes as a member of a sample: written and read back, refused where they are none or others than wanted."""

import io
import json

import numpy as np
import pytest

from docexp.errors import DocexpError
from docexp.shards.codes import CodesFacts, check_codes, encode_codes, stored_codes
from docexp.shards.index import Index

CODES = np.arange(9).reshape(3, 3) * 900


def npy(array: np.ndarray) -> bytes:
    data = io.BytesIO()
    np.save(data, array, allow_pickle=True)
    return data.getvalue()


def test_codes_come_back_row_by_row_and_numpy_reads_them():
    data = encode_codes(CODES)
    assert stored_codes({"codes.npy": data}, "here").tolist() == CODES.ravel().tolist()
    np.testing.assert_array_equal(np.load(io.BytesIO(data)), CODES)


def test_an_array_stored_by_columns_is_read_by_rows():
    data = npy(np.asfortranarray(CODES))
    assert stored_codes({"codes.npy": data}, "here").tolist() == CODES.ravel().tolist()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (npy(np.zeros((2, 3), int)), "shape"),
        (npy(np.zeros(4, int)), "shape"),
        (npy(np.zeros((0, 0), int)), "shape"),
        (npy(np.zeros((257, 257), np.uint8)), "shape"),
        (npy(np.zeros((2, 2))), "float64"),
        (npy(np.array([[{}]], object)), "object"),
        (npy(np.array([[1, -1], [0, 0]])), "-1 is no code"),
        (npy(np.full((1, 1), 2**64 - 1, np.uint64)), "-1 is no code"),
        (encode_codes(CODES)[:-1], "bytes"),
        (encode_codes(CODES)[:40], "its .codes.npy holds no codes"),
        (b"", "its .codes.npy holds no codes"),
        (encode_codes(CODES) + b"\0", "bytes"),
    ],
)
def test_what_is_no_square_of_codes_is_refused_with_its_place(data, why):
    with pytest.raises(DocexpError, match=r"^a\.tar, sample p1: ") as caught:
        stored_codes({"codes.npy": data}, "a.tar, sample p1")
    assert why in str(caught.value) and "docexp data tokenize-images" in str(caught.value)


def test_a_sample_without_codes_names_the_command():
    with pytest.raises(DocexpError, match=r"a\.tar, sample p1 has no \.codes\.npy.*docexp data tokenize-images"):
        stored_codes({"json": b"{}"}, "a.tar, sample p1")


@pytest.fixture
def coded(make_set, facts) -> Index:
    facts.codes = CodesFacts("a" * 64, 14, 8192)
    return make_set()


def test_an_index_remembers_its_codes_and_an_older_one_has_none(coded):
    assert Index.open(coded.folder).facts.codes == CodesFacts("a" * 64, 14, 8192)
    assert "image codes 14 × 14 of 8,192" in coded.place()
    path = coded.folder / "index.json"
    record = json.loads(path.read_text())
    del record["codes"]
    path.write_text(json.dumps(record))
    old = Index.open(coded.folder)
    assert old.facts.codes is None and old.checksum == coded.checksum


@pytest.mark.parametrize(
    "codes", [{"tokenizer": "a", "grid": 14}, {"tokenizer": "a", "grid": -1, "vocabulary": 2, "pages": ""}, []]
)
def test_damaged_facts_about_codes_are_refused_when_the_index_is_opened(coded, codes):
    path = coded.folder / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"codes": codes}))
    with pytest.raises(DocexpError, match="is damaged"):
        Index.open(coded.folder)


def test_codes_as_wanted_pass(coded):
    check_codes(coded, 14, "a" * 64, 8192)
    check_codes(coded, 14, None, None)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ((7, None, None), "grid 14 where 7 is wanted"),
        ((14, "b" * 64, None), f"tokenizer {'a' * 12} where {'b' * 12} is wanted"),
        ((14, None, 512), "vocabulary 8192 where 512 is wanted"),
    ],
)
def test_other_codes_are_refused_naming_both(coded, wanted, words):
    with pytest.raises(DocexpError) as caught:
        check_codes(coded, *wanted)
    assert words in str(caught.value)
    assert f"docexp data tokenize-images data.shards={coded.folder}" in str(caught.value)


def test_a_set_without_codes_is_refused(make_set):
    with pytest.raises(DocexpError, match=r"has no image codes.*tokenize-images.*grid=14"):
        check_codes(make_set(), 14, None, None)
