"""The terms that weights come with, as their own folder states them."""

from pathlib import Path

CARD = "README.md"
"""The model card of the hub's layout; its front matter, between two lines of ``---``, is yaml."""


def licence_of_folder(folder: Path) -> str:
    """What the folder's model card names as ``license``, or "" where there is none that can be read.

    Source: https://huggingface.co/docs/hub/model-cards#model-card-metadata (``license``; ``license_name`` where that
    is ``other``).
    """
    import yaml

    try:
        text = (folder / CARD).read_text(encoding="utf-8")
        facts = yaml.safe_load(text.split("---\n")[1]) if text.startswith("---\n") else None
    except (OSError, UnicodeDecodeError, IndexError, yaml.YAMLError):
        return ""
    if not isinstance(facts, dict) or facts.get("license") is None:
        return ""
    named = facts.get("license_name") if facts["license"] == "other" else facts["license"]
    return str(named or "other, see its model card")
