"""Does clamping a feature make a model design what the feature goes with? Against four controls.

For each target the feature with the highest F1 on valid of the concept, of SAEs that are not
frozen, is clamped to 2 x its 0.9 quantile at all residues. Starts are the first 80 residues
of test proteins, one of a homology cluster, that do not satisfy the rule of the target. A design
succeeds if it satisfies the rule, which needs the sequence alone. Rules, clamp and schedule were
fixed before the first run. Start proteins are the units: a start counts with the share of its
designs that succeed.

    python -m studies.steering.measure results
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from protsae.concepts.sequence.design_scores import JUDGES
from protsae.inspection.feature_name import FeatureName
from protsae.interventions.steering import Schedule
from protsae.stages.intervening.designs import STEERED, designs
from protsae.stages.intervening.steering_arms import ARMS, open_controls
from protsae.stages.run_object.open_run import Run, read_run
from protsae.statistics.cluster_intervals import bootstrap_weights, interval, share_interval

TARGETS = {
    "TRANSMEM: Helical": "transmembrane",
    "SIGNAL": "signal peptide",
    "DISULFID": "cysteine-rich",
    "residue: Q": "glutamine-rich",
    "class: negative": "negative",
    "motif: N-glycosylation": "N-glycosylation",
    "composition: low complexity": "low complexity",
}
"""Concept of the feature, and the rule that designs are judged by."""

CLAMP, SCHEDULE = "clamp=2q0.9", Schedule(rounds=15)
LENGTH = 80
"""Residues of a start."""
N_RESAMPLINGS = 10_000


def best_feature(run: Run, concept: str) -> pd.Series:
    """The feature of the run's model with the highest F1 on valid for a concept."""
    table = run.features
    own = table[(table["model"] == run.model) & (table["freeze"] == "none")]
    return own[own["concept"] == concept].sort_values("valid_f1", kind="stable").iloc[-1]


def starts(run: Run, rule: str, n: int) -> list[tuple[str, str]]:
    """The first residues of test proteins of different clusters that do not satisfy a rule."""
    table = run.proteins
    own = table[(table["split"] == "test") & (table["sequence"].str.len() >= LENGTH)]
    own = own.sample(frac=1, random_state=0).drop_duplicates("cluster")
    pairs = zip(own["accession"], own["sequence"].str[:LENGTH], strict=True)
    return [(name, s) for name, s in pairs if not JUDGES[rule].holds(s)][:n]


def designed(run: Run, concept: str, n_starts: int, n_designs: int) -> pd.DataFrame:
    """All designs of a target, with ``succeeded``."""
    row = best_feature(run, concept)
    name = FeatureName(run.model, int(row["layer"]), str(row["variant"]), int(row["feature"]))
    opened = run.edits(f"{name}:{CLAMP}")
    arms = open_controls(opened, run.results, run.config, seed=0).arms()
    rule = TARGETS[concept]
    tables = []
    for number, (accession, sequence) in enumerate(starts(run, rule, n_starts)):
        free = np.ones(len(sequence), dtype=bool)
        rest = (SCHEDULE, n_designs, (number,), number)
        tables.append(designs(opened, arms, accession, sequence, free, *rest))
    table = pd.concat(tables, ignore_index=True)
    held = table["sequence"].map(JUDGES[rule].holds)
    return table.assign(succeeded=held, concept=concept, rule=rule, feature=str(name), f1=row["f1"])


def by_start(table: pd.DataFrame) -> pd.DataFrame:
    """Designs that succeed, by start and arm."""
    return table.pivot_table("succeeded", "start", "arm", aggfunc="sum")


def row_of(table: pd.DataFrame) -> dict[str, object]:
    """Success of each arm with its interval, and steered less each control, paired by start."""
    counts, n_designs = by_start(table), int(table["design"].max())
    n = len(counts)
    each = np.full(n, float(n_designs))
    weights = bootstrap_weights(n, N_RESAMPLINGS, 0)
    first = table.iloc[0]
    row: dict[str, object] = {
        "target": first["concept"],
        "feature": f"{first['feature']} (F1 {first['f1']:.2f})",
        "starts": n,
    }
    for arm in ARMS:
        won = counts[arm].to_numpy(np.float64)
        low, high = share_interval(won, each)
        row[arm] = f"{won.sum() / each.sum():.0%} ({low:.0%} to {high:.0%})"
    for arm in ARMS[1:]:
        less = (counts[STEERED] - counts[arm]).to_numpy(np.float64) / n_designs
        low, high = interval(weights @ less / n)
        row[f"less {arm}"] = f"{less.mean():+.2f} ({low:+.2f} to {high:+.2f})"
    return row


def medians(table: pd.DataFrame) -> pd.DataFrame:
    """Identity, pseudo-perplexity, activation and low complexity of each arm, over all targets."""
    columns = ["identity", "pseudo_perplexity", "activation", "low_complexity"]
    return table.groupby(["concept", "arm"], sort=False)[columns].median().round(2).reset_index()


def main(argv: Sequence[str] | None = None) -> None:
    """Design, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--designs", type=int, default=2)
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=[*TARGETS])
    parser.add_argument("--output", help="Parquet file of all designs")
    args = parser.parse_args(argv)
    run, tables = read_run(args.results), []
    for concept in args.targets:
        tables.append(designed(run, concept, args.starts, args.designs))
        print(concept, row_of(tables[-1]), flush=True)
    rows = pd.DataFrame([row_of(table) for table in tables])
    shown = rows[["target", "feature", "starts", *ARMS]]
    differences = rows[["target", *(name for name in rows if name.startswith("less"))]]
    for table in (shown, differences, medians(pd.concat(tables))):
        print("\n| " + " | ".join(table) + " |\n|" + "---|" * len(table.columns))
        print("\n".join("| " + " | ".join(map(str, row)) + " |" for row in table.to_numpy()))
    if args.output:
        pd.concat(tables).to_parquet(Path(args.output))


if __name__ == "__main__":
    main()
