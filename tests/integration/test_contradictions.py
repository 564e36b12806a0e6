"""Settings against the pages they are to be used on: refused before a run folder exists, with what to change."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from docexp.cli import main
from docexp.documents.page import Entity, Page
from docexp.shards.index import SetFacts
from docexp.shards.write import write_shards

ENTITIES = (Entity("question", (0,), (1, 1, 9, 9)), Entity("answer", (1,), (11, 1, 19, 9)))
FULL: dict[str, Any] = {"entities": ENTITIES, "lines": ((0, 1),)}
SPLITS = {"train": 24, "validation": 2, "test": 2}


def shards(folder: Path, splits: Mapping[str, int], image: bool, **values: Any) -> Path:
    """Pages of two words, drawn on white where there is an image."""
    data = io.BytesIO()
    Image.new("L", (20, 10), 255).save(data, "PNG")
    picture = {"image": data.getvalue()} if image else {}

    def pages() -> Any:
        for split, count in splits.items():
            for number in range(count):
                boxes = [(1, 1, 9, 9), (11, 1, 19, 9)]
                yield split, Page(f"{split}{number}", 20, 10, ("name:", "Ann"), boxes, **picture, **values)

    write_shards(pages(), folder, SetFacts(name="small", licence="none", command="docexp data prepare data=small"))
    return folder


REFUSED = {
    "a task without its annotations": (
        (SPLITS, True, {"lines": ((0, 1),)}),
        [],
        [
            "task tagging needs entities; ",
            " has images, words.",
            "Data with entities: data=",
            "data=funsd, ",
        ],
    ),
    "a model that sees images, pages without": (
        (SPLITS, False, FULL),
        [],
        ["the model needs images; ", " has entities, words.", "Set model.image=none to do without."],
    ),
    "line boxes without lines": (
        (SPLITS, True, {"entities": ENTITIES}),
        ["data.box_level=line"],
        ["data.box_level=line needs lines; ", "Set data.box_level=word."],
    ),
    "labels that the data does not have": (
        (SPLITS, True, FULL),
        ["data.labels=[question,anser]"],
        ["has entities labelled answer", "data.outside_labels", "Nearest: anser."],
    ),
    "no labels": ((SPLITS, True, FULL), ["data.labels=[]"], ["task tagging needs data.labels"]),
    "no test split": (
        ({"train": 4, "validation": 2}, True, FULL),
        [],
        ["has no test split to score the run on, only train, validation"],
    ),
    "no training split": (({"test": 4}, True, FULL), [], ["has no train split to train on, only test"]),
    "validations with nothing held out": (
        ({"train": 24, "test": 2}, True, FULL),
        ["trainer.validate_every=10", "data.hold_out=false"],
        ["data.hold_out=false keeps every training page", "trainer.validate_every=0, or data.hold_out=true"],
    ),
    "validations with too little to hold out": (
        ({"train": 1, "test": 2}, True, FULL),
        ["trainer.validate_every=10"],
        ["too few training documents to hold a tenth out", "trainer.validate_every=0"],
    ),
}


@pytest.mark.parametrize(("pages", "words", "parts"), REFUSED.values(), ids=REFUSED)
def test_refused_before_anything_starts(pages, words, parts, tmp_path: Path, capsys, monkeypatch) -> None:
    splits, image, values = pages
    folder = shards(tmp_path / "pages", splits, image, **values)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["train", f"data.shards={folder}", "model.tokenizer=data:300", f"paths.runs={tmp_path / 'runs'}", *words])
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert error.startswith("docexp: ") and len(error.strip().splitlines()) <= 2, error
    for part in parts:
        assert part in error, error
    assert not (tmp_path / "runs").exists()
    assert not list(folder.glob("tokenizer*")), "a tokenizer was trained for a run that cannot be"


@pytest.mark.parametrize("words", [["model.image=none"], ["data.box_level=line"], ["data.box_level=segment"]])
def test_pages_that_have_what_is_needed_pass(words: list[str], tmp_path: Path) -> None:
    from docexp.config.check import check
    from docexp.config.compose import compose
    from docexp.runs.resolve import check_pages, open_corpora

    folder = shards(tmp_path / "pages", SPLITS, words != ["model.image=none"], **FULL)
    settings = check(compose([f"data.shards={folder}", *words]))
    check_pages(settings, open_corpora(settings.data))


def test_parts_of_pages_have_no_stored_codes(tmp_path: Path, capsys, monkeypatch) -> None:
    """Whatever the shards hold: what an image tokenizer made of a whole page is no code of a part of it."""
    folder = shards(tmp_path / "pages", SPLITS, True, **FULL)
    monkeypatch.chdir(tmp_path)
    words = ["task=pretraining", "objective=[mim]", "model=dit_tiny", "model.random_crop=[0.08,1]"]
    with pytest.raises(SystemExit) as ended:
        main(["train", f"data.shards={folder}", f"paths.runs={tmp_path / 'runs'}", *words])
    error = capsys.readouterr().err
    assert ended.value.code == 2 and len(error.strip().splitlines()) == 1
    assert "Set objective.mim.tokenizer=PLACE, or model.random_crop=[]." in error
    assert not (tmp_path / "runs").exists()
