"""An activation computed again in the backward pass: the same numbers to the bit, less kept, no product done twice."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from docexp.bench.memory import kept_for_backward
from docexp.models.feed_forward import LinearOfActivation, recompute_activations

torch.set_num_threads(1)


def pair(activation: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Activation and product as two modules, and as one, with weights of their own but equal."""
    torch.manual_seed(0)
    apart = nn.Linear(32, 8)
    joined = nn.Linear(32, 8)
    joined.load_state_dict(apart.state_dict())
    return nn.Sequential(activation, apart), LinearOfActivation(joined, activation)


def run(module: nn.Module, given: Tensor, mixed: bool) -> list[Tensor]:
    """The output and every gradient."""
    given = given.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        output = module(given)
    output.float().square().sum().backward()
    assert given.grad is not None
    return [output, given.grad, *(weight.grad for weight in module.parameters() if weight.grad is not None)]


@pytest.mark.parametrize("mixed", [False, True], ids=["fp32", "bf16-mixed"])
@pytest.mark.parametrize("activation", [nn.GELU(), nn.ReLU(), nn.SiLU()], ids=lambda a: type(a).__name__)
def test_values_and_gradients_are_bit_equal(activation: nn.Module, mixed: bool) -> None:
    given = torch.randn(2, 5, 32, dtype=torch.bfloat16 if mixed else torch.float32)
    apart, joined = (run(module, given, mixed) for module in pair(activation))
    assert len(apart) == len(joined) == 4
    for one, other in zip(apart, joined, strict=True):
        assert one.dtype == other.dtype and torch.equal(one, other)


def test_the_activations_output_is_not_kept() -> None:
    given = torch.randn(64, 32, requires_grad=True)
    apart, joined = (kept_for_backward(lambda m=m: m(given), m.parameters()) for m in pair(nn.GELU()))
    assert (apart, joined) == (2 * given.nbytes, given.nbytes)


def test_the_backward_pass_computes_the_activation_again_and_the_product_not() -> None:
    calls: Counter[str] = Counter()

    class Count(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            calls[func.overloadpacket.__name__] += 1
            return func(*args, **(kwargs or {}))

    _, joined = pair(nn.GELU())
    output = joined(torch.randn(4, 32, requires_grad=True))
    with Count():
        output.sum().backward()
    assert calls["gelu"] == 1 and calls["addmm"] == 0


def test_layers_keep_their_parameters_and_names() -> None:
    dense = nn.Linear(32, 8)
    layer = nn.ModuleDict({"intermediate": nn.Module(), "output": nn.Module()})
    layer["intermediate"].intermediate_act_fn = nn.GELU()
    layer["output"].dense = dense
    names = [name for name, _ in layer.named_parameters()]
    given = torch.randn(3, 32)
    expected = dense(nn.GELU()(given))
    recompute_activations([SimpleNamespace(intermediate=layer["intermediate"], output=layer["output"])])
    assert [name for name, _ in layer.named_parameters()] == names
    assert layer["output"].dense.weight is dense.weight
    assert torch.equal(layer["output"].dense(layer["intermediate"].intermediate_act_fn(given)), expected)
