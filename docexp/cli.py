"""The command line: ``docexp VERB …``. Imports nothing heavy until a verb needs it."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from docexp import __version__
from docexp.errors import DocexpError, nearest

VERBS = {
    "train": "train a model, or a sweep of them with -m",
    "evaluate": "score a trained run on a split",
    "export": "a trained run as a folder that plain transformers opens",
    "study": "a paper's table as one file: plan, run, watch and report it",
    "compare": "a table of runs with what differs and mean ± 95 % interval over seeds",
    "data": "prepare, index, check and describe datasets; train tokenizers",
    "bench": "speed and memory against transformers' own classes",
    "completion": "let bash, zsh or fish complete docexp's words",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one verb and exits: 0 when it did what was asked, 2 with one or two lines when the user can mend it."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        sys.exit(_run(words))
    except DocexpError as error:
        if debug:
            raise
        if os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0")) == "0":  # of several ranks one says it
            print(f"docexp: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("docexp: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _run(words: list[str]) -> int:
    words, project = _project(words)
    if not words or words[0] in ("-h", "--help"):
        print(_help())
        return 0
    if words[0] == "--version":
        print(f"docexp {__version__}")
        return 0
    verb, *rest = words
    if verb not in VERBS:
        close = nearest(verb, list(VERBS))
        raise DocexpError(f"{verb} is no verb. " + (f"Nearest: docexp {close[0]}." if close else "See: docexp --help"))
    return importlib.import_module(f"docexp.verbs.{verb}").run(rest, project)


def _help() -> str:
    verbs = "\n".join(f"  {verb:10} {text}" for verb, text in VERBS.items())
    return (
        "usage: docexp [--project DIR] VERB … [--debug]\n\n"
        "Train, evaluate and compare document models.\n\n"
        f"{verbs}\n\n"
        "  docexp VERB --help says more, with an example.\n"
        "  --project DIR adds DIR/conf to the choices and DIR to Python's path\n"
        "                (without it, the nearest folder upwards that holds docexp.yaml).\n"
        "  --debug       shows the traceback of an error."
    )


def _project(words: list[str]) -> tuple[list[str], Path | None]:
    """Takes ``--project DIR`` out of the words; without it, the nearest folder upwards that holds docexp.yaml."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--project", type=Path)
    known, rest = parser.parse_known_args(words)
    folder: Path | None = known.project
    if folder is None:
        here = Path.cwd()
        folder = next((place for place in (here, *here.parents) if (place / "docexp.yaml").is_file()), None)
    elif not folder.is_dir():
        raise DocexpError(f"--project {folder}: no such folder")
    if folder is not None:
        path = str(folder.resolve())
        sys.path.insert(0, path)
        # processes that docexp starts (ranks, sweep jobs) find the same modules and choices
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (path, os.environ.get("PYTHONPATH"))))
    return rest, folder


if __name__ == "__main__":
    main()
