"""A training step of docexp's model against that of transformers' own class: equal weights, equal batches, one process.

The step is forward, loss and backward of token classification. The optimiser's own step is the same code for both and
is left out.
"""

import copy
import multiprocessing
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from docexp.bench.memory import kept_for_backward, peak
from docexp.bench.settings import StepSettings
from docexp.bench.timing import Clock, Timing, alternate, threads
from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.inputs.random_batch import random_batch
from docexp.inputs.sample import IGNORED
from docexp.models.backbone import Backbone
from docexp.models.heads import TokenClassifier
from docexp.models.settings import ModelSettings
from docexp.training.allocator import keep_memory

LABELS = 7
"""Tags of the head: FUNSD's."""

TABLE_STD = 1.0
"""Relative-position tables are drawn as large as the scores, so that a wrong bias shows."""

PAD = 1
STOCK, DOCEXP = "stock", "docexp"


@dataclass(kw_only=True)
class Times:
    """What was timed with so many threads."""

    clock: str
    """``process`` or ``wall``, see ``Clock``."""
    forward: dict[str, Timing]
    """A prediction, without gradients."""
    step: dict[str, Timing]
    linear_alone: Timing
    """The matrix products of a step's linear layers and nothing else: what no attention can save."""
    stock_as_it_comes: Timing | None = None
    """The stock class's step in a process of its own, whose memory is handled as the C library does by itself: docexp
    changes that for its process, which helps the stock class as well. None where the device is no CPU."""


@dataclass(kw_only=True)
class StepResult:
    """What was measured of one model in one precision."""

    times: dict[int, Times] = field(default_factory=dict)
    """By number of CPU threads."""
    kept: dict[str, int] = field(default_factory=dict)
    """Bytes that the forward pass keeps for the backward pass."""
    peak: dict[str, int | None] = field(default_factory=dict)
    """Bytes that a step holds at most, gradients included."""
    equality: dict[str, float] = field(default_factory=dict)
    """See ``differences``; empty with dropout, which the two draw differently."""
    left_out: str = ""
    """A part of the model that is the same code in both, and was not measured."""


class Contestant:
    """A model with a head on one batch."""

    def __init__(self, backbone: Backbone, head: nn.Module, batch: Batch, precision: str) -> None:
        self._device = batch.input_ids.device
        self.left_out = backbone.to(self._device).without_shared(batch)
        self.model = nn.ModuleDict({"backbone": backbone, "head": head}).to(self._device).train()
        self._batch, self._mixed = batch, precision == "bf16-mixed"
        self._target = torch.where(batch.mask, batch.input_ids % LABELS, IGNORED)

    def hidden(self) -> Tensor:
        """The text's last hidden states."""
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._mixed):
            return self.model["backbone"](self._batch).text

    def loss(self) -> Tensor:
        """The loss, with everything that the backward pass needs."""
        hidden = self.hidden()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._mixed):
            logits = self.model["head"](hidden)
        return F.cross_entropy(logits.float().flatten(0, 1), self._target.flatten(), ignore_index=IGNORED)

    def forward(self) -> None:
        """A prediction."""
        self.model.eval()
        with torch.no_grad():
            self.hidden()
        self.model.train()

    def step(self) -> None:
        """A training step. Its gradients are let go."""
        self.loss().backward()
        self.model.zero_grad(set_to_none=True)

    def gradients(self) -> dict[str, Tensor]:
        """Those of a step, by parameter; without what gets none."""
        self.loss().backward()
        found = {name: weight.grad.float() for name, weight in self.model.named_parameters() if weight.grad is not None}
        self.model.zero_grad(set_to_none=True)
        return found


def device_of(name: str) -> torch.device:
    """The device that ``cpu`` or ``gpu`` stands for.

    Raises:
        DocexpError: there is no GPU.
    """
    if name == "gpu" and not torch.cuda.is_available():
        raise DocexpError("device=gpu: this machine has none that torch can use. Use device=cpu.")
    return torch.device("cuda" if name == "gpu" else name)


def bench_step(
    model: ModelSettings, precision: str, settings: StepSettings, device: torch.device, say: Callable[[str], None]
) -> StepResult:
    """Measures one model in one precision; ``say`` is told what is going on."""
    pair = contestants(model, precision, settings, device)
    stock, docexp = pair[STOCK], pair[DOCEXP]
    result = StepResult(left_out=docexp.left_out)
    keep_memory()
    if not any(isinstance(part, nn.Dropout) and part.p for part in docexp.model.modules()):
        say("equality")
        result.equality = differences(stock, docexp)
    for name, one in pair.items():
        say(f"memory of {name}")
        result.kept[name] = kept_for_backward(one.loss, one.model.parameters())
        result.peak[name] = peak(one.step, device)
    for count in settings.threads if device.type == "cpu" else settings.threads[:1]:
        with threads(count):
            found = result.times[count] = _times(pair, count, settings.repeats, device, say)
        if device.type == "cpu":
            say(f"training step of stock in a process of its own, {_threads(count)}")
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
                found.stock_as_it_comes = other.submit(stock_alone, model, precision, settings, count).result()
    return result


