"""Real data and reported cases beside the repository: tests are skipped where they are absent."""

from pathlib import Path

SHARED = Path(__file__).parents[2] / "../shared/data"
CASES = Path(__file__).parents[2] / "../shared/cases"
