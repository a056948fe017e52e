"""What features do to predictions, in words and tables, from a finished run.

Which features change predictions more than random directions do, and than directions that vary as
activations do; whether those that recur, that have a sure label or that detect a concept are among
them more often. And a check of sense: ablating a detector should change predictions more where its
concept is annotated than where it is active without. Since KL grows with the square of the
activation, KL divided by that square is shown as well.

    python -m studies.effects.measure results

With --tables only the effect tables are read, not the model: for a run of many proteins.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from protsae.association.scoring.metrics import CALLED_Q
from protsae.concepts.concept import are_defined_by_sequence
from protsae.config.reserved_names import is_permuted
from protsae.inspection.feature_name import FeatureName
from protsae.io.table_files.parquet import read_table
from protsae.schema.interventions.effect_table import EFFECTS
from protsae.stages.intervening.open_edits import OpenedRun
from protsae.stages.run_object.open_run import Run, read_run
from protsae.statistics.cluster_intervals import bootstrap_weights, interval

KEY = ["model", "layer", "variant", "feature"]
N_RESAMPLINGS = 10_000


def read_effects(results: Path) -> pd.DataFrame:
    """All effect tables of a run."""
    paths = sorted(results.glob("effects/*/layer-*/effects.parquet"))
    return pd.concat([read_table(path, EFFECTS) for path in paths], ignore_index=True)


def layer_row(rows: pd.DataFrame) -> dict[str, object]:
    """How many features of an SAE are called, medians over the tested ones, and exact edits."""
    tested = rows[rows["effect_q_value"].notna()]
    exact = rows[rows["ablation_kl"].notna()]
    dealt = rows["necessity_dealt_below"]
    called = {
        name: int((rows[f"{kind}_q_value"] <= CALLED_Q).sum())
        for name, kind in (
            ("more than random directions", "effect"),
            ("where active", "necessity"),
            ("where silent", "promotion"),
            ("more than activations' directions", "covariance"),
        )
    }
    medians = tested[[f"necessity_{kind}" for kind in _SHOWN]].median().map("{:.4f}".format)
    agreement = exact["necessity_kl"].corr(exact["ablation_kl"], method="spearman")
    at_site = exact["ablation_kl_site"].sum() / exact["ablation_kl"].sum()
    doses = exact[["dose_monotone", "dose_monotone_random"]].mean()
    return {
        "tested": len(tested),
        **called,
        "more than 95 of 100 others": int((dealt > 0.95).sum()),
        **dict(zip(_SHOWN.values(), medians, strict=True)),
        "ablation: Spearman": f"{agreement:.2f}",
        "at the site": f"{at_site:.0%}",
        "monotone, random": ", ".join(f"{share:.0%}" for share in doses),
    }


_SHOWN = {
    "kl": "KL",
    "kl_random": "random",
    "kl_dealt": "other features",
    "kl_coordinate": "coordinate",
}


def group_rows(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Groups of tested features: their size, and how many of them are called."""
    defined = are_defined_by_sequence(rows["concept_type"].fillna(""))
    detects = (rows["q_value"] <= CALLED_Q) & rows["concept"].notna()
    groups = {
        "recur": rows["recurs"].eq(True),
        "do not recur": rows["recurs"].eq(False),
        "label of high confidence": rows["confidence"].eq("high"),
        "other label or none": ~rows["confidence"].eq("high"),
        "detect a concept of annotations": detects & ~defined,
        "all others": ~(detects & ~defined),
        **{
            f"detect one, {words}": detects & ~defined & rows["verdict"].eq(verdict)
            for verdict, words in (
                ("above", "above all baselines"),
                ("undecided", "undecided against the best baseline"),
                ("below", "below the best baseline"),
            )
        },
        "detect a concept of the sequence": detects & defined,
        "detect none": ~detects,
    }
    bars = {
        "called": "effect",
        "where active": "necessity",
        "where silent": "promotion",
        "second bar": "covariance",
    }
    for name, of_group in groups.items():
        chosen = rows[of_group.fillna(False).astype(bool)]
        counts = {
            bar: int((chosen[f"{kind}_q_value"] <= CALLED_Q).sum()) for bar, kind in bars.items()
        }
        yield {"features": name, "tested": len(chosen), **counts}