def stock_alone(model: ModelSettings, precision: str, settings: StepSettings, count: int) -> Timing:
    """The stock class's training step on a CPU, in a process that has changed nothing."""
    device = torch.device("cpu")
    stock = contestants(model, precision, settings, device)[STOCK]
    with threads(count):
        return alternate({STOCK: stock.step}, settings.repeats, _clock(count, device))[STOCK]


def contestants(
    model: ModelSettings, precision: str, settings: StepSettings, device: torch.device
) -> dict[str, Contestant]:
    """The stock class and docexp's with equal weights and the same batch."""
    torch.manual_seed(0)
    batch = random_batch(settings.lengths, settings.vocabulary, model.image_side, pad_token_id=PAD).to(device)
    ours, theirs = model.build(settings.vocabulary, PAD), model.build_stock(settings.vocabulary, PAD)
    with torch.no_grad():
        for name, table in ours.named_parameters():
            if "rel_pos" in name:
                table.normal_(std=TABLE_STD)
    theirs.load_state_dict(ours.state_dict())
    head = TokenClassifier(ours.hidden_size, LABELS, dropout=0.0)
    pairs = ((STOCK, theirs), (DOCEXP, ours))
    return {name: Contestant(backbone, copy.deepcopy(head), batch, precision) for name, backbone in pairs}


def differences(stock: Contestant, docexp: Contestant) -> dict[str, float]:
    """How far outputs and gradients lie apart.

    ``output``: the largest difference of a hidden value, over the largest value. ``gradients``: the norm of the
    difference of all gradients that both have, over the norm of the stock class's. ``worst_gradient``: the largest
    difference in a tensor over its largest value, where that is worst; keys' biases apart, whose gradient is 0 but for
    rounding. ``compared``, ``only_in_docexp``: how many tensors have a gradient in both, and in docexp's class alone.
    """
    with torch.no_grad():
        output = _relative(docexp.hidden().float(), stock.hidden().float())
    theirs, ours = stock.gradients(), docexp.gradients()
    shared = theirs.keys() & ours.keys()
    apart = sum(float((theirs[name] - ours[name]).square().sum()) for name in shared)
    norm = sum(float(theirs[name].square().sum()) for name in shared)
    return {
        "output": output,
        "gradients": (apart / norm) ** 0.5,
        "worst_gradient": max(_relative(ours[n], theirs[n]) for n in shared if not n.endswith("key.bias")),
        "compared": float(len(shared)),
        "only_in_docexp": float(len(ours.keys() - theirs.keys())),
    }


def _times(
    pair: dict[str, Contestant], count: int, repeats: int, device: torch.device, say: Callable[[str], None]
) -> Times:
    clock = _clock(count, device)
    say(f"forward, {_threads(count)}")
    forward = alternate({name: one.forward for name, one in pair.items()}, repeats, clock)
    say(f"training step, {_threads(count)}")
    step = alternate({name: one.step for name, one in pair.items()}, repeats, clock)
    say(f"linear layers alone, {_threads(count)}")
    alone = alternate({"": linear_products(pair[DOCEXP])}, repeats, clock)[""]
    return Times(clock=clock.kind, forward=forward, step=step, linear_alone=alone)


def _clock(count: int, device: torch.device) -> Clock:
    return Clock("process" if count == 1 and device.type == "cpu" else "wall", device)


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def linear_products(contestant: Contestant) -> Callable[[], None]:
    """The three products of every linear layer of the backbone, forward and backward, on vectors of the same sizes."""
    sizes: Counter[tuple[int, int, int]] = Counter()
    kinds: set[torch.dtype] = set()

    class Note(TorchFunctionMode):
        """Sees every product, also those that are no module's own call."""

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            output = func(*args, **(kwargs or {}))
            if func is F.linear:
                given, weight = args[:2]
                sizes[given.numel() // weight.shape[1], weight.shape[1], weight.shape[0]] += 1
                kinds.add(output.dtype)
            return output

    with Note():
        contestant.forward()
    device, (dtype,) = next(contestant.model.parameters()).device, kinds
    operands = {
        size: tuple(torch.ones(shape, dtype=dtype, device=device) for shape in (size[:2], size[2:0:-1], size[::2]))
        for size in sizes
    }

    def work() -> None:
        for size, times in sizes.items():
            given, weight, grown = operands[size]
            for _ in range(times):
                _ = given @ weight.t(), grown @ weight, grown.t() @ given

    return work


def _relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())
