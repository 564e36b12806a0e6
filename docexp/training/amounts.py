"""Times and numbers as people say them. Imports nothing heavy."""

from datetime import datetime, timedelta


def duration(seconds: float) -> str:
    """``0:07``, ``12:30``, ``3:05:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def roughly(seconds: float) -> str:
    """``about 40 s``, ``about 6 min``, ``about 3.5 h``, ``about 2 days``: no more digits than an estimate has."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"about {float(f'{seconds / size:.2g}'):g} {unit}"
    return f"about {float(f'{seconds:.1g}'):g} s"


def clock(seconds: float) -> str:
    """The time of day in so many seconds, with the day when it is not today: ``14:32``, ``26 Nov 02:10``."""
    then = datetime.now() + timedelta(seconds=seconds)
    return f"{then:%H:%M}" if then.date() == datetime.now().date() else f"{then:%-d %b %H:%M}"


def short(number: float) -> str:
    """``870``, ``9.4k``, ``1.3M``."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"
