"""torch's DistributedDataParallel under Lightning, with sums that come out the same after every start."""

from pytorch_lightning import Trainer
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from docexp.training.module import RunModule


class StableDDPStrategy(DDPStrategy):
    """Averages gradients in buckets that are the same in the first step after a start and in all later ones.

    torch lays the buckets anew after a process's first backward pass, in the order in which gradients came. The order
    in which more than two ranks' numbers are summed depends on a number's place in its bucket, so that a resumed run's
    first step would differ in the last bits from the undisturbed run's.
    """

    def setup(self, trainer: Trainer) -> None:
        """Wraps the model, and spends that first pass on zeros."""
        super().setup(trainer)
        module = self.lightning_module
        if isinstance(self.model, DistributedDataParallel):
            assert isinstance(module, RunModule)
            zero = self._forward_redirection(self.model, module, "touch_parameters")
            assert isinstance(zero, Tensor)
            zero.backward()
            module.zero_grad(set_to_none=True)
