"""More than one process: docexp starts itself under torchrun's agent, and Lightning only joins."""

import logging
import os
import sys
import tempfile
import uuid
from pathlib import Path

from docexp.config.schema import RunSettings
from docexp.runs import atomic


def is_rank() -> bool:
    """Whether this process was started as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def rank() -> int:
    """This process's number; 0 when it is alone."""
    return int(os.environ.get("RANK", "0")) if is_rank() else 0


def start(settings: RunSettings) -> int:
    """Starts the ranks with the checked configuration as a file, and waits; gives their exit status.

    The same as ``torch.distributed.run --standalone``, without its report of a failure, which would bury the ranks'
    own words. The configuration goes as a file, not as the words of the command line: under a sweep those would start
    the sweep again.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    devices = settings.hardware.devices
    threads = settings.hardware.threads or max((os.cpu_count() or 1) // devices, 1)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    how = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=devices,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        run_id=uuid.uuid4().hex,
        max_restarts=0,
    )
    with tempfile.TemporaryDirectory(prefix="docexp-") as folder:
        config = Path(folder) / "config.yaml"
        atomic.write_yaml(config, settings.plain)
        try:
            elastic_launch(how, sys.executable)("-m", "docexp.cli", "train", f"config={config}")
        except ChildFailedError as error:
            _, first = error.get_first_failure()
            return first.exitcode
        except SignalException:
            return 130
    return 0
