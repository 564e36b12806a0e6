"""In which order the objectives of a set corrupt a sample, and whether they can be together."""

from collections.abc import Iterable, Mapping

from docexp.errors import DocexpError
from docexp.objectives.settings import ObjectiveSettings


def running_order(objectives: Mapping[str, ObjectiveSettings]) -> list[str]:
    """Their names: an objective after those that write what it reads, and then by name, however they were written.

    Raises:
        DocexpError: an entry of the record that is required and that no other writes, or objectives that each need to
            run after the other.
    """
    for name, objective in objectives.items():
        for entry in sorted(objective.requires):
            if not any(entry in other.writes for key, other in objectives.items() if key != name):
                raise DocexpError(
                    f"objective {name} needs {entry.replace('_', ' ')}, which no other objective of "
                    f"[{','.join(sorted(objectives))}] does. Add one that does: objective=[{name},{WRITERS[entry]}]."
                )
    left, order = dict(sorted(objectives.items())), []
    while left:
        ready = next((name for name in left if not _after(name, left)), None)
        if ready is None:
            raise DocexpError(f"objectives {', '.join(left)} each read what another writes: no order suits them all")
        order.append(ready)
        del left[ready]
    return order


def skill_name(objectives: Iterable[str]) -> str:
    """The name of the mean skill (``objectives.metric``) of these objectives."""
    return f"skill({','.join(sorted(objectives))})"


WRITERS = {"patches_masked": "mim", "text_masked": "mlm", "covered": "tia", "image": "tim"}
"""For each entry of the record the shipped objective that writes it."""


def _after(name: str, left: Mapping[str, ObjectiveSettings]) -> bool:
    """Whether one of ``left`` has to come before."""
    read = left[name].reads | left[name].requires
    return any(other.writes & read for key, other in left.items() if key != name)
