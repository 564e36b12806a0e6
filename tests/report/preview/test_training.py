"""With objectives the preview shows what training itself makes of a page: the same windows, and what became of them."""

import base64
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.inputs.dataset import SampleMaker
from docexp.inputs.sample import IGNORED, Window
from docexp.runs.resolve import resolve
from docexp.shards.index import Index, SetFacts
from docexp.shards.write import write_shards
from docexp.training.build import build_maker
from docexp.verbs.data import run

RED, BLUE = (200, 20, 30), (10, 30, 220)
WIDTH, HEIGHT, SIDE, GRID = 200, 320, 64, 4
SMALL = ["model.tokenizer=data:280", f"model.image_size={SIDE}"]
V3 = ["model=layoutlmv3_tiny", *SMALL, f"model.patch_size={SIDE // GRID}"]
V2 = ["model=layoutlmv2_tiny", *SMALL]
V3_SET = ["objective=[mlm,wpa,mim]", "objective.mim.target=pixels", *V3]
V2_SET = ["objective=[mvlm,tia,tim]", *V2]
TEXT = ["model.image=none", "objective=[mlm]"]


def page(number: int, image: bool = True) -> Page:
    """40 words, five in a line, the last of no line; its image is of one colour."""
    boxes = [(40 * (n % 5) + 3, 40 * (n // 5) + 3, 40 * (n % 5) + 33, 40 * (n // 5) + 23) for n in range(40)]
    data = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), colour(number)).save(data, "PNG")
    return Page(
        f"page{number}",
        WIDTH,
        HEIGHT,
        tuple(f"word{n}" for n in range(40)),
        np.array(boxes, float),
        image=data.getvalue() if image else None,
        lines=tuple(tuple(range(n, min(n + 5, 39))) for n in range(0, 40, 5)),
    )


def colour(number: int) -> tuple[int, int, int]:
    return RED if number % 2 else BLUE


def written(folder: Path, images: bool = True) -> Index:
    pages = [("validation" if n > 7 else "train", page(n, images)) for n in range(10)]
    return write_shards(pages, folder, SetFacts(name="coloured", licence="none", command="x"))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return written(tmp_path_factory.mktemp("data") / "coloured")


Draw = Callable[..., list[dict]]


@pytest.fixture
def draw(index: Index, tmp_path: Path) -> Draw:
    """The records of the file that ``docexp data preview`` writes with some words."""

    def begin(*words: str) -> list[dict]:
        out = tmp_path / "preview.html"
        assert run(["preview", f"data.shards={index.folder}", f"out={out}", *words], None) == 0
        (found,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', out.read_text(), re.DOTALL)
        return json.loads(found)

    return begin


def trained_on(index: Index, row: int, epoch: int, *words: str) -> Window:
    """The first window that a training run of the same settings takes of a row."""
    return trainer(index, *words).training(row, epoch).windows[0]


def trainer(index: Index, *words: str) -> SampleMaker:
    made = resolve(check(compose([f"data.shards={index.folder}", "task=pretraining", *words])))
    return build_maker(made, made.corpora)


def layer(record: dict, title: str) -> list[dict]:
    (found,) = [layer["marks"] for layer in record["seen"]["layers"] if layer["title"] == title]
    return found


def labels(record: dict, title: str) -> Counter:
    return Counter(mark["label"] for mark in layer(record, title))


def fact(record: dict, name: str) -> str:
    return "; ".join(dict(record["seen"]["facts"])[name])


def picture(record: dict) -> np.ndarray:
    data = record["seen"]["image"].removeprefix("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


@pytest.mark.parametrize("epoch", [0, 3])
def test_what_is_drawn_is_what_is_trained_on(index: Index, draw: Draw, epoch: int) -> None:
    (record,) = draw(*V3_SET, "pages=1", "seed=5", f"epoch={epoch}")
    row = int(record["id"].removeprefix("page"))
    window = trained_on(index, row, epoch, *V3_SET, "seed=5")
    hidden = np.flatnonzero(window.targets["mlm"] != IGNORED)
    assert 0 < len(layer(record, "hidden tokens")) == len(hidden)
    words = [mark["said"].partition("\n")[2] for mark in layer(record, "hidden tokens")]
    assert words == [f"word{window.word_index[place]}" for place in hidden]
    same = int((window.input_ids == window.targets["mlm"])[hidden].sum())
    assert labels(record, "hidden tokens")["kept"] == same
    assert all(("→ <mask>" in mark["said"]) == (mark["label"] == "mask") for mark in layer(record, "hidden tokens"))
    wpa = window.targets["wpa"]
    expected = Counter({"aligned": int((wpa == 0).sum()), "unaligned": int((wpa == 1).sum())})
    assert labels(record, "wpa's targets") == +expected
    assert window.patch_mask is not None
    places = {tuple(mark["box"]) for mark in layer(record, "hidden patches")}
    across, down = WIDTH / GRID, HEIGHT / GRID
    assert places == {
        (column * across, row * down, (column + 1) * across, (row + 1) * down)
        for row, column in np.argwhere(window.patch_mask.reshape(GRID, GRID))
    }
    tokens = int((window.word_index >= 0).sum())
    assert fact(record, "mlm") == f"{len(hidden)} of {tokens} tokens"
    assert fact(record, "mim") == f"{window.patch_mask.sum()} of {GRID**2} patches"
    assert fact(record, "wpa").startswith(f"{tokens - len(hidden)} of {tokens} tokens: {expected['aligned']} aligned")
    assert f"as in epoch {epoch} with seed 5" in fact(record, "seen")


def test_the_tokens_of_a_word_share_its_box(draw: Draw) -> None:
    """With every token hidden, the marks of each word tile its box from left to right."""
    (record,) = draw(*V3_SET, "pages=1", "objective.mlm.ratio=1.0", "objective.mlm.masking=tokens")
    for number, (x0, y0, x1, y1) in enumerate(record["boxes"]):
        own = [m["box"] for m in layer(record, "hidden tokens") if m["said"].endswith(f"\nword{number}")]
        assert len(own) >= 2 and own[0][0] == x0 and own[-1][2] == x1
        assert all(left[2] == right[0] and left[1::2] == [y0, y1] for left, right in pairwise(own))


def test_colours_are_the_pages_own_for_models_that_read_blue_first_too(draw: Draw) -> None:
    for words in (V3_SET, [*V2_SET, "objective.tim.replaced=0.0", "objective.tia.ratio=0.0"]):
        for record in draw(*words, "ids=page1,page2"):
            shown = picture(record)
            if fact(record, "image") == "the page's own":
                assert shown.shape[2] == 3 and (shown == colour(int(record["id"][-1]))).all()
            else:
                assert fact(record, "image") == "dropped" and (shown == 255).all()


def test_replaced_and_dropped_images_are_shown_and_said(draw: Draw) -> None:
    records = draw(*V2_SET, "objective.tim.replaced=0.4", "objective.tim.dropped=0.4", "objective.tia.ratio=0.0")
    assert len(records) == 8  # the training pages alone
    kinds = Counter()
    for record in records:
        said = fact(record, "image")
        kinds[said.partition(" by")[0]] += 1
        match = re.fullmatch(r"replaced by that of page(\d+)", said)
        own = colour(int(record["id"][-1]))
        expected = colour(int(match[1])) if match else (255, 255, 255) if said == "dropped" else own
        assert (picture(record) == expected).all(), said
        own_image = said == "the page's own"
        assert (fact(record, "tim") == "the page's own image") == own_image
        assert set(labels(record, "tia's targets")) == ({"not covered"} if own_image else {"covered"})
    assert set(kinds) == {"the page's own", "replaced", "dropped"}


def test_covered_lines_are_boxes_around_what_is_painted(draw: Draw) -> None:
    for record in draw(*V2_SET, "objective.tim.replaced=0.0", "objective.tia.ratio=0.4", "pages=3"):
        black = (picture(record) == 0).all(axis=2)
        assert len(layer(record, "covered lines")) in (3, 4)  # of nine: eight lines, and a word of none
        inside = np.zeros_like(black)
        for mark in layer(record, "covered lines"):
            x0, y0, x1, y1 = mark["box"]
            words = mark["said"].removeprefix("covered: ").split()
            assert len(words) in (1, 4, 5)
            across, down = SIDE / WIDTH, SIDE / HEIGHT
            top, left = max(0, int(y0 * down) - 1), max(0, int(x0 * across) - 1)  # boxes are rounded to 0..1000
            inside[top : int(y1 * down) + 2, left : int(x1 * across) + 2] = True
        assert black.any() and not (black & ~inside).any()


@pytest.mark.parametrize("windows", ["one", "all"])
def test_of_several_windows_it_says_which_one_is_drawn(index: Index, draw: Draw, windows: str) -> None:
    words = ["model=layoutlmv3_tiny", "model.tokenizer=data:280", *TEXT]
    words += ["model.max_tokens=64", "data.window_stride=0", f"data.train_windows={windows}"]
    records = draw(*words, "split=train+validation")
    numbers, maker = set(), trainer(index, *words)
    for record in records:
        assert record["seen"]["image"] is None and fact(record, "image") == "the model sees none"
        found = re.search(r"window (\d+) of (\d+)", fact(record, "seen"))
        assert found and int(found[2]) > 1
        numbers.add(int(found[1]))
        last = int(maker.training(int(record["id"][-1]), 0).windows[0].word_index.max())
        assert max(words_of_boxes(record)) == last
    assert numbers == {1} if windows == "all" else len(numbers) > 1


def words_of_boxes(record: dict) -> set[int]:
    """The words whose boxes the model is given, to a page pixel."""
    given = np.array([mark["box"] for mark in layer(record, "boxes as the model sees them")])
    return {
        number for number, box in enumerate(record["boxes"]) if (np.abs(given - np.array(box)).max(axis=1) < 1.0).any()
    }


def test_boxes_are_those_of_the_chosen_level(draw: Draw) -> None:
    for level, number in (("word", 40), ("line", 9)):
        (record,) = draw(*V3_SET, "pages=1", f"data.box_level={level}")
        assert len(layer(record, "boxes as the model sees them")) == number


def test_a_model_that_reads_no_words_has_patches_alone(draw: Draw) -> None:
    words = ["model=dit_tiny", "objective=[mim]", "objective.mim.target=pixels", "pages=2"]
    for record in draw(*words):
        assert [layer["title"] for layer in record["seen"]["layers"]] == ["hidden patches"]
        assert layer(record, "hidden patches")


def test_a_part_of_a_page_is_drawn_where_it_lies_and_its_patches_on_it(draw: Draw, index: Index) -> None:
    words = ["model=dit_tiny", "objective=[mim]", "objective.mim.target=pixels", "model.random_crop=[0.1,0.3]"]
    for record in draw(*words, "pages=3"):
        left, top, right, bottom = record["seen"]["part"]
        share = (right - left) * (bottom - top)
        assert 0.099 < share < 0.301 and fact(record, "image") == f"a part of the page's own, {100 * share:.0f} % of it"
        edges = np.array([left * WIDTH, top * HEIGHT, right * WIDTH, bottom * HEIGHT])
        patch = (edges[2:] - edges[:2]) / 14
        places = {tuple(mark["box"]) for mark in layer(record, "hidden patches")}
        corners = [edges[:2] + patch * np.array(at) for at in np.ndindex(14, 14)]
        every = [np.concatenate([corner, corner + patch]) for corner in corners]
        assert places and all(min(np.abs(box - place).max() for box in every) < 0.06 for place in places)
    (whole,) = draw(*words[:3], "pages=1")
    assert whole["seen"]["part"] is None and fact(whole, "image") == "the page's own"


def test_without_objectives_nothing_of_them_is_in_the_file(draw: Draw) -> None:
    assert all("seen" not in record for record in draw("pages=2"))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["objective=[mlx]", *V3], "objective=[mlx] is no choice of conf/objective/. Nearest: ml"),
        (["objective=mlm", *V3], "objective=[mlm,mim]"),
        (["objective=[]", *V3], "task=pretraining has no objective"),
        (["objective.mlm.ratio=0.5", *V3], "has no effect: mlm is not chosen. Choose it: objective=[mlm]"),
        (["objective=[wpa]", *V3], "needs patches masked"),
        ([*V3_SET[:2], "model=layoutlmv3_tiny", "model.image=none"], "Set model.image=patches"),
        (["objective=[mim]", *V3], "has no image codes. Make shards with codes: docexp data tokenize-images"),
        ([*V3_SET, "epoch=-1"], "epoch=-1 must be a whole number, at least 0"),
        (["epoch=1"], "epoch=1 has no effect without objectives"),
        (["model=layoutlmv3_tiny"], "model=layoutlmv3_tiny has no effect without objectives"),
        ([*V3_SET, "task=tagging"], "task=tagging is nothing that docexp data preview takes"),
        ([*V3_SET, "objective.mlm.ratio=2"], "objective.mlm.ratio=2"),
    ],
)
def test_what_it_refuses(draw: Draw, words: list[str], part: str) -> None:
    with pytest.raises(DocexpError) as refused:
        draw(*words)
    assert part in str(refused.value)


def test_a_mixture_is_refused(index: Index, tmp_path: Path) -> None:
    corpora = f"data.corpora={{a: {index.folder}, b: {index.folder}}}"
    with pytest.raises(
        DocexpError, match=r"docexp data preview takes one dataset; .* is a mixture\. Name one: data\.sha"
    ):
        run(["preview", "data=mixture", corpora, f"out={tmp_path / 'x.html'}", *V3_SET], None)


def test_pages_without_images_are_refused_where_the_model_sees_them(tmp_path: Path) -> None:
    bare = written(tmp_path / "bare", images=False)
    words = ["preview", f"data.shards={bare.folder}", f"out={tmp_path / 'x.html'}"]
    with pytest.raises(DocexpError, match=r"needs images; .*bare has") as refused:
        run([*words, *V3_SET], None)
    assert len(str(refused.value).splitlines()) <= 2
    assert run([*words, "model=layoutlmv3_tiny", "model.tokenizer=data:280", *TEXT], None) == 0
