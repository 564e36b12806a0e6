"""Json that every parser reads, also for numbers that are not finite."""

import json
import math
from typing import Any


def dumps(value: Any, indent: int | None = None) -> str:
    """``value`` as json; a float that is not finite becomes the text ``"nan"``, ``"inf"`` or ``"-inf"``.

    Json has no such numbers, and ``null`` would not say which it was. ``float()`` turns the text back.
    """
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(float(value))
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
