"""``logger=wandb`` against a stand-in for W&B's server on this machine: what arrives, and what happens without it.

The stand-in answers what wandb asks when a run is opened, resumed, fed and closed, and keeps the histories.
"""

import json
import os
import signal
import threading
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from docexp.runs.find import all_runs
from docexp.runs.metrics_log import read
from docexp.runs.result import Result

PLAN = [
    "logger=wandb",
    "trainer.max_steps=8",
    "trainer.global_batch=4",
    "trainer.checkpoint_every=2",
    "trainer.validate_every=4",
    "trainer.log_every=1",
]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.runs: dict[str, dict[str, Any]] = {}
        self.history: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        self.exit_codes: dict[str, list[int]] = defaultdict(list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed client is no news."""

    def answer(self, query: str, given: dict[str, Any]) -> dict[str, Any]:
        project = {"id": "p", "name": "docexp", "entity": {"id": "e", "name": "me"}}
        name = given.get("name") or ""
        if "upsertBucket" in query:
            new = name not in self.runs
            self.runs.setdefault(name, {}).update({key: value for key, value in given.items() if value is not None})
            bucket = {"id": name, "name": name, "project": project, "historyLineCount": len(self.history[name])}
            return {"upsertBucket": {"bucket": bucket, "inserted": new}}
        if "RunResumeStatus" in query:
            return {"model": {**project, "bucket": self._stored(name) if name in self.runs else None}}
        if "CreateRunFiles" in query:
            files = [{"name": file, "uploadUrl": f"{self.url}/file"} for file in given["files"]]
            return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}
        return {"viewer": {"id": "u", "entity": "me", "username": "me", "flags": "{}"}, "serverInfo": {"features": []}}

    def _stored(self, name: str) -> dict[str, Any]:
        lines = self.history[name]
        tail = [json.dumps(lines[max(lines)])] if lines else []
        return {
            "id": name,
            "name": name,
            "summaryMetrics": tail[0] if tail else "{}",
            "historyLineCount": len(lines),
            "logLineCount": 0,
            "eventsLineCount": 0,
            "historyTail": json.dumps(tail),
            "eventsTail": "[]",
            "config": self.runs[name].get("config", "{}"),
            "tags": [],
            "wandbConfig": '{"t": 1}',
        }

    def take(self, name: str, stream: dict[str, Any]) -> None:
        lines = stream.get("files", {}).get("wandb-history.jsonl", {"offset": 0, "content": []})
        for number, line in enumerate(lines["content"], start=lines["offset"]):
            self.history[name][number] = json.loads(line)
        if stream.get("complete"):
            self.exit_codes[name].append(stream["exitcode"])


class Requests(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *what: Any) -> None:
        pass

    def do_PUT(self) -> None:
        self._body()
        self._reply({})

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/graphql":
            asked = json.loads(body)
            self._reply({"data": self.server.answer(asked["query"], asked.get("variables") or {})})
        elif self.path.endswith("/file_stream"):
            self.server.take(self.path.split("/")[-2], json.loads(body))
            self._reply({})
        else:
            self._reply({}, 404)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _reply(self, answer: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def online(url: str, home: Path, act: str = "", call: int = 0) -> None:
    """Plants the server and a key; and a kill, a Ctrl-C or the server's going away in a micro-batch."""
    from docexp.training import wandb_mirror
    from docexp.training.module import RunModule

    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        del os.environ[name]
    os.environ.update(WANDB_BASE_URL=url, WANDB_API_KEY="0123456789abcdef" * 2 + "01234567", HOME=str(home))
    wandb_mirror.UPLOAD_WITHIN = 3.0
    original, calls = RunModule.training_step, [0]

    def step(self: Any, batch: Any, batch_index: int) -> Any:
        calls[0] += 1
        if calls[0] == call:
            (home / "gone").touch() if act == "gone" else os.kill(os.getpid(), getattr(signal, act))
        return original(self, batch, batch_index)

    RunModule.training_step = step


def lines(server: Server, name: str) -> list[dict[str, float]]:
    """The history without wandb's own keys, its own steps checked to count on."""
    kept = [server.history[name][number] for number in sorted(server.history[name])]
    assert [line["_step"] for line in kept] == list(range(len(kept)))
    return [{key: float(value) for key, value in line.items() if not key.startswith("_")} for line in kept]


def keyed(entries: list[dict[str, float]]) -> dict[tuple[float, bool], dict[str, float]]:
    return {(line["step"], "loss" in line): line for line in entries}


@pytest.mark.parametrize(("act", "status"), [("SIGKILL", -9), ("SIGINT", 130)])
def test_a_resumed_run_continues_its_wandb_run(act: str, status: int, server: Server, train, tmp_path: Path) -> None:
    first, output = train(*PLAN, before=partial(online, server.url, tmp_path, act, 6)).wait()
    assert first == status, output
    second, output = train(*PLAN, before=partial(online, server.url, tmp_path)).wait()
    assert second == 0, output
    (run,) = all_runs(tmp_path / "runs")
    assert f"  W&B: {server.url}/me/docexp/runs/{run.identity}" in output.splitlines()
    assert "already" not in output
    assert list(server.runs) == [run.identity]
    assert keyed(lines(server, run.identity)) == keyed(read(run.metrics))
    assert server.exit_codes[run.identity] == ([130, 0] if act == "SIGINT" else [0])
    assert server.runs[run.identity]["jobType"] == "finetune"
    assert server.runs[run.identity]["groupName"] == "custom"


def test_a_run_of_another_folder_under_the_same_id_is_told(server: Server, train, tmp_path: Path) -> None:
    assert train(*PLAN, before=partial(online, server.url, tmp_path)).wait()[0] == 0
    status, output = train(*PLAN, runs="elsewhere", before=partial(online, server.url, tmp_path)).wait()
    assert status == 0, output
    assert "already; it is added to" in output


def test_a_server_that_goes_away_costs_the_upload_and_not_the_run(server: Server, train, tmp_path: Path) -> None:
    def close() -> None:
        while not (tmp_path / "gone").exists():
            pass
        server.shutdown()
        server.server_close()

    threading.Thread(target=close, daemon=True).start()
    status, output = train(*PLAN, before=partial(online, server.url, tmp_path, "gone", 2)).wait()
    assert status == 0, output
    assert output.count("W&B is lost") == 1
    assert "Traceback" not in output
    (run,) = all_runs(tmp_path / "runs")
    assert Result.read(run.result).status == "finished"
