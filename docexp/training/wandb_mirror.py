"""Weights & Biases beside the run's own files, which stay the truth: what is here mirrors them and nothing else.

The W&B run of a run has the run's identity as its id, its experiment as group and its stage as job type. ``--again``
makes a run anew under the same identity, which W&B does not take twice: its id is then ``<identity>-2``, counted by the
folders that were set aside. Debug runs share their identity with a real run and are not mirrored.

History holds the lines of ``metrics.jsonl`` under their own names with the optimiser step as ``step``, to which all
charts refer; W&B's own step counts lines, so that it never refuses a step that is trained again after a kill. A resumed
run sends the lines again that the kill may have cost (see ``SETTLED``): a step may stand twice in the history, with one
loss. Offline, every start adds a folder of the same id, and ``wandb sync`` appends them to one run in their order.

Nothing of the machine, its environment or its user is sent: no console, code, command line, git remote or host.
"""

import importlib.metadata
import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from docexp.config.schema import RunSettings
from docexp.errors import DocexpError
from docexp.runs import atomic
from docexp.runs.environment import FAILED, INTERRUPTED
from docexp.runs.folder import RunFolder
from docexp.runs.log import RunLog
from docexp.runs.metrics_log import read
from docexp.runs.resolve import ResolvedRun
from docexp.runs.result import Result
from docexp.runs.settings import WandbSettings
from docexp.training.interrupts import RunInterrupted
from docexp.training.preemption import Preempted

if TYPE_CHECKING:
    from wandb import Run, Settings

OLDEST = (0, 31)
"""The first wandb that flushes its file at an interval and appends the parts of a resumed offline run."""
SETTLED = {"wandb": 60.0, "wandb_offline": 5.0}
"""Seconds after which a line counts as arrived. A kill loses what wandb's own process holds back: it uploads every 15
seconds or so, and writes its file every second (``_options``)."""
MARK_EVERY = 5.0
"""Seconds between notes of how many lines have arrived."""
ANSWER_WITHIN, UPLOAD_WITHIN = 20.0, 120.0
"""Seconds that the server has to answer at the start, and to take what is left at the end."""


class Mirror:
    """Told what a run writes down; this one passes it on to nobody."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Told how the run ended."""

    def line(self, step: int, values: dict[str, float]) -> None:
        """A line of ``metrics.jsonl``."""

    def result(self, result: Result) -> None:
        """The run's result."""


def mirror_of(run: ResolvedRun, log: RunLog) -> Mirror:
    """The mirror that the run's ``logger`` asks for, not yet opened. Imports wandb only when it is opened."""
    logger = run.settings.logger
    if not isinstance(logger, WandbSettings):
        return Mirror()
    if run.settings.debug.active:
        log.say("  W&B: a debug run is not mirrored")
        return Mirror()
    return WandbMirror(run, logger, log)


