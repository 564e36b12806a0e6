"""More than one process on one machine: docexp starts itself under torchrun's agent, and Lightning only joins."""

import ctypes
import json
import logging
import os
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from docexp.config.schema import RunSettings
from docexp.errors import DocexpError
from docexp.runs import atomic
from docexp.training.ranks import TORCHRUN, is_rank

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

PR_SET_PDEATHSIG = 1
PEER_GONE = 75
"""Exit status of a rank that ended because another one had."""
GONE = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Socket closed")
"""What gloo says of a peer that is no more: met while reading, while writing, and afterwards (its tcp/pair.cc)."""
SECOND_TO_END = 10.0
"""Seconds such a rank waits, for the other's end to be noticed first: that one's words count, and end this one too."""


@contextmanager
def one_of_several() -> Iterator[None]:
    """In a rank: dies with the process that started it, and hands that one its error to say, once for all ranks.

    A rank whose neighbour has died cannot go on, and has nothing to say that the neighbour's end does not. The end of
    a scheduler's tasks is the scheduler's affair.
    """
    if not is_rank():
        yield
        return
    if TORCHRUN in os.environ and sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        yield
    except DocexpError as error:
        place = os.environ.get("TORCHELASTIC_ERROR_FILE")
        if not place:
            raise
        Path(place).write_text(json.dumps({"message": str(error), "timestamp": int(time.time())}))
        sys.exit(2)
    except RuntimeError as error:
        if not any(words in str(error) for words in GONE):
            raise
        time.sleep(SECOND_TO_END)
        sys.exit(PEER_GONE)


def start(settings: RunSettings) -> int:
    """Starts the ranks with the checked configuration as a file, and waits; gives their exit status.

    The same as ``torch.distributed.run --standalone``, without its report of a failure, which would bury the ranks'
    own words. The configuration goes as a file, not as the words of the command line: under a sweep those would start
    the sweep again.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    for name in list(logging.root.manager.loggerDict):  # each of its loggers has a level of its own
        if name.startswith("torch.distributed.elastic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
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
            return _ended(error)
        except SignalException:
            return 130
    return 0


def _ended(error: "ChildFailedError") -> int:
    """Says why the ranks ended, where they did not say it themselves; gives the exit status.

    Raises:
        DocexpError: the first of their own.
    """
    failures = {rank: f for rank, f in error.failures.items() if f.exitcode != PEER_GONE} or error.failures
    rank, first = min(failures.items(), key=lambda item: item[1].timestamp)
    if first.exitcode == 2 and Path(first.error_file).is_file():
        raise DocexpError(str(first.message))
    if first.exitcode < 0:
        print(
            f"docexp: rank {rank} was killed ({signal.Signals(-first.exitcode).name}), for want of memory perhaps. "
            "The same command goes on from the last checkpoint.",
            file=sys.stderr,
        )
        return 128 - first.exitcode
    return first.exitcode
