"""A cluster's warning: where it is deferred, where it stops, and whom it leaves alone."""

import subprocess
import sys
from textwrap import dedent

import pytest

HEAD = """
    import os, signal, subprocess, sys, time
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])  # as what starts a job's Python does
    signal.signal(signal.SIGUSR2, lambda number, frame: print("requeued"))  # submitit's
    from docexp.training import preemption
    from docexp.training.preemption import Preempted
    def warn():
        os.kill(os.getpid(), signal.SIGUSR2)
        time.sleep(0.3)
    job = preemption.install(main={main})
"""


def printed(code: str, main: bool = True) -> list[str]:
    script = dedent(HEAD).format(main=main) + dedent(code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()


STOPS = """
    try:
        with job.heeded():
            warn()
        print("lived")
    except Preempted:
        print("stopped")
        job.requeue()
"""


def test_it_stops_rank_0_at_once_and_requeues() -> None:
    assert printed(STOPS) == ["stopped", "requeued"]


def test_other_ranks_only_know() -> None:
    assert printed(STOPS + "    print(job.requested)", main=False) == ["lived", "True"]


def test_training_looks_itself_and_is_stopped_afterwards_at_the_latest() -> None:
    code = """
        try:
            with job.heeded(), preemption.deferred():
                warn()
                print(job.requested)
        except Preempted:
            print("stopped")
    """
    assert printed(code) == ["True", "stopped"]


def test_an_error_in_training_is_not_hidden_by_it() -> None:
    code = """
        try:
            with job.heeded(), preemption.deferred():
                warn()
                raise ValueError
        except ValueError:
            print("error")
    """
    assert printed(code) == ["error"]


def test_one_that_came_too_early_waits() -> None:
    """Between the start of Python and the handler, and between the handler and the work."""
    early = dedent(HEAD).format(main=True).replace("job =", "warn()\njob =")
    code = """
        time.sleep(0.5)
        print(job.requested)
        try:
            with job.heeded():
                print("worked")
        except Preempted:
            print("stopped")
    """
    done = subprocess.run([sys.executable, "-c", early + dedent(code)], capture_output=True, text=True, timeout=30)
    assert done.stdout.split() == ["True", "stopped"], done.stderr


def test_one_that_comes_after_the_work_stops_nobody() -> None:
    code = """
        with job.heeded():
            pass
        warn()
        print("lived")
    """
    assert printed(code) == ["lived"]


@pytest.mark.parametrize("start", ["subprocess.Popen(['sleep', '5'])", "os.fork() or time.sleep(5)"])
def test_what_the_job_starts_does_not_die_of_it(start: str) -> None:
    """Slurm signals every process of a step."""
    code = f"""
        child = {start}
        pid = getattr(child, "pid", child)
        if pid:
            os.kill(pid, signal.SIGUSR2)
            time.sleep(0.3)
            print(os.waitpid(pid, os.WNOHANG)[0])
            os.kill(pid, signal.SIGKILL)
    """
    assert printed(code) == ["0"]


def test_sigterm_beside_it_changes_nothing() -> None:
    assert printed("os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.1); print('lived')") == ["lived"]


def test_without_a_cluster_there_is_nothing_to_defer() -> None:
    from docexp.training import preemption

    with preemption.deferred():
        assert preemption.current() is None
