"""Genuine data as shards: the counts that its description states."""

import pytest

from docexp.documents.readers.funsd import FunsdReader
from docexp.documents.readers.reader import Report
from docexp.shards.check import check
from docexp.shards.index import SetFacts
from docexp.shards.read import ShardReader
from docexp.shards.write import write_shards


@pytest.mark.real_data
def test_funsd_as_shards_has_its_pages_and_entities(real_data, tmp_path):
    reader = FunsdReader()
    facts = SetFacts(name=reader.name, licence=reader.licence, command="docexp data prepare data=funsd")
    pages = list(reader.pages(real_data / "funsd", Report()))
    index = write_shards(pages, tmp_path / "funsd", facts)
    train, test = index.contents("train+minival"), index.contents("test")
    assert (train.pages, index.contents("minival").pages, test.pages) == (149, 15, 50)
    assert train.entities == {"header": 441, "question": 3266, "answer": 2802, "other": 902}
    assert test.entities == {"header": 122, "question": 1077, "answer": 821, "other": 312}
    scored = ("header", "question", "answer")
    assert [train.entities_with_words[label] for label in scored] == [441, 3253, 2732]
    assert [test.entities_with_words[label] for label in scored] == [119, 1070, 809]
    assert (train.words, test.words) == (22_512, 8_973)
    found = check(index)
    assert not any(finding.fault for finding in found)
    assert [finding.text.partition(",")[0] for finding in found] == [
        "214 entities without words on 91 pages",
        "101 relations of an entity without words on 50 pages",
    ]
    rows = ShardReader(index)
    given = {page.id: page for _, page in pages}
    for row in range(len(index)):
        page = rows.read(row)
        assert page.to_json() == given[page.id].to_json() and page.image == given[page.id].image
