"""``docexp bench step``: what it compares is equal, what it reports is what it measured, wrong words are refused."""

import dataclasses
import json
import re
import subprocess
import sys
import weakref
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from docexp.bench.memory import kept_for_backward, peak
from docexp.bench.settings import VARIANTS, Precision, StepSettings, Variant
from docexp.bench.step import DOCEXP, STOCK, contestants, differences, linear_products
from docexp.bench.timing import Clock, alternate, threads
from docexp.errors import DocexpError
from docexp.models.layoutlmv3 import LayoutLMv3Settings
from docexp.models.layoutlmv3.backbone import StockLayoutLMv3Backbone
from docexp.verbs.bench import COMMANDS

CPU = torch.device("cpu")
SMALL = {"layers": 2, "heads": 4, "hidden_size": 48, "ffn_size": 64, "coordinate_size": 8, "shape_size": 8}
QUICK = StepSettings(batch=2, tokens=32, shortest=20, vocabulary=200, repeats=1)


def pair(precision: str = "fp32", **changes: object) -> dict:
    model = LayoutLMv3Settings(**{**SMALL, "image_size": 64, "dropout": 0.0, "attention_dropout": 0.0, **changes})
    return contestants(model, precision, QUICK, CPU)


@pytest.mark.parametrize(("precision", "apart"), [("fp32", 1e-5), ("bf16-mixed", 5e-2)])
def test_both_have_equal_weights_and_compute_the_same(precision: str, apart: float) -> None:
    stock, docexp = pair(precision).values()
    assert isinstance(stock.model["backbone"], StockLayoutLMv3Backbone)
    theirs = stock.model.state_dict()
    assert all(torch.equal(weight, theirs[name]) for name, weight in docexp.model.state_dict().items())
    found = differences(stock, docexp)
    assert max(found[name] for name in ("output", "gradients")) < apart and found["worst_gradient"] < 5 * apart
    assert found["only_in_docexp"] == 3  # the tables of relative-position biases
    assert differences(*pair(precision, train_rel_pos=False).values())["only_in_docexp"] == 0


def test_a_wrong_model_would_show() -> None:
    stock, docexp = pair().values()
    with torch.no_grad():
        docexp.model["backbone"].layoutlmv3.encoder.rel_pos_x_bias.weight += 5 * torch.randn(4, 64)
    found = differences(stock, docexp)
    assert found["output"] > 1e-3 and found["gradients"] > 1e-3


def test_what_is_kept_is_counted_once_and_without_parameters() -> None:
    weight = torch.nn.Parameter(torch.randn(100, 100))

    def work() -> Tensor:
        hidden = torch.randn(50, 100) @ weight  # keeps its input: 50 × 100 floats
        return hidden.exp() + hidden.exp()  # keeps two outputs

    assert kept_for_backward(work, [weight]) == 3 * 50 * 100 * 4
    stock, docexp = pair(layers=4).values()
    assert kept_for_backward(stock.loss, stock.model.parameters()) > kept_for_backward(
        docexp.loss, docexp.model.parameters()
    )


def test_counting_what_is_kept_lets_it_go() -> None:
    weight = torch.nn.Parameter(torch.randn(10, 10))
    made: list[weakref.ref[Tensor]] = []

    def work() -> Tensor:
        result = (weight @ weight).exp()  # keeps its own output
        made.append(weakref.ref(result))
        return result

    kept_for_backward(work, [weight])
    assert made[0]() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_peak_is_what_is_held_at_most() -> None:
    held: list[Tensor] = []

    def work() -> None:
        held.append(torch.zeros(2**22))  # 16 MiB stay
        torch.zeros(2**24).add_(1)  # 64 MiB for a moment

    found = peak(work, CPU)
    assert found is not None and 76 * 2**20 < found < 120 * 2**20


def test_the_order_alternates_and_the_first_run_does_not_count() -> None:
    ran: list[str] = []
    works = {name: (lambda name=name: ran.append(name)) for name in ("a", "b")}
    found = alternate(works, 3, Clock("wall", CPU))
    assert "".join(ran) == "ab" + "abbaab"
    assert [len(timing.seconds) for timing in found.values()] == [3, 3]


def test_threads_are_set_back() -> None:
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_the_linear_products_are_those_of_the_encoder() -> None:
    docexp = pair()[DOCEXP]
    work = linear_products(docexp)
    with FlopCounterMode(display=False) as counter:
        work()
    positions, layers = 2 * (32 + 17), 2
    assert counter.get_total_flops() == 3 * layers * 2 * positions * (4 * 48 * 48 + 2 * 48 * 64)


def test_lengths_go_down_to_the_shortest() -> None:
    assert StepSettings(batch=3, tokens=64, shortest=20).lengths == [64, 42, 20]
    assert StepSettings(batch=2, tokens=64).lengths == [64, 64]


