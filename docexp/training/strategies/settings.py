"""What every way of sharing a run's training among devices says of itself, and the plainest one. Imports no torch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from docexp.settings import Settings

if TYPE_CHECKING:
    from pytorch_lightning.strategies import Strategy


@dataclass(kw_only=True)
class StrategySettings(Settings, ABC):
    """A way of sharing. Another one is a subclass in a file of its own and a choice of ``conf/hardware/``.

    A checkpoint does not depend on it: every strategy saves and takes whole weights and whole optimiser states, named
    and shaped as one process has them, so that a run goes on under another strategy or on another number of devices.
    """

    precisions: ClassVar[tuple[str, ...]]
    """What it can compute in."""
    clips: ClassVar[bool] = False
    """Whether it clips gradients itself, knowing their norm over all parts."""

    @property
    @abstractmethod
    def name(self) -> str:
        """How ``environment.json`` calls it."""

    @abstractmethod
    def check_installed(self) -> None:
        """Refuses to start without the library it needs.

        Raises:
            DocexpError: names what to install, or what to use instead.
        """

    @abstractmethod
    def build(self, accelerator: str, precision: str, clip_norm: float) -> "Strategy":
        """Lightning's strategy, with its precision where that differs from Lightning's own.

        Args:
            accelerator: ``cpu`` (gloo) or ``gpu`` (nccl).
            precision: one of ``precisions``.
            clip_norm: what gradients are scaled down to when ``clips``; 0 does not clip.
        """


@dataclass(kw_only=True)
class DDPSettings(StrategySettings):
    """Every device holds everything and gradients are averaged (torch's DistributedDataParallel)."""

    precisions = ("fp32", "bf16-mixed")

    @property
    def name(self) -> str:
        """``ddp``."""
        return "ddp"

    def check_installed(self) -> None:
        """It is torch's own."""

    def build(self, accelerator: str, precision: str, clip_norm: float) -> "Strategy":
        """Lightning's DDP, its buckets settled."""
        from docexp.training.strategies.ddp import StableDDPStrategy

        return StableDDPStrategy(process_group_backend=BACKENDS[accelerator])


BACKENDS = {"cpu": "gloo", "gpu": "nccl"}
"""What processes talk through."""
