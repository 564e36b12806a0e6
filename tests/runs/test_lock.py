import json
import multiprocessing
import os
import platform
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from docexp.errors import DocexpError
from docexp.runs.folder import RunFolder, set_aside
from docexp.runs.lock import HELD, RELEASED, Holder, RunLock, _take, holder_of
from docexp.runs.processes import has_left_queue, machine, start_of

IDENTITY = "3fa91c0b77de"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    return RunFolder(tmp_path / "runs" / "finetune" / IDENTITY)


def leave_holder(folder, age=0.0, number=1, **changes):
    """What a process elsewhere left: a held lock whose last heartbeat is ``age`` seconds old."""
    holder = replace(Holder.here(), **{"machine": "another boot", "host": "n2", "pid": 8123, **changes})
    place = folder.locks / f"{number:06d}"
    place.mkdir(parents=True)
    (place / HELD).write_text(json.dumps(asdict(holder)))
    beat = time.time() - age
    os.utime(place / HELD, (beat, beat))
    return place / HELD


def holding_process(folder):
    code = (
        "import sys, time; from pathlib import Path; from docexp.runs.folder import RunFolder;"
        "from docexp.runs.lock import RunLock\n"
        "with RunLock(RunFolder(Path(sys.argv[1]))): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder.path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_held_then_free_again_and_a_second_holder_is_told_who(folder):
    with RunLock(folder):
        holder = holder_of(folder)
        assert holder is not None and holder.pid == os.getpid() and holder.host == platform.node()
        expected = rf"run {IDENTITY} is being trained by pid {os.getpid()} on host {platform.node()} since \d\d:\d\d\."
        with pytest.raises(DocexpError) as refused, RunLock(folder, patience=0):
            pass
        assert re.fullmatch(expected, str(refused.value))
    assert holder_of(folder) is None
    with RunLock(folder, patience=0):
        assert holder_of(folder) is not None
    assert len(list(folder.locks.iterdir())) == 1


def test_the_error_names_job_and_day(folder):
    yesterday = (datetime.now().astimezone() - timedelta(days=1)).replace(hour=10, minute=2)
    leave_holder(folder, job="48213", started=yesterday.isoformat(timespec="seconds"))
    with pytest.raises(DocexpError) as refused, RunLock(folder):
        pass
    day = yesterday.strftime("%Y-%m-%d")
    assert (
        str(refused.value) == f"run {IDENTITY} is being trained by pid 8123 on host n2 (job 48213) since {day} 10:02."
    )


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_released_whatever_happens(folder, kind):
    with pytest.raises(kind), RunLock(folder):
        raise kind()
    assert holder_of(folder) is None


def test_killed_holders_lock_is_taken_at_once(folder):
    for _ in range(3):
        process = holding_process(folder)
        with pytest.raises(DocexpError, match=f"pid {process.pid} "), RunLock(folder, patience=0):
            pass
        process.send_signal(signal.SIGKILL)
        # not waited for: for a moment it still lives, and then it is a zombie
        began = time.monotonic()
        with RunLock(folder):
            assert time.monotonic() - began < 1.5
        process.wait()


def test_a_pid_that_another_process_got_does_not_hold(folder):
    leave_holder(folder, machine=machine(), pid=os.getpid(), process_start="17")
    with RunLock(folder, patience=0):
        pass


def test_a_silent_process_on_this_host_still_holds(folder):
    leave_holder(folder, age=3600, machine=machine(), pid=os.getpid(), process_start=start_of(os.getpid()))
    with pytest.raises(DocexpError, match=f"pid {os.getpid()}"), RunLock(folder, patience=0):
        pass


def test_another_host_holds_until_it_was_silent_for_a_minute(folder):
    held = leave_holder(folder, age=50)
    with pytest.raises(DocexpError, match="on host n2"), RunLock(folder):
        pass
    assert holder_of(folder) is not None
    os.utime(held, (time.time() - 61,) * 2)
    assert holder_of(folder) is None
    with RunLock(folder):
        assert holder_of(folder).pid == os.getpid()


def test_the_same_job_started_again_elsewhere_takes_over(folder, monkeypatch):
    leave_holder(folder, job="48213")
    monkeypatch.setenv("SLURM_JOB_ID", "48214")
    with pytest.raises(DocexpError, match="job 48213"), RunLock(folder):
        pass
    monkeypatch.setenv("SLURM_JOB_ID", "48213")
    with RunLock(folder):
        assert holder_of(folder).job == "48213"


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ("echo RUNNING", False),
        ("echo PENDING", False),
        ("true", True),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", True),
        ("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1", False),
    ],
)
def test_a_job_that_left_the_queue_holds_no_longer(folder, tmp_path, monkeypatch, script, left):
    fake = tmp_path / "bin" / "squeue"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\ncase "$*" in *--jobs=48213*) ;; *) exit 9;; esac\n{script}\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    leave_holder(folder, job="48213")
    assert has_left_queue("48213") is left
    if left:
        with RunLock(folder):
            pass
    else:
        with pytest.raises(DocexpError, match="job 48213"), RunLock(folder):
            pass


