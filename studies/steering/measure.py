"""Does clamping a feature make a model design what the feature goes with? Against four controls.

For each target the feature with the highest F1 on valid (best_features.parquet) is clamped to
2 x its 0.9 quantile at all residues. Starts are the first 80 residues of test proteins, one of a
homology cluster, that do not satisfy the rule of the target. Three
judges say whether a design succeeds, none of which has seen a model: the rule, which needs the
sequence alone; a window probe, fitted to the run's train proteins, which must be on at more of the
design than of nearly all proteins; and the best homologue in train, which must have the concept
where it is aligned. A judge's figures leave out the starts that satisfy it. Rules, clamp and
schedule were fixed before the first run, the other two judges before theirs. Start proteins are the
units: a start counts with the share of its designs that succeed.

    python -m studies.steering.measure results
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from protsae.concepts.sequence.design_scores import JUDGES, pairwise_identity
from protsae.inspection.feature_name import FeatureName
from protsae.interventions.steering import Schedule
from protsae.stages.intervening.design_judges import HOMOLOGUE, WINDOW, open_judges
from protsae.stages.intervening.designs import STEERED, designs
from protsae.stages.intervening.open_edits import OpenedRun
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

RULE = "rule"
WAYS = (RULE, WINDOW, HOMOLOGUE)
"""The judges."""

CLAMP, SCHEDULE = "clamp=2q0.9", Schedule(rounds=15)
LENGTH = 80
"""Residues of a start."""
N_RESAMPLINGS = 10_000


def best_feature(run: Run, concept: str) -> pd.Series:
    """The feature with the highest F1 on valid for a concept."""
    table = run.best_features
    return table[table["concept"] == concept].iloc[0]


def starts(run: Run, rule: str, n: int) -> list[tuple[str, str]]:
    """The first residues of test proteins of different clusters that do not satisfy a rule."""
    table = run.proteins
    own = table[(table["split"] == "test") & (table["sequence"].str.len() >= LENGTH)]
    own = own.sample(frac=1, random_state=0).drop_duplicates("cluster")
    pairs = zip(own["accession"], own["sequence"].str[:LENGTH], strict=True)
    return [(name, s) for name, s in pairs if not JUDGES[rule].holds(s)][:n]


def designed(run: Run, concept: str, n_starts: int, n_designs: int) -> pd.DataFrame:
    """All designs of a target, with ``succeeded`` by each judge: 0, 1, or NaN for its starts."""
    row = best_feature(run, concept)
    name = FeatureName(run.model, int(row["layer"]), str(row["variant"]), int(row["feature"]))
    opened = run.edits(f"{name}:{CLAMP}")
    arms = open_controls(opened, run.results, run.config, 0, concept).arms()
    rule, chosen = TARGETS[concept], starts(run, TARGETS[concept], n_starts)
    tables = []
    for number, (accession, sequence) in enumerate(chosen):
        free = np.ones(len(sequence), dtype=bool)
        rest = (SCHEDULE, n_designs, (number,), number)
        tables.append(designs(opened, arms, accession, sequence, free, *rest))
    table = pd.concat(tables, ignore_index=True)
    judges = open_judges(OpenedRun(run.results, run.config), concept)
    assert judges is not None
    table = judges.judged(table, dict(chosen))
    before = judges.judge([sequence for _, sequence in chosen]).set_index(
        pd.Index([n for n, _ in chosen])
    )
    table[f"by {RULE}"] = table["sequence"].map(JUDGES[rule].holds).astype(float)
    columns = {WINDOW: "window_has_concept", HOMOLOGUE: "homologue_has_concept"}
    for judge, column in columns.items():
        had = table["start"].map(before[column]).astype(float)
        table[f"by {judge}"] = table[column].astype(float).where(had == 0)
    f1 = f"{name} (F1 {row['f1']:.2f})"
    return table.assign(
        concept=concept, rule=rule, feature=f1, window_f1=round(judges.window.valid_f1, 2)
    )


def by_start(table: pd.DataFrame, judge: str) -> pd.DataFrame:
    """Designs that succeed, by start and arm; without the starts that satisfy the judge."""
    counted = table[table[f"by {judge}"].notna()]
    return counted.pivot_table(f"by {judge}", "start", "arm", aggfunc="sum")


def row_of(table: pd.DataFrame, judge: str) -> dict[str, object]:
    """Success of each arm with its interval, and steered less each control, paired by start."""
    counts, n_designs = by_start(table, judge), int(table["design"].max())
    n = len(counts)
    row: dict[str, object] = {
        "target": table["concept"].iloc[0],
        "judge": table["rule"].iloc[0] if judge == RULE else judge,
        "starts": n,
    }
    if not n:
        return row | dict.fromkeys((*ARMS, *(f"less {arm}" for arm in ARMS[1:])), "-")
    each = np.full(n, float(n_designs))
    weights = bootstrap_weights(n, N_RESAMPLINGS, 0)
    for arm in ARMS:
        won = counts[arm].to_numpy(np.float64)
        low, high = share_interval(won, each)
        row[arm] = f"{won.sum() / each.sum():.0%} ({low:.0%} to {high:.0%})"
    for arm in ARMS[1:]:
        less = (counts[STEERED] - counts[arm]).to_numpy(np.float64) / n_designs
        low, high = interval(weights @ less / n)
        row[f"less {arm}"] = f"{less.mean():+.2f} ({low:+.2f} to {high:+.2f})"
    return row


def diversity(table: pd.DataFrame) -> dict[str, object]:
    """Mean pairwise identity of the designs of each arm: of one start, and of different starts.

    Of one start with a 95 % bootstrap interval over starts. Designs are equally long, and nothing
    is aligned.
    """
    row: dict[str, object] = {"target": table["concept"].iloc[0]}
    for arm, own in table.groupby("arm", sort=False):
        of_start = own.groupby("start")["pairwise_identity"].mean().to_numpy(np.float64)
        n, each = len(of_start), int(own["design"].max())
        low, high = interval(bootstrap_weights(n, N_RESAMPLINGS, 0) @ of_start / n)
        every = np.mean(np.array(pairwise_identity(own["sequence"].tolist()), np.float64))
        pairs, within = n * each * (n * each - 1), n * each * (each - 1)
        apart = (every * pairs - of_start.mean() * within) / (pairs - within)
        row[str(arm)] = f"{of_start.mean():.0%} ({low:.0%} to {high:.0%}), {apart:.0%}"
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
        print(concept, row_of(tables[-1], RULE), flush=True)
    rows = pd.DataFrame([row_of(table, judge) for judge in WAYS for table in tables])
    rows = rows[(rows["judge"] != HOMOLOGUE) | (rows["starts"] > 0)]
    less = [name for name in rows.columns if name.startswith("less")]
    differences = rows[["target", "judge", *less]]
    every = pd.concat(tables)
    used = every[["concept", "feature", "window_f1"]].drop_duplicates()
    alike = pd.DataFrame([diversity(table) for table in tables])
    said = rows[["target", "judge", "starts", *ARMS]]
    for table in (used, said, differences, alike, medians(every)):
        print("\n| " + " | ".join(table.columns) + " |\n|" + "---|" * len(table.columns))
        print("\n".join("| " + " | ".join(map(str, row)) + " |" for row in table.to_numpy()))
    if args.output:
        pd.concat(tables).to_parquet(Path(args.output))


if __name__ == "__main__":
    main()