def contrast_rows(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Called detectors by concept, and how many of them do more, or less, where their concept is.

    Concepts with fewer than three such features are taken together.
    """
    compared = rows[rows["inside_kl"].notna() & (rows["q_value"] <= CALLED_Q)]
    sizes = compared.groupby("concept")["feature"].transform("size")
    for concept, own in compared.groupby(compared["concept"].where(sizes >= 3, "all others")):
        yield {
            "concept": concept,
            "detectors": len(own),
            "more": int((own["inside_kl_difference_low"] > 0).sum()),
            "less": int((own["inside_kl_difference_high"] < 0).sum()),
        }


def sense_row(run: Run, row: pd.Series, labels: OpenedRun) -> dict[str, object] | None:
    """KL at active residues with the concept and at those without, and the difference.

    Residues are masked; the feature is ablated wherever it is active. Means over test residues,
    their difference with its 95 % interval over homology clusters with both kinds. None with fewer
    than five of those.
    """
    name = FeatureName(run.model, int(row["layer"]), str(row["variant"]), int(row["feature"]))
    codes = run.activations(name.layer, name.variant)
    sums = []
    test = run.proteins[run.proteins["split"] == "test"]
    for accession, sequence, cluster in test[["accession", "sequence", "cluster"]].to_numpy():
        activation = codes[accession][:, [name.feature]].toarray().ravel()
        if not (activation > 0).any():
            continue
        has = labels.labels(str(row["concept"]), accession, sequence, "--edit")
        edited = run.intervene({accession: sequence}, f"{name}:ablate@active")
        kl = edited["kl"].to_numpy(np.float64)
        for is_annotated in (True, False):
            own = (activation > 0) & (has == is_annotated)
            square = np.square(activation[own], dtype=np.float64).sum()
            sums.append((cluster, is_annotated, own.sum(), kl[own].sum(), square))
    table = pd.DataFrame(sums, columns=["cluster", "annotated", "n", "kl", "square"])
    both = pd.DataFrame(table.groupby(["cluster", "annotated"]).sum().unstack(fill_value=0))
    both = both[(both[["n"]] > 0).all(axis=1)]
    if len(both) < 5:
        return None
    weights = bootstrap_weights(len(both), N_RESAMPLINGS, 0)
    shown: dict[str, object] = {
        "feature": str(name).removeprefix(f"{run.model}/"),
        "concept": row["concept"],
        "clusters": len(both),
        "called": "yes" if row["effect_q_value"] <= CALLED_Q else "no",
    }
    for title, denominator in (("KL", "n"), ("KL per squared activation", "square")):
        means, drawn = [], []
        for is_annotated in (True, False):
            kl, of = (both[kind, is_annotated].to_numpy(np.float64) for kind in ("kl", denominator))
            means.append(kl.sum() / of.sum())
            drawn.append((weights @ kl) / (weights @ of))
        low, high = interval(drawn[0] - drawn[1])
        shown[title] = f"{means[0]:.5f}, {means[1]:.5f}: [{low:+.5f}, {high:+.5f}]"
    return shown


def print_table(rows: Sequence[dict[str, object]]) -> None:
    """A Markdown table."""
    print("\n| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
    print("\n".join("| " + " | ".join(map(str, row.values())) + " |" for row in rows))


def main(argv: Sequence[str] | None = None) -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("--tables", action="store_true", help="read tables alone")
    args = parser.parse_args(argv)
    run = read_run(args.results)
    effects = read_effects(run.results)
    layers = []
    for (model, layer), rows in effects.groupby(["model", "layer"]):
        name = f"permuted {layer}" if is_permuted(str(model)) else str(layer)
        layers.append({"layer": name, **layer_row(rows)})
    print_table(layers)
    features = run.features.merge(effects[KEY], on=KEY)
    own = features[(features["model"] == run.model) & features["effect_q_value"].notna()]
    print_table(
        [
            {"layer": layer, **group}
            for layer, rows in own.groupby("layer")
            for group in group_rows(rows)
        ]
    )
    contrasts = [
        {"layer": layer, **row}
        for layer, rows in own.groupby("layer")
        for row in contrast_rows(rows)
    ]
    if contrasts:
        print_table(contrasts)
    if args.tables:
        return
    defined = are_defined_by_sequence(own["concept_type"].fillna(""))
    detectors = own[(own["q_value"] <= CALLED_Q) & ~defined]
    labels = OpenedRun(run.results, run.config)
    found = [sense_row(run, row, labels) for _, row in detectors.iterrows()]
    shown = [row for row in found if row]
    print(
        f"\n{len(detectors)} detectors of annotated concepts, {len(shown)} with 5 clusters of both"
    )
    if shown:
        print_table(shown)


if __name__ == "__main__":
    main()
