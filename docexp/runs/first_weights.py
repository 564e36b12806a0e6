"""Where a run's first weights came from and on which terms: what its own weights inherit."""

import json
from dataclasses import asdict, dataclass

from docexp.errors import DocexpError
from docexp.runs import atomic
from docexp.runs.folder import RunFolder


@dataclass(frozen=True)
class FirstWeights:
    """``source`` as the run said it, ``licence`` as far as anything stated it; both empty: drawn from the seed."""

    source: str = ""
    licence: str = ""

    @classmethod
    def of(cls, run: RunFolder) -> "FirstWeights":
        """What a run started from; of one that is older than this file, only what its configuration names.

        Raises:
            DocexpError: the file or the configuration is damaged.
        """
        if not run.first_weights.is_file():
            model = run.read_config().get("model")
            named = model.get("weights") if isinstance(model, dict) else None
            return cls(str(named)) if named else cls()
        try:
            return cls(**json.loads(run.first_weights.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise DocexpError(f"{run.first_weights} cannot be read: {error}") from error

    def write(self, run: RunFolder) -> None:
        """Writes ``first_weights.json`` into the run's folder."""
        atomic.write_json(run.first_weights, asdict(self))