def test_without_slurm_nobody_can_tell(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert not has_left_queue("48213")
    assert not has_left_queue("")


def test_heartbeats_are_seen(folder):
    with RunLock(folder, heartbeat=0.05):
        held = folder.locks / "000001" / HELD
        os.utime(held, (0, 0))
        deadline = time.monotonic() + 5
        while held.stat().st_mtime < 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert time.time() - held.stat().st_mtime < 5


def test_a_holder_that_was_taken_over_is_told_and_leaves_the_new_one_alone(folder):
    with RunLock(folder, heartbeat=0.02) as lock:
        lock.check()
        held = folder.locks / "000001" / HELD
        held.write_text(json.dumps({**json.loads(held.read_text()), "machine": "another boot"}))
        os.utime(held, (time.time() - 100,) * 2)
        own = _take(folder.locks, 2)  # another process found us silent
        assert own is not None
        time.sleep(0.1)
        with pytest.raises(DocexpError, match=f"run {IDENTITY} was taken over by pid"):
            lock.check()
    assert (own / HELD).exists() and not (own / RELEASED).exists()


def test_who_looked_long_ago_cannot_take_a_number_again(folder):
    for _ in range(3):  # numbers 1, 2, 3 come and go
        with RunLock(folder):
            pass
    with RunLock(folder):
        assert _take(folder.locks, 4) is None  # the number that is held
        assert _take(folder.locks, 2) is None  # one that was cleared away
        assert [entry.name for entry in folder.locks.iterdir()] == ["000004"]


def test_setting_the_folder_aside_keeps_the_lock(folder):
    folder.create()
    (folder.path / "config.yaml").write_text("seed: 1\n")
    with RunLock(folder):
        kept = set_aside(folder)
        assert kept.name == f"{IDENTITY}.old-1" and (kept / "config.yaml").exists()
        with pytest.raises(DocexpError), RunLock(folder, patience=0):
            pass
        folder.create()
        assert set_aside(folder).name == f"{IDENTITY}.old-2"


def test_a_child_that_ends_does_not_release(folder):
    with RunLock(folder) as lock:
        child = multiprocessing.get_context("fork").Process(target=lock.__exit__, args=(None, None, None))
        child.start()
        child.join()
        assert child.exitcode == 0
        assert holder_of(folder) is not None


def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DocexpError, match=r"cannot be written: Not a directory\. Set paths\.runs") as refused:
        RunLock(RunFolder(tmp_path / "file" / IDENTITY)).__enter__()
    assert "\n" not in str(refused.value)


ROUNDS, RIVALS = 60, 4


def contend(root, start, barrier, wins):
    dead = replace(Holder.here(), pid=2**22 + 1, process_start="1")
    for number in range(start, ROUNDS):
        folder = RunFolder(Path(root) / f"{number % 7:012x}")  # some new, most released or left by a killed process
        stale = folder.locks / "000001"
        if number < 3 and not barrier.wait():
            stale.mkdir(parents=True)
            (stale / HELD).write_text(json.dumps(asdict(dead)))
        barrier.wait()
        lock = RunLock(folder, patience=0)
        try:
            lock.__enter__()
            won = True
        except DocexpError:
            won = False
        wins.put((number, won))
        barrier.wait()
        if won and number % 3:
            lock.__exit__(None, None, None)
        elif won:  # as if killed: what it held stays, by a process that is gone
            lock._stop.set()
            lock._thread.join()
            (lock._own / HELD).write_text(json.dumps(asdict(dead)))
        barrier.wait()


def test_of_several_that_start_at_once_exactly_one_wins(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, wins = context.Barrier(RIVALS, timeout=60), context.Queue()
    rivals = [context.Process(target=contend, args=(tmp_path, 0, barrier, wins)) for _ in range(RIVALS)]
    for rival in rivals:
        rival.start()
    outcomes = [wins.get(timeout=60) for _ in range(ROUNDS * RIVALS)]
    for rival in rivals:
        rival.join()
        assert rival.exitcode == 0
    winners = [number for number, won in outcomes if won]
    assert sorted(winners) == list(range(ROUNDS))


def hammer(root, until, inside, overlaps, entered):
    while time.monotonic() < until:
        try:
            with RunLock(RunFolder(Path(root) / IDENTITY), patience=0):
                with inside.get_lock():
                    inside.value += 1
                    overlaps.value += inside.value > 1
                    entered.value += 1
                with inside.get_lock():
                    inside.value -= 1
        except DocexpError:
            pass


def test_no_two_are_ever_inside(tmp_path):
    context = multiprocessing.get_context("fork")
    inside, overlaps, entered = (context.Value("i", 0) for _ in range(3))
    until = time.monotonic() + 3
    rivals = [context.Process(target=hammer, args=(tmp_path, until, inside, overlaps, entered)) for _ in range(RIVALS)]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()
        assert rival.exitcode == 0
    assert entered.value > 20
    assert overlaps.value == 0
