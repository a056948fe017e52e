"""How much is tried: a little in ``make test``, more in ``make test-chaos`` and its full form."""

import os
import sys
from collections import Counter
from dataclasses import dataclass

import pytest


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


def say(capsys: pytest.CaptureFixture[str], what: str, counts: Counter[str]) -> None:
    """Show what was tried, whatever pytest captures."""
    told = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
    with capsys.disabled():
        sys.stdout.write(f"\n{what}: {told}\n")
