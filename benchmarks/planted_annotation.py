"""What annotation calls in planted worlds like real proteins, and whether its intervals hold.

Each kind of world (benchmarks/worlds/, whose docstrings state what is true of it) is drawn many
times, with homology clusters of unequal size and log-normal lengths. The world is the unit: of each
the share of null pairs with p <= 0.05 and the false share of the pairs called are computed, and
their means over worlds may exceed 5 % by no more than two standard errors.

Null functions: `rotation_null` and `position_null` on one split, for a handful of pairs of each
world. Which must hold is stated by the world; the larger p-value must wherever either must.
End to end: `score_detectors` on train, valid and test, with baselines and sequences; also verdicts,
of which those are fooled that say "above" though a baseline or a rule has at least the same true
F1, and intervals. True F1 is that of fresh proteins of the same process.
Coverage of F1's and AUROC's intervals: benchmarks/worlds/coverage.py.

    python -m benchmarks.planted_annotation --check
    python -m benchmarks.planted_annotation --kinds "position only" --worlds 100 --scored 0
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from benchmarks.processor import machine
from benchmarks.worlds import KINDS, Kind, coverage, end_to_end, measures

LEVEL = 0.05
LEAST_POWER = 0.95
COVERAGE = (0.92, 0.98)
TOGETHER = {"verdicts": (0.8, 1.0), "covered": COVERAGE}
"""Least and most of the mean over the worlds of all kinds."""
SPLIT = 1.8
"""How many times the families of a world for the null functions one has end to end: its test part
is as large."""
N_FRESH = 3000
"""Families of the world whose F1 is the truth."""

ERRORS = ("rotation", "position", "p", "fdp", "fooled")


def main() -> None:
    """Measure, print, check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=400, help="of each kind, null functions")
    parser.add_argument("--scored", type=int, default=20, help="of each kind, end to end")
    parser.add_argument("--kinds", nargs="*", help="only kinds with one of these in their name")
    parser.add_argument("--check", action="store_true", help="exit 1 if a figure falls short")
    args = parser.parse_args()
    threadpool_limits(1)
    print(machine(), flush=True)
    start = time.process_time()
    kinds = [k for k in KINDS if not args.kinds or any(part in k.name for part in args.kinds)]
    measured = {
        "null functions": (measures.NULL_FIGURES, measure(kinds, args.worlds, null_worlds)),
        "end to end": (end_to_end.FIGURES, measure(kinds, args.scored, scored_worlds)),
    }
    short = []
    for name, (figures, of_kinds) in measured.items():
        print(table(name, figures, of_kinds))
        short += [f"{name}, {figure}" for figure in falling_short(kinds, of_kinds)]
    if not args.kinds:
        short += intervals_falling_short()
    print(f"{time.process_time() - start:.0f} CPU s")
    if args.check and short:
        sys.exit("falls short:\n" + "\n".join(short))


def null_worlds(kind: Kind, n_worlds: int) -> pd.DataFrame:
    """`measures.null_figures`, a row per world."""
    if not kind.nulls:
        return pd.DataFrame(columns=measures.NULL_FIGURES, dtype=float)
    return pd.DataFrame(
        measures.null_figures(
            kind.draw(np.random.default_rng([seed, 1]), kind.n_families),
            np.random.default_rng([seed, 2]),
        )
        for seed in range(n_worlds)
    )


def scored_worlds(kind: Kind, n_worlds: int, n_fresh: int = N_FRESH) -> pd.DataFrame:
    """`end_to_end.figures`, a row per world; the truth is that of so many fresh families."""
    rows = []
    truth = end_to_end.Truth(kind.draw(np.random.default_rng([0, 4]), n_fresh))
    for seed in range(n_worlds):
        world = kind.draw(np.random.default_rng([seed, 3]), int(SPLIT * kind.n_families))
        pairs = end_to_end.scored(world, np.random.default_rng([seed, 5]))
        rows.append(end_to_end.figures(end_to_end.with_truth(pairs, world, truth)))
    return pd.DataFrame(rows, columns=end_to_end.FIGURES)


def measure(
    kinds: Sequence[Kind], n_worlds: int, of_kind: Callable[[Kind, int], pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """A table of worlds for each kind; none if no worlds are wanted."""
    if not n_worlds:
        return {}
    progress = tqdm(kinds, unit="kind")
    return {kind.name: of_kind(kind, n_worlds) for kind in progress}


def table(name: str, figures: Sequence[str], of_kinds: dict[str, pd.DataFrame]) -> str:
    """Means over worlds with two standard errors, a row per kind, in Markdown."""
    lines = [f"| {name} | {' | '.join(figures)} |", "|---" * (len(figures) + 1) + "|"]
    for kind, worlds in of_kinds.items():
        cells = []
        for figure in figures:
            mean, error = estimate(worlds[figure])
            cells.append("" if np.isnan(mean) else f"{mean:.3f} ± {2 * error:.3f}")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def falling_short(kinds: Sequence[Kind], of_kinds: dict[str, pd.DataFrame]) -> list[str]:
    """What is beyond its limit, of the kinds of which something is demanded.

    Winners and intervals are few in a kind end to end, and are judged over all kinds together.
    """
    short = []
    demanded = [kind.name for kind in kinds if kind.demanded and kind.name in of_kinds]
    for kind in demanded:
        for figure, values in of_kinds[kind].items():
            mean, error = estimate(values)
            too_high = figure in ERRORS and mean > LEVEL + 2 * error
            if too_high or (figure == "power" and mean < LEAST_POWER):
                short.append(f"{kind}: {figure} {mean:.3f} ± {2 * error:.3f}")
    together = pd.concat([of_kinds[kind] for kind in demanded]) if demanded else pd.DataFrame()
    for figure, (low, high) in TOGETHER.items():
        mean, error = estimate(together.get(figure, pd.Series(dtype=float)))
        if mean < low or mean > high:
            short.append(f"all kinds: {figure} {mean:.3f} ± {2 * error:.3f}")
    return short


def estimate(values: pd.Series) -> tuple[float, float]:
    """Mean and standard error over the worlds that have the figure."""
    some = values.dropna()
    if not len(some):
        return np.nan, np.nan
    error = some.std() / len(some) ** 0.5 if len(some) > 1 else 0.0
    return some.mean(), error


def intervals_falling_short() -> list[str]:
    """Print the coverage of both intervals; what lies beyond its limits by two standard errors."""
    short = []
    for name, measured, number, most in (
        ("F1", coverage.measure_intervals, coverage.N_INTERVALS, COVERAGE[1]),
        ("AUROC", coverage.measure_areas, coverage.N_AREAS, 1.0),
    ):
        lowest, highest = measured()
        text = f"coverage of {name}'s interval {lowest:.3f} to {highest:.3f}"
        print(f"{text}\n")
        allowed = 2 * np.sqrt(COVERAGE[0] * (1 - COVERAGE[0]) / number)
        if lowest < COVERAGE[0] - allowed or highest > most:
            short.append(text)
    return short


if __name__ == "__main__":
    main()
