"""What SAE features say of measured variants, beside log-odds, layer activations and simple rules.

For each scan: Spearman's correlation of scores that need no training with what was measured, with
intervals over sites; and of ridge regression on few variants, means over repeated splits, at random
and by site, with jackknife intervals over sites. Prints the tables of docs/findings.md.

    python -m studies.variants.measure results scans/*.csv.gz --saes topk --layers 3 6 \\
      --variants 5000

The choices were made before any scan was looked at: the score on features is minus feature_change
of the variants table, its baseline minus layer_change; ridge is on the activations at the site.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from protsae.stages.run_object.open_run import read_run
from studies.descriptions.measure import markdown
from studies.variants.computed_scan import Computed, Scan, computed, read_scan
from studies.variants.rank_correlation import interval, spearman_of
from studies.variants.regression import Ranking, compared

N_TRAIN = (24, 96, 384)
N_SPLITS = 20
LOG_ODDS = "masked log-odds"
FEATURES, LAYERS, ONEHOT = "features", "layer activations", "one-hot"
CHANGE, LAYER_CHANGE = "feature change", "layer change"


def zero_shot(found: Computed) -> dict[str, np.ndarray]:
    """Scores that need no measurement; higher should be fitter."""
    return {
        LOG_ODDS: found.masked,
        "wild-type log-odds": found.wild_type,
        CHANGE: -found.feature_change,
        LAYER_CHANGE: -found.layer_change,
        "BLOSUM62": found.blosum,
        "hydropathy difference": -found.hydropathy,
    }


def zero_shot_rows(scan: Scan, found: Computed) -> list[dict[str, str]]:
    """A row for each score, and for the difference between features and what they are held to."""
    whole, resampled = spearman_of(zero_shot(found), scan.measured, found.site)
    rows = [
        {"scan": scan.name, "score": name, "Spearman": told(whole[name], interval(values))}
        for name, values in resampled.items()
    ]
    for other in (LAYER_CHANGE, "BLOSUM62", LOG_ODDS):
        difference = interval(resampled[CHANGE] - resampled[other])
        text = told(whole[CHANGE] - whole[other], difference)
        rows.append({"scan": scan.name, "score": f"{CHANGE} less {other}", "Spearman": text})
    return rows


def ridge_inputs(found: Computed) -> dict[str, list[np.ndarray]]:
    """Blocks of columns by name, each also with the log-odds as a block of its own."""
    sites = found.site[:, None] == np.unique(found.site)
    residues = np.eye(20, dtype=bool)[found.residue]
    alone = {FEATURES: [found.features], LAYERS: [found.layers], ONEHOT: [sites, residues]}
    log_odds = found.masked[:, None]
    return alone | {f"{name} + log-odds": [*own, log_odds] for name, own in alone.items()}


def ridge_rows(scan: Scan, found: Computed) -> list[dict[str, str]]:
    """A row for each size of the training set and kind of split, a column for each input."""
    inputs, rows = ridge_inputs(found), []
    for by_site in (False, True):
        for n in N_TRAIN:
            log_odds = {LOG_ODDS: found.masked}
            own = compared(inputs, log_odds, scan.measured, found.site, n, N_SPLITS, by_site)
            rows.append(_ridge_row(scan.name, by_site, n, own))
    return rows


def _ridge_row(name: str, by_site: bool, n: int, own: Mapping[str, Ranking]) -> dict[str, str]:
    every = {**own, f"{FEATURES} less {LAYERS}": own[FEATURES].less(own[LAYERS])}
    cells = {column: told(found.mean, found.interval) for column, found in every.items()}
    kind = "by site" if by_site else "at random"
    return {"scan": name, "split": kind, "n": str(n), **cells}


def told(value: float, bounds: tuple[float, float]) -> str:
    """A number with its interval.

    Examples
    --------
    >>> told(0.5, (0.25, 0.75))
    '0.50 [0.25, 0.75]'
    """
    return f"{value:.2f} [{bounds[0]:.2f}, {bounds[1]:.2f}]"


def main() -> None:
    """Compute, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="folder of a finished run")
    parser.add_argument("scans", type=Path, nargs="+", help="NAME.csv or .csv.gz, by NAME.wt.txt")
    parser.add_argument("--layers", type=int, nargs="+")
    parser.add_argument("--saes", nargs="+")
    parser.add_argument("--model")
    parser.add_argument("--sites", type=int, help="at most as many sites of a scan, at random")
    parser.add_argument("--variants", type=int, help="at most as many variants, at random")
    parser.add_argument("--keep", type=Path, help="folder for what the model computes, once")
    args = parser.parse_args()
    explainer = read_run(args.results).explainer(args.model, args.layers, args.saes)
    every, trained = [], []
    for path in args.scans:
        whole = read_scan(path)
        scan = whole.of_sites(args.sites) if args.sites else whole
        scan = scan.of_variants(args.variants) if args.variants else scan
        found = computed(scan, explainer, args.keep and args.keep / f"{scan.name}.npz")
        n_sites = len(np.unique(found.site))
        n, of = len(scan.mutants), len(whole.mutants)
        print(f"{scan.name}: {n:,} of {of:,} variants, at {n_sites} sites", flush=True)
        every += zero_shot_rows(scan, found)
        trained += ridge_rows(scan, found)
    for rows in (every, trained):
        print("", markdown(pd.DataFrame(rows)), sep="\n")


if __name__ == "__main__":
    main()
