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
PARTS = {"quick": 1, "usual": 2, "full": 10}
"""Tests that share the stages killed and the files damaged, to run beside each other."""
NAME = os.environ.get("PROTSAE_CHAOS", "quick")
LEVEL = LEVELS[NAME]
"""By the environment variable PROTSAE_CHAOS."""


def shares(number: int) -> list[tuple[int, int]]:
    """A seed and a share of a number for each of the tests among which it is shared."""
    n_parts = PARTS[NAME]
    return [
        (part, number * (part + 1) // n_parts - number * part // n_parts) for part in range(n_parts)
    ]


def told(what: str, counts: Counter[str]) -> str:
    """What was tried and what came of it, for the lines that pytest prints at the end."""
    return f"{what}: " + ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
