"""Does `probe_proteins` find what tells a label of proteins, and nothing where nothing does?

Eighty proteins are in 40 homology clusters of two, which share their label. Two kinds of worlds:

- null: two inputs of three columns each, all noise;
- planted: a column of the first input is higher by two deviations where the label is.

An interval of a difference is made wider for probes that would differ on other training proteins;
in null worlds it is counted how often one input would be ahead of the other without that.

    python -m benchmarks.planted_protein_probes --worlds 120 --check
"""

import argparse
from typing import Any

import numpy as np
import pandas as pd

from protsae.protein_probes.compared_probes import probe_proteins

N_CLUSTERS, N_COLUMNS, N_FOLDS = 40, 3, 5
WORLDS = ("null", "planted")
FALSE, FOUND = 0.05, 0.8


def run_worlds(kind: str, n_worlds: int, seed: int = 11) -> pd.DataFrame:
    """What is said of each world: a row each.

    Columns: auroc, is_above (its interval is above 0.5), is_below, is_apart (one of the inputs is
    ahead of the other), is_ahead (the first is), would_be_apart (without the wider interval).
    """
    rng, cluster = np.random.default_rng(seed), np.repeat(np.arange(N_CLUSTERS), 2)
    return pd.DataFrame([_said(kind, rng, cluster) for _ in range(n_worlds)])


def _said(kind: str, rng: np.random.Generator, cluster: np.ndarray) -> dict[str, Any]:
    label = np.repeat(rng.random(N_CLUSTERS) < 0.5, 2)
    first, second = (rng.normal(size=(len(cluster), N_COLUMNS)) for _ in range(2))
    if kind == "planted":
        first[:, 0] += 2 * label
    inputs = {"features": first, "embeddings": second}
    found = probe_proteins(
        inputs, label.tolist(), cluster.tolist(), n_folds=N_FOLDS, n_resamplings=400
    )
    scores = dict(found.scores.set_index(["inputs", "metric"]).iterrows())
    own, other = scores["features", "auroc"], scores["embeddings", "auroc"]
    low, high = other["ahead_low"], other["ahead_high"]
    wider = np.sqrt(1 + N_FOLDS / (N_FOLDS - 1))
    ahead = other["ahead"]
    return {
        "auroc": own["value"],
        "is_above": own["low"] > 0.5,
        "is_below": own["high"] < 0.5,
        "is_apart": low > 0 or high < 0,
        "is_ahead": low > 0,
        "would_be_apart": (ahead - low) / wider < ahead or (high - ahead) / wider < -ahead,
    }


def failures(null: pd.DataFrame, planted: pd.DataFrame) -> list[str]:
    """What does not hold."""
    allowed = FALSE + 2 * (FALSE * (1 - FALSE) / len(null)) ** 0.5
    apart = null["is_apart"].mean()
    checks = {
        f"null worlds with one input ahead: {apart:.3f} (at most {allowed:.3f})": apart <= allowed,
        f"null worlds told: {null['is_above'].mean():.3f}": null["is_above"].mean() <= allowed,
        f"planted worlds told: {planted['is_above'].mean():.2f}": (
            planted["is_above"].mean() >= FOUND
        ),
        f"planted worlds with features ahead: {planted['is_ahead'].mean():.2f}": (
            planted["is_ahead"].mean() >= FOUND
        ),
    }
    for line, holds in checks.items():
        print(("holds: " if holds else "FAILS: ") + line)
    return [line for line, holds in checks.items() if not holds]


def main() -> None:
    """Run the worlds and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=120, help="of each kind")
    parser.add_argument("--check", action="store_true", help="fail unless the numbers hold")
    args = parser.parse_args()
    null, planted = (run_worlds(kind, args.worlds) for kind in WORLDS)
    for kind, rows in zip(WORLDS, (null, planted), strict=True):
        means = ", ".join(f"{name} {value:.3f}" for name, value in rows.mean().items())
        print(f"{kind}: {means}")
    if failures(null, planted) and args.check:
        raise SystemExit("the numbers do not hold")


if __name__ == "__main__":
    main()
