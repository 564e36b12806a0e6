"""Lines of json, found first and read one by one."""

import pytest

from docexp.documents.reading.json_lines import json_lines
from docexp.errors import DocexpError


def test_lines_are_read_by_their_places(tmp_path):
    """A byte order mark before the first, CRLF behind it, a blank one between."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\n["\xc3\xa5"]')
    lines = list(json_lines(file))
    assert [(line.number, line.value()) for line in reversed(lines)] == [(2, ["å"]), (0, {"a": 1})]


def test_a_damaged_line_is_named(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{}\n"\xff"\n{')
    said = []
    for line in list(json_lines(file))[1:]:
        with pytest.raises(DocexpError) as caught:
            line.value()
        said.append(str(caught.value).replace(str(file), "FILE"))
    hint = "Copy the file again from the archive."
    assert said[0] == f"FILE, line 2: not UTF-8 text (invalid start byte at byte 1). {hint}"
    assert said[1].startswith("FILE, line 3: not a json file (") and said[1].endswith(hint)
