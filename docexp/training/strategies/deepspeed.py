"""DeepSpeed's ZeRO (arXiv 1910.02054): devices share optimiser states and gradients. Imports no torch."""

import importlib.util
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docexp.errors import DocexpError
from docexp.training.strategies.settings import StrategySettings

if TYPE_CHECKING:
    from pytorch_lightning.strategies import Strategy

STAGES = (2,)


@dataclass(kw_only=True)
class DeepSpeedSettings(StrategySettings):
    """ZeRO by its stage."""

    stage: int = 2
    """2: each device keeps its part of the optimiser's states and of the gradients, and all of the weights."""

    precisions = ("fp32", "bf16-mixed", "bf16-params")
    clips = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stage not in STAGES:
            raise DocexpError(f"stage={self.stage} must be {' or '.join(map(str, STAGES))}")

    @property
    def name(self) -> str:
        """``deepspeed_zero2``."""
        return f"deepspeed_zero{self.stage}"

    def check_installed(self) -> None:
        """Refuses systems that DeepSpeed does not run on, and its absence."""
        if not sys.platform.startswith("linux"):
            raise DocexpError(f"DeepSpeed runs on Linux, this is {sys.platform}. Use hardware=ddp, or hardware=cpu.")
        if importlib.util.find_spec("deepspeed") is None:
            raise DocexpError("DeepSpeed is not installed. Use hardware=ddp, or install it: pip install deepspeed")

    def build(self, accelerator: str, precision: str, clip_norm: float) -> "Strategy":
        """Lightning's DeepSpeed strategy with docexp's checkpoints and loss scale."""
        from docexp.training.strategies.zero import ZeroStrategy

        return ZeroStrategy(self.stage, accelerator, precision, clip_norm)
