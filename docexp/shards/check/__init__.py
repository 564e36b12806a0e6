"""Everything that can be wrong with shards, looked for."""

from docexp.shards.check.finding import Finding
from docexp.shards.check.labels import Expected
from docexp.shards.check.run import check

__all__ = ["Expected", "Finding", "check"]
