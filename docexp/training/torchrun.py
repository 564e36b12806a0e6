"""More than one process: docexp starts itself under torchrun, and Lightning only joins."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from docexp.config.schema import RunSettings


def is_rank() -> bool:
    """Whether this process was started as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def rank() -> int:
    """This process's number; 0 when it is alone."""
    return int(os.environ.get("RANK", "0")) if is_rank() else 0


def start(settings: RunSettings) -> int:
    """Starts the ranks with the checked configuration as a file, and waits; gives their exit status.

    The configuration goes as a file, not as the words of the command line: under a sweep those would start the
    sweep again.
    """
    import yaml

    with tempfile.TemporaryDirectory(prefix="docexp-") as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(yaml.safe_dump(settings.plain, sort_keys=False, allow_unicode=True))
        command = [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", str(settings.hardware.devices)),
            *("-m", "docexp.cli", "train", f"config={config}"),
        ]
        # torchrun would set OMP_NUM_THREADS=1 and say so at length
        threads = str(settings.hardware.threads or max((os.cpu_count() or 1) // settings.hardware.devices, 1))
        ranks = subprocess.Popen(command, env={"OMP_NUM_THREADS": threads, **os.environ})
        while True:
            try:
                return ranks.wait()
            except KeyboardInterrupt:
                continue  # the ranks were told too; they save and stop
