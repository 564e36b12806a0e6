"""What the headers of conf/data say of the built-in corpora: how many pages, and of what size."""

import re

import pytest
import yaml
from hydra.utils import instantiate

from docexp.config.project import conf_dir
from docexp.documents.readers.reader import Report

SIZE = re.compile(r"(\d+) (?:documents, (\d+) )?pages of (\d+) × (\d+) pixels")
FILES = {file.stem: file.read_text("utf-8") for file in sorted((conf_dir() / "data").glob("synthetic_*.yaml"))}
SAID = {name: match for name, text in FILES.items() if (match := SIZE.search(text))}


def test_headers_that_state_sizes_are_found() -> None:
    assert len(SAID) >= 4


@pytest.mark.parametrize("name", SAID)
def test_pages_are_as_many_and_as_large_as_the_header_says(name: str) -> None:
    units, pages, width, height = (number and int(number) for number in SAID[name].groups())
    reader = instantiate(yaml.safe_load(FILES[name])["reader"])
    listed = list(reader.units(None, Report()))
    drawn = [page for unit in listed[:2] for _, page in reader.read(unit, Report())]
    assert {(page.width, page.height) for page in drawn} == {(width, height)}
    assert len(listed) == units and len(drawn) * units == 2 * (pages or units)
