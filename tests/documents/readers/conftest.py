"""What tests of readers share: small images, and damage to the files of a dataset."""

import copy
import io
import json
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from docexp.documents.page import Page
from docexp.documents.readers.reader import SPLITS, Report
from docexp.errors import DocexpError

ODD = [None, True, -1, 10**400, 1e308, float("nan"), float("inf"), "", "x", [], {}, [1, 2], -5.5, 7, "7", [[0, 0]]]


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """Encoded grey images of a given size."""

    def make(width: int, height: int, kind: str = "png", shade: int = 255) -> bytes:
        file = io.BytesIO()
        Image.new("L", (width, height), shade).save(file, kind)
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def refusal() -> Callable[..., str]:
    """What a reader says when it refuses a folder, which is called DIR."""

    def say(reader: Any, source: Path) -> str:
        with pytest.raises(DocexpError) as caught:
            list(reader.pages(source, Report()))
        text = str(caught.value)
        assert len(text.splitlines()) <= 2
        return text.replace(str(source), "DIR")

    return say


@pytest.fixture(scope="session")
def survives() -> Callable[..., None]:
    """Reads a folder and accepts pages with valid splits, or a refusal in one or two lines, and nothing else."""

    def read(reader: Any, source: Path) -> None:
        report = Report()
        try:
            for unit in reader.units(source, report):
                for split, page in reader.read(pickle.loads(pickle.dumps(unit)), report):
                    assert split in SPLITS and isinstance(page, Page)
                    assert Page.from_json(page.to_json()).words == page.words
        except DocexpError as error:
            assert 1 <= len(str(error).splitlines()) <= 2
        report.lines()

    return read


@pytest.fixture(scope="session")
def damaged() -> Callable[..., Any]:
    """A copy of a json value, changed at one or two places that the seed chooses."""

    def damage(value: Any, seed: int) -> Any:
        rng = random.Random(seed)
        value = copy.deepcopy(value)
        for _ in range(rng.choice([1, 1, 2])):
            places = list(_places(value))
            if not places:
                break
            holder, key = rng.choice(places)
            action = rng.random()
            if action < 0.15:
                del holder[key]
            elif action < 0.25 and isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            else:
                holder[key] = copy.deepcopy(rng.choice(ODD))
        return value

    return damage


@pytest.fixture(scope="session")
def dumped() -> Callable[..., bytes]:
    """A json value as a file's bytes, which one seed in eight cuts off or spoils."""

    def dump(value: Any, seed: int) -> bytes:
        data = json.dumps(value, ensure_ascii=False).encode()
        rng = random.Random(-seed)
        if seed % 8 == 7:
            place = rng.randrange(len(data))
            return (
                data[:place] if rng.random() < 0.5 else data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]
            )
        return data

    return dump


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from _places(value[key])
