"""Real data beside the repository, for tests that are skipped where it is absent."""

from pathlib import Path

SHARED = Path(__file__).parents[1] / "../shared/data"
