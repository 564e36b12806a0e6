"""The one exception a user is meant to read."""


class DocexpError(Exception):
    """Something the user can mend: its text is one or two lines naming what is wrong and what to change.

    The command line prints the text after ``docexp:`` and exits with status 2; ``--debug`` adds the traceback.
    """


def nearest(name: str, known: list[str], count: int = 1) -> list[str]:
    """The ``count`` known names most like ``name``, best first; empty when nothing is close."""
    import difflib

    return difflib.get_close_matches(name, known, n=count, cutoff=0.5)


def choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuses a ``value`` that is none of ``choices``.

    Raises:
        DocexpError: names the key, the choices and the nearest.
    """
    if value not in choices:
        close = nearest(str(value), list(choices))
        hint = f" Nearest: {close[0]}." if close else ""
        raise DocexpError(f"{key}={value} is none of {', '.join(choices)}.{hint}")