class WandbMirror(Mirror):
    """One W&B run, from ``wandb.init`` to ``finish``; both happen once per start of the run, on rank 0 only.

    Failures at the start are errors. Later ones cost lines of the mirror, never the run: the first is said at once,
    their number at the end.
    """

    def __init__(self, run: ResolvedRun, settings: WandbSettings, log: RunLog) -> None:
        self._run, self._settings, self._log = run, settings, log
        self._folder = run.folder.path / "wandb"
        self._mark = self._folder / "mirrored"
        self._wandb: Run | None = None
        self._arriving: deque[float] = deque()
        self._arrived = self._failed = 0
        self._marked = time.monotonic()
        self._status = FAILED

    def __enter__(self) -> Self:
        """Opens the W&B run, or goes on with it.

        Raises:
            DocexpError: wandb is missing or too old; no key, or no answer from the server.
        """
        _check_version()
        with atomic.mendable(self._folder):
            self._folder.mkdir(exist_ok=True)
        kept = read(self._run.folder.metrics) if self._run.folder.metrics.exists() else []
        self._arrived = min(int(self._mark.read_text()) if self._mark.exists() else 0, len(kept))
        new = not any(self._folder.glob("*run-*"))
        self._wandb = self._open()
        self._say_where(new)
        for line in kept[self._arrived :]:
            self.line(int(line["step"]), {name: value for name, value in line.items() if name != "step"})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the W&B run with the status that the process exits with."""
        code = 0
        if isinstance(error, RunInterrupted | Preempted):
            self._status, code = INTERRUPTED, 130
        elif error is not None:
            self._status, code = FAILED, 2 if isinstance(error, DocexpError) else 1
        self._attempt(lambda run: run.summary.update({"status": self._status}))
        self._attempt(lambda run: run.finish(exit_code=code))
        _stop_service()
        self._arrived += 0 if self._failed else len(self._arriving)
        atomic.write_text(self._mark, f"{self._arrived}\n")
        if self._failed:
            self._log.say(
                f"  W&B: {self._failed} messages did not arrive; metrics.jsonl and result.json have everything"
            )

    def line(self, step: int, values: dict[str, float]) -> None:
        """Adds a line to the history."""
        self._attempt(lambda run: run.log({"step": step, **values}))
        now = time.monotonic()
        if self._failed:  # what came after the first failure stays unmarked, and is sent again by a later start
            return
        self._arriving.append(now)
        while self._arriving[0] < now - SETTLED[self._settings.kind]:
            self._arriving.popleft()
            self._arrived += 1
        if now - self._marked > MARK_EVERY:
            self._marked = now
            atomic.write_text(self._mark, f"{self._arrived}\n")

    def result(self, result: Result) -> None:
        """Puts the scores into the summary and their protocol into the config."""
        self._status = result.status
        summary: dict[str, Any] = {
            "primary_metric": result.primary_metric,
            "primary_value": result.value,
            "scored_step": result.step,
            "seconds": result.seconds,
            **{f"test/{name}": value for name, value in result.metrics.items()},
        }
        self._attempt(lambda run: run.summary.update(summary))
        self._attempt(lambda run: run.config.update({"protocol": dict(result.protocol)}, allow_val_change=True))

    def _open(self) -> "Run":
        # wandb reads these when it is imported and when its service starts
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        os.environ.setdefault("WANDB_CACHE_DIR", str((self._folder / "cache").resolve()))
        os.environ.pop("WANDB_SERVICE", None)  # of a W&B run around this one, which must not take this one in
        import wandb

        online = self._settings.kind == "wandb"
        options = _options(wandb.Settings)
        try:
            wandb.setup(options)
            if online and not wandb.login(prompt=False, verify=False):
                raise DocexpError(
                    "logger=wandb finds no API key: wandb login, or set WANDB_API_KEY.\n"
                    "logger=wandb_offline needs none; wandb sync uploads it later."
                )
            opened = self._init(wandb, "online" if online else "offline", options)
        except wandb.Error as error:
            _stop_service()
            reason = str(error).splitlines()[-1].removeprefix("while retrying: ")  # the cause comes last
            raise DocexpError(
                f"W&B refuses or is out of reach: {reason}\n"
                "logger=wandb_offline needs no server; wandb sync uploads it later."
            ) from None
        if opened.id != run_id(self._run.folder):  # as inside a W&B agent, which sets WANDB_SWEEP_ID
            opened.finish(exit_code=2)
            raise DocexpError(f"W&B opened a run {opened.id} of its own: unset the WANDB_… variables of its agent")
        return opened

    def _init(self, wandb: Any, mode: str, options: "Settings") -> "Run":
        settings = self._run.settings
        opened = wandb.init(
            dir=self._run.folder.path,
            mode=mode,
            project=self._settings.project,
            entity=self._settings.entity,
            id=run_id(self._run.folder),
            resume="allow",
            reinit="create_new",
            name=run_name(self._run),
            group=settings.experiment,
            job_type=stage(settings),
            tags=self._settings.tags,
            config={**settings.plain, "identity": self._run.identity, "checksums": dict(self._run.extras)},
            settings=options,
        )
        opened.define_metric("step", hidden=True)
        opened.define_metric("*", step_metric="step")
        return opened

    def _say_where(self, new: bool) -> None:
        assert self._wandb is not None
        if self._settings.kind == "wandb_offline":
            self._log.say(f"  W&B: offline; wandb sync {self._folder} uploads it")
            return
        self._log.say(f"  W&B: {self._wandb.url}")
        if new and self._wandb.resumed:
            self._log.say(f"  W&B: the server has a run {self._wandb.id} of another folder already; it is added to")

    def _attempt(self, send: Callable[["Run"], Any]) -> None:
        if self._wandb is None:
            return
        try:
            send(self._wandb)
        except Exception as error:
            self._failed += 1
            if self._failed == 1:
                reason = next(iter(str(error).splitlines()), "") or type(error).__name__
                self._log.say(f"  W&B is lost ({reason}); the run goes on without it")


def stage(settings: RunSettings) -> str:
    """``pretrain`` for a run that has objectives, else ``finetune``."""
    return "pretrain" if settings.objective else "finetune"


def run_id(folder: RunFolder) -> str:
    """The run's identity; ``<identity>-2`` when one folder of it has been set aside by ``--again``, and so on."""
    aside = len(list(folder.path.parent.glob(f"{folder.identity}.old-*")))
    return f"{folder.identity}-{aside + 1}" if aside else folder.identity


def run_name(run: ResolvedRun) -> str:
    """``text + layout, seed 0``; without a label ``finetune/funsd 3fa91c, seed 0``."""
    settings = run.settings
    return f"{settings.label or f'{settings.experiment} {run.identity[:6]}'}, seed {settings.seed}"


def _check_version() -> None:
    wanted = ".".join(map(str, OLDEST))
    try:
        found = importlib.metadata.version("wandb")
    except importlib.metadata.PackageNotFoundError:
        raise DocexpError(f"logger=wandb… needs wandb, which is not installed: pip install 'wandb>={wanted}'") from None
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST:
        raise DocexpError(
            f"logger=wandb… needs wandb {wanted} or newer, here is {found}: pip install 'wandb>={wanted}'"
        )


def _options(settings: type["Settings"]) -> "Settings":
    """Silent, and told of nothing but what ``WandbMirror`` sends."""
    return settings(
        silent=True,
        console="off",
        save_code=False,
        disable_code=True,
        disable_git=True,
        disable_job_creation=True,
        label_disable=True,
        host="",
        symlink=False,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        x_transaction_log_flush_interval=1.0,
        init_timeout=ANSWER_WITHIN,
        finish_timeout=UPLOAD_WITHIN,
        finish_timeout_raises=True,
    )


def _stop_service() -> None:
    """Ends wandb's own process now: left to the exit of Python it would print a traceback when it is gone already."""
    import wandb

    with suppress(Exception, SystemExit):
        wandb.teardown()
