"""``docexp completion``: a script that lets a shell complete docexp's words, and the words themselves."""

import re
from collections.abc import Sequence
from pathlib import Path

from docexp.errors import DocexpError, nearest

HELP = """usage: docexp completion bash|zsh|fish

Prints a script with which the shell completes verbs, flags, choices, settings, values, runs, paths.

  eval "$(docexp completion bash)"        in ~/.bashrc
  eval "$(docexp completion zsh)"         in ~/.zshrc, after compinit
  docexp completion fish | source         in ~/.config/fish/config.fish
"""
SHELLS = ("bash", "zsh", "fish")
COMMANDS = {"bash": ({}, (), ()), "zsh": ({}, (), ()), "fish": ({}, (), ())}
FLAGS = ("--help", "-h")

BASH = r"""_docexp() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <("${1/#\~/$HOME}" completion bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=./:] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _docexp docexp"""
ZSH = r"""#compdef docexp
_docexp() {
    local -a found open whole
    found=("${(@f)$("${words[1]/#\~/$HOME}" completion zsh "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)}")
    open=(${(M)found:#*[=./:]})
    whole=(${found:#*[=./:]})
    (( $#open )) && compadd -Q -S '' -a open
    (( $#whole )) && compadd -Q -a whole
}
compdef _docexp docexp"""
FISH = r"""complete -c docexp -f -a '(docexp completion fish (commandline -cp | string collect) 2>/dev/null)'"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
_SPECIAL = re.compile(r"""([\s'"\\$&;()|<>*?\[\]#!`])""")


def run(words: Sequence[str], project_dir: Path | None) -> int:
    """Prints a shell's script, or, given a line as the script gives it, the words that could come next."""
    if not words or {"--help", "-h"} & set(words):
        print(HELP)
        return 0
    shell, *line = words
    if shell not in SHELLS:
        close = nearest(shell, list(SHELLS))
        raise DocexpError(f"completion {shell}: shells are bash, zsh, fish." + (f" Nearest: {close[0]}." * bool(close)))
    if not line:
        print(SCRIPTS[shell])
        return 0
    try:
        print("\n".join(_words(shell, line[0], "".join(line[1:]), project_dir)))
    except Exception:  # an error must never land in somebody's prompt
        return 1
    return 0


def _words(shell: str, line: str, breaks: str, project_dir: Path | None) -> list[str]:
    from docexp.cli import VERBS
    from docexp.completion.candidates import candidates, split_line

    found = candidates(line, VERBS, project_dir)
    if shell == "fish":  # puts in its own quotes
        return found
    if shell == "bash":  # replaces only what stands behind the last of its word breaks
        current = split_line(line)[1]
        stop = max((current.rfind(mark) + 1 for mark in breaks if mark in "=:"), default=0)
        found = [word[stop:] for word in found]
    return [_SPECIAL.sub(r"\\\1", word) for word in found]
