"""docexp in fresh processes: forked from a server that has imported everything once, so that each starts at once."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.small import SMALL

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["docexp.training.run", "docexp.metrics.entity_f1", "docexp.models.layoutlmv3.backbone"])


@dataclass
class Started:
    """A process that runs the command line, and the file it writes to."""

    process: multiprocessing.Process
    output: Path

    def wait(self) -> tuple[int | None, str]:
        """Its exit status (minus the signal that killed it) and all it printed."""
        self.process.join()
        return self.process.exitcode, self.output.read_text()


Start = Callable[..., Started]


@dataclass
class InRank:
    """Plants code in a rank: what the started process starts in its turn runs it before anything else."""

    folder: Path
    rank: int
    code: str

    def __call__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        guarded = f"import os\nif os.environ.get('RANK') == '{self.rank}':\n" + indent(dedent(self.code), "    ")
        (self.folder / "sitecustomize.py").write_text(guarded)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(self.folder), os.environ.get("PYTHONPATH"))))


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few synthetic forms in several uneven shards, below ``<folder>/synthetic_forms``."""
    from docexp.documents.readers.reader import Report
    from docexp.documents.synthetic import SyntheticForms
    from docexp.shards.index import SetFacts
    from docexp.shards.write import write_shards

    folder = tmp_path_factory.mktemp("shards")
    reader = SyntheticForms(train=22, validation=4, test=6)
    facts = SetFacts(name="synthetic forms", licence="none", command="docexp data prepare data=synthetic_forms")
    write_shards(reader.pages(None, Report()), folder / "synthetic_forms", facts, shard_bytes=200_000)
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: object) -> None:
        pass


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """``serve(folder)``: the address at which a folder's files are to be had over HTTP."""
    with ExitStack() as servers:

        def begin(folder: Path) -> str:
            server = servers.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            servers.callback(server.shutdown)  # before the socket is closed
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield begin


@pytest.fixture
def cli(tmp_path: Path, shards: Path) -> Start:
    """Starts ``docexp`` with words in a process of its own, in ``tmp_path``, with the small shards at hand.

    ``before`` runs in it first, to plant a death.
    """
    count = iter(range(1000))

    def begin(*words: str, before: Callable[[], None] | None = None, runs: str = "runs") -> Started:
        output = tmp_path / f"output-{next(count)}.txt"
        places = {"DOCEXP_RUNS": str(tmp_path / runs), "DOCEXP_SHARDS": str(shards)}
        process = CONTEXT.Process(target=_main, args=(list(words), before, output, tmp_path, places))
        process.start()
        return Started(process, output)

    return begin


@pytest.fixture
def in_rank(tmp_path: Path) -> Callable[[int, str], InRank]:
    """Code to plant in one rank, as a ``before``."""
    return lambda rank, code: InRank(tmp_path / "planted", rank, code)


@pytest.fixture
def small() -> list[str]:
    """The overrides of the small model, for tests that start a command line of their own."""
    return SMALL


@pytest.fixture
def train(cli: Start) -> Start:
    """``docexp train`` of the small model with overrides; of two words for one key the later stands."""

    def begin(*words: str, **how: object) -> Started:
        chosen = {word.partition("=")[0]: word for word in (*SMALL, *words)}
        if chosen.get("model.weights", "").startswith("model.weights=run:"):
            del chosen["model.tokenizer"]  # such weights bring theirs
        return cli("train", *chosen.values(), **how)

    return begin


def _main(words: list[str], before: Callable[[], None] | None, output: Path, folder: Path, places: dict) -> None:
    from docexp.cli import main

    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(folder)
    os.environ.update(places)
    # as from a command line: a process of the server's would start its data workers by a server of its own, which a
    # SIGKILL of the process leaves behind
    multiprocessing.set_start_method("fork", force=True)
    if before is not None:
        before()
    sys.argv = ["docexp"]
    main(words)