def docexp(*words: str, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "docexp.cli", "bench", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_verb_prints_tables_and_writes_them_down(tmp_path: Path) -> None:
    words = ["step", "model=layoutlmv3_tiny", "model.image_size=32", "tokens=16", "vocabulary=300", "threads=1"]
    words += ["variants=trained,frozen+dropout", "repeats=2", "out=result"]
    done = docexp(*words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "result.md").read_text()
    assert done.stdout == text
    assert f"docexp bench {' '.join(words)}" in text
    assert len(re.findall(r"\| (?:fp32|bf16-mixed) +\| \S+ +\| 1 thread, CPU +\| step", text)) == 4
    found = json.loads((tmp_path / "result.json").read_text())
    assert found["machine"]["torch"] == torch.__version__ and found["machine"]["cpu"]
    assert found["plan"]["tokens"] == 16
    first = found["results"][0]
    assert (first["precision"], first["variant"]) == ("fp32", "trained")
    assert len(first["times"]["1"]["step"][STOCK]["seconds"]) == 2
    assert len(first["times"]["1"]["stock_as_it_comes"]["seconds"]) == 2
    assert 0 < first["equality"]["output"] < 1e-5 and first["kept"][STOCK] > first["kept"][DOCEXP]
    assert found["results"][1]["equality"] == {}  # with dropout


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["stp"], ["bench stp is no command", "docexp bench step"]),
        (["step", "tokns=3"], ["tokns is no setting of docexp bench", "Nearest: tokens"]),
        (["step", "tokens=many"], ["tokens=many (command line) must be a whole number, at least 1"]),
        (["step", "tokens=513"], ["tokens=513 is more than model.max_tokens=512"]),
        (["step", "precision=fp16"], ["precision[0]=fp16", "none of fp32, bf16-mixed"]),
        (["step", "variants=frozn"], ["Nearest: frozen"]),
        (["step", "batch=0"], ["batch=0 (command line) must be at least 1"]),
        (["step", "shortest=600"], ["shortest=600", "at most tokens=512"]),
        (["step", "threads=0"], ["threads[0]=0 (command line) must be at least 1"]),
        (["step", "model=layoutlmv3_bas"], ["Nearest: layoutlmv3_base"]),
        (["step", "model.layrs=2"], ["Nearest: model.layers"]),
        (["step", "out=nowhere/result"], ["there is no folder nowhere"]),
        (["step", "word"], ["'word' is no key=value"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_words(words: list[str], parts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from docexp.verbs.bench import run

    monkeypatch.chdir(tmp_path)
    with pytest.raises(DocexpError) as refused:
        run(words, None)
    for part in parts:
        assert part in str(refused.value), str(refused.value)


def test_the_verb_names_its_arguments_as_the_settings_do() -> None:
    arguments = COMMANDS["step"][0]
    assert list(arguments) == [field.name for field in dataclasses.fields(StepSettings)]
    for name, values in (("precision", get_args(Precision)), ("variants", tuple(VARIANTS))):
        assert tuple(arguments[name].split("|")) == values
    assert get_args(Variant) == tuple(VARIANTS)


def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    done = docexp("step", "device=gpu", "model=layoutlmv3_tiny", folder=tmp_path)
    assert done.returncode == 2 and "device=gpu: this machine has none" in done.stderr


def test_layoutlmv2_is_measured_without_its_visual_backbone() -> None:
    from docexp.models.layoutlmv2 import LayoutLMv2Settings
    from docexp.models.layoutlmv2.backbone import StockLayoutLMv2Backbone

    visual = {"visual_blocks": [1, 1, 1, 1], "visual_groups": 2, "visual_group_width": 2, "visual_stem": 4}
    visual |= {"visual_width": 8, "visual_channels": 8, "image_size": 32, "grid_size": 4}
    for fast_qkv in (True, False):
        model = LayoutLMv2Settings(**SMALL, **visual, dropout=0.0, attention_dropout=0.0, fast_qkv=fast_qkv)
        stock, docexp = contestants(model, "fp32", QUICK, CPU).values()
        assert isinstance(stock.model["backbone"], StockLayoutLMv2Backbone)
        assert stock.left_out == docexp.left_out == "the visual backbone"
        assert not any("visual.backbone" in name for name, _ in docexp.model.named_parameters())
        found = differences(stock, docexp)
        assert found["output"] < 1e-5 and found["gradients"] < 1e-5 and found["only_in_docexp"] == 3
        positions, layers = 2 * (32 + 16), 2
        work = linear_products(docexp)
        with FlopCounterMode(display=False) as counter:
            work()
        products = 2 * positions * (4 * 48 * 48 + 2 * 48 * 64) * layers + 2 * 2 * 16 * 8 * 48  # and the projection
        assert counter.get_total_flops() == 3 * products


def test_a_model_without_biases_is_measured_once_and_is_its_own_stock_class() -> None:
    from docexp.config.project import Project
    from docexp.models.layoutlm import LayoutLMSettings
    from docexp.verbs.bench import _models, _settings

    settings, split = _settings(["model=layoutlm_tiny"], Project(), "step", StepSettings)
    models = _models(settings, split, Project())
    assert list(models) == ["plain", "plain+dropout"]
    assert models["plain"].dropout == 0 and models["plain+dropout"].dropout == 0.1
    sizes = {name: value for name, value in SMALL.items() if name not in ("coordinate_size", "shape_size")}
    model = LayoutLMSettings(**sizes, dropout=0.0, attention_dropout=0.0)
    found = differences(*contestants(model, "fp32", QUICK, CPU).values())
    assert found["output"] == found["gradients"] == 0 and found["only_in_docexp"] == 0
