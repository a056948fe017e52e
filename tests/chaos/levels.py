"""How much is tried: a little in ``make test``, more in ``make test-chaos`` and its full form."""

import os
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """Numbers of kills, faults and damaged files."""

    kills: int
    faults: int
    damaged: int


QUICK = Level(3, 3, 12)
LEVELS = {"quick": QUICK, "usual": Level(40, 20, 100), "full": Level(200, 60, 400)}
LEVEL = LEVELS[os.environ.get("PROTSAE_CHAOS", "quick")]
"""By the environment variable PROTSAE_CHAOS."""


def told(what: str, counts: Counter[str]) -> str:
    """What was tried and what came of it, for the lines that pytest prints at the end."""
    return f"{what}: " + ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
