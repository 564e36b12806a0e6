"""Model FLOPs: what the matrix products of the tokens that are really there cost, by formula.

A product of ``[n, a]`` and ``[a, b]`` is 2 · n · a · b FLOPs. A transformer layer of width D with a feed-forward width
F over n tokens is then n · (8 D² + 4 D F) for its six weights and 4 n² D for scores and weighted values; everything
else (norms, softmax, look-ups, padding) counts nothing. The backward pass counts twice the forward pass, and
activations that are computed again count nothing, so that the number says what the model needs and not what an
implementation does.

Source: Narayanan et al. 2021, arXiv 2104.04473, §5.1 and appendix; Chowdhery et al. 2022 (PaLM), arXiv 2204.02311,
appendix B, for the idea of a utilisation from model FLOPs.
"""

from dataclasses import dataclass

from torch import Tensor, nn

STEP = 3
"""Forward and backward pass, in forward passes."""


@dataclass(frozen=True)
class Work:
    """What a forward pass has to do, for each of ``B`` rows; on the batch's device, so that nobody waits for it."""

    positions: Tensor  # [B] float64, what the model reads: text tokens without padding, and visual tokens
    flops: Tensor  # [B] float64


def dense(weights: int, positions: Tensor) -> Tensor:
    """Every position multiplied with ``weights`` numbers; the same shape as ``positions``."""
    return 2.0 * weights * positions


def transformer(positions: Tensor, layers: int, hidden: int, ffn: int) -> Tensor:
    """``layers`` layers of full attention and two-layer feed-forward over rows of ``positions`` tokens."""
    return layers * (dense(4 * hidden**2 + 2 * hidden * ffn, positions) + 4.0 * hidden * positions**2)


def matrix_weights(module: nn.Module) -> int:
    """The numbers in a module's matrices and kernels; embedding tables are looked up, not multiplied."""
    tables = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    return sum(weight.numel() for weight in module.parameters() if weight.ndim > 1 and id(weight) not in tables)
