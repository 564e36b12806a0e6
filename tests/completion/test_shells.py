"""The scripts in real shells, with real keys typed into a terminal."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docexp.verbs.completion import SHELLS

SECONDS = 60
BEHIND = "layoutlmv3_base,layoutlmv3_tiny"
TYPED = [
    ("docexp tra", "train", "train"),
    ("docexp train trainer.sel", "trainer.selection=", "trainer.selection="),
    ("docexp train trainer.selection=best_m", "trainer.selection=best_minival", "best_minival"),
    ("docexp train model=layoutlmv3_base,layoutlmv3_t", "model=layoutlmv3_base,layoutlmv3_tiny", BEHIND),
    ("docexp train experiment=finetune/f", "experiment=finetune/funsd", "finetune/funsd"),
    ("docexp evaluate 3fa9", "3fa91c0b77de", "3fa91c0b77de"),
    ("docexp train model.weights=run:3fa", "model.weights=run:3fa91c0b77de", "3fa91c0b77de"),
    ("docexp data prepare source=raw/a", "source=raw/archive/", "raw/archive/"),
    ("docexp data prepare source=raw/old", r"source=raw/old scans/", r"raw/old\ scans/"),
]
"""What is typed, the last word as it should become, and what bash replaces: what stands behind its word breaks."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, folders to complete, and a program ``docexp`` that says with which words it was started."""
    folder = tmp_path_factory.mktemp("place")
    for below in ("bin", "raw/archive", "raw/old scans", "runs/finetune/funsd/3fa91c0b77de", "home"):
        (folder / below).mkdir(parents=True)
    program = folder / "bin" / "docexp"
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = completion ]; then exec "{sys.executable}" -m docexp.cli "$@"; fi\n'
        'for last; do :; done; echo "typed<$last>"\n'
    )
    program.chmod(0o755)
    return folder


def environment(place: Path) -> dict[str, str]:
    path = os.pathsep.join((str(place / "bin"), os.environ["PATH"]))
    return {**os.environ, "PATH": path, "HOME": str(place / "home"), "TERM": "dumb", "PS1": "$ "}


@pytest.mark.parametrize(("line", "behind"), [(line, behind) for line, _, behind in TYPED])
def test_bash_gets_what_stands_behind_its_word_breaks(place: Path, line: str, behind: str) -> None:
    assert replies(place, line) == ([behind], "")


def replies(place: Path, line: str) -> tuple[list[str], str]:
    """Bash's ``COMPREPLY`` for a line with the cursor at its end, and what went to standard error."""
    program = 'eval "$(docexp completion bash)"; COMP_LINE=$1 COMP_POINT=${#1}; _docexp docexp; '
    program += 'printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", program, "bash", line], cwd=place, env=environment(place), capture_output=True, text=True
    )
    return done.stdout.splitlines(), done.stderr


def test_bash_prints_nothing_where_something_is_wrong(place: Path) -> None:
    """A yaml that does not parse, an unknown verb, no such project: no words, and no error in the user's prompt."""
    (place / "docexp.yaml").touch()
    (place / "conf" / "model").mkdir(parents=True)
    (place / "conf" / "model" / "broken.yaml").write_text("{a: ]")
    try:
        for line in ("docexp train model=broken model.", "docexp trian mod", "docexp --project no train mod"):
            assert replies(place, line) == ([""], ""), line
        assert replies(place, "docexp train 'model=layoutlmv3_ti") == (["layoutlmv3_tiny"], "")
    finally:
        shutil.rmtree(place / "conf")
        (place / "docexp.yaml").unlink()


@pytest.mark.parametrize("shell", SHELLS)
def test_keys_typed_into_a_terminal(place: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here: install the package {shell}")
    start = {
        "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(docexp completion bash)"'),
        "zsh": (["zsh", "-f", "-i"], 'autoload -Uz compinit; compinit -u -D; eval "$(docexp completion zsh)"'),
        "fish": (["fish", "--no-config", "-i"], "docexp completion fish | source"),
    }[shell]
    with Terminal(start[0], place) as terminal:
        terminal.type(f"{start[1]}; echo re''ady\n")
        terminal.wait_for("ready")
        for line, whole, _ in TYPED:
            terminal.type(f"{line}\t")
            time.sleep(2)  # the keys must not overtake the completion
            terminal.type("\n")
            terminal.wait_for(f"typed<{whole}>")


class Terminal:
    """A shell that believes a person is typing."""

    def __init__(self, command: list[str], place: Path) -> None:
        self.text = ""
        self.process, self.handle = pty.fork()
        if self.process == 0:
            os.chdir(place)
            os.execvpe(command[0], command, environment(place))

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.process, 9)
        os.waitpid(self.process, 0)
        os.close(self.handle)

    def type(self, text: str) -> None:
        os.write(self.handle, text.encode())

    def wait_for(self, wanted: str) -> None:
        deadline = time.monotonic() + SECONDS
        while wanted not in self.text and time.monotonic() < deadline:
            if select.select([self.handle], [], [], 0.2)[0]:
                self.text += os.read(self.handle, 65536).decode(errors="replace")
        assert wanted in self.text, self.text[-2000:]
        self.text = ""
