"""Do attributions rank the features of a residue as ablating them one by one does, layer by layer?

Sites are residues of test proteins, one of a homology cluster, drawn at random. At each the output
is log p of the true residue, masked, or the log-odds of a random variant of it. In every layer 100
random active features of the output's pass are ablated one by one, and Spearman's correlations with
what that does are compared: integrated gradients, gradient x activation, and rules that know
nothing of the output. Sites are the units: means over sites, with 95 % bootstrap intervals.

    python -m studies.attribution.measure results
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from protsae.io.progress import progress
from protsae.proteins.alphabet import STANDARD
from protsae.stages.attributing.attribute_outputs import attribute_outputs
from protsae.stages.attributing.attributed_layer import Amounts
from protsae.stages.run_object.open_run import Run, read_run
from protsae.statistics.cluster_intervals import bootstrap_weights, interval

OUTPUTS = ("true residue", "variant")
N_RESAMPLINGS = 10_000

AGREEMENT = {
    "integrated gradients": "spearman",
    "gradient x activation": "gradient_spearman",
    "top: integrated": "top_spearman",
    "top: gradient x activation": "top_gradient_spearman",
}
SIZES = {
    "integrated gradients": "size_spearman",
    "gradient x activation": "gradient_size_spearman",
    "activation": "activation_spearman",
    "activation x decoder norm": "length_spearman",
    "nearness": "nearness_spearman",
}
SHARES = {
    "at the residue": "share_at_site",
    "within 8": "share_near",
    "elsewhere": "share_elsewhere",
    "errors": "share_error",
}


def sites(run: Run, n: int) -> list[tuple[str, str, int]]:
    """Accession, sequence and position of a random standard residue, one of a test cluster."""
    table = run.proteins
    own = table[table["split"] == "test"].sample(frac=1, random_state=0).drop_duplicates("cluster")
    rng, found = np.random.default_rng(0), []
    for accession, sequence in own.head(n)[["accession", "sequence"]].to_numpy():
        places = [i for i, letter in enumerate(sequence, 1) if letter in STANDARD]
        found.append((accession, sequence, int(rng.choice(places))))
    return found


def written(sequence: str, position: int, kind: str, rng: np.random.Generator) -> str:
    """The output at a position as `protsae attribute` takes it."""
    if kind == OUTPUTS[0]:
        return str(position)
    letter = sequence[position - 1]
    return f"{letter}{position}{rng.choice([other for other in STANDARD if other != letter])}"


def measured(run: Run, sae: str, n_sites: int) -> pd.DataFrame:
    """The checks of every site, output and layer."""
    opened, rng, tables = run.attribution(sae), np.random.default_rng(1), []
    for accession, sequence, position in progress(sites(run, n_sites), f"{sae}", "sites"):
        texts = [written(sequence, position, kind, rng) for kind in OUTPUTS]
        found = attribute_outputs(opened, accession, sequence, texts, amounts=Amounts())
        kind = dict(zip(texts, OUTPUTS, strict=True))
        tables.append(found.checks.assign(kind=found.checks["output"].map(kind)))
    return pd.concat(tables, ignore_index=True)


def mean_with_interval(values: np.ndarray) -> str:
    """Mean over sites with its 95 % bootstrap interval; sites without a value are left out."""
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return "none"
    weights = bootstrap_weights(len(known), N_RESAMPLINGS, 0)
    low, high = interval(weights @ known / len(known))
    return f"{known.mean():.2f} ({low:.2f} to {high:.2f})"


def by_layer(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """Means over sites, a row for each layer."""
    rows = []
    for layer, own in table.groupby("layer"):
        values = {name: own[column].to_numpy(float) for name, column in columns.items()}
        found = {name: mean_with_interval(one) for name, one in values.items()}
        rows.append({"layer": layer, **found})
    return pd.DataFrame(rows)


def completeness(table: pd.DataFrame) -> pd.DataFrame:
    """How complete sums are, and how far gradient x activation is from it; a row for each layer."""
    difference = (table["value"] - table["baseline_value"]).abs()
    share = table["completeness_error"].abs() / difference
    gap = (table["gradient_sum"] - (table["value"] - table["baseline_value"])).abs() / difference
    own = table.assign(error=share, gap=gap, difference=difference)
    rows = []
    for layer, part in own.groupby("layer"):
        points = part["n_steps"]
        rows.append(
            {
                "layer": layer,
                "complete": f"{part['is_complete'].sum()} of {len(part)}",
                "median error": f"{part['error'].median():.2%}",
                "points, median (most)": f"{points.median():.0f} ({points.max()})",
                "|y - baseline|, median": f"{part['difference'].median():.2f}",
                "gradient x activation: median gap": f"{part['gap'].median():.0%}",
            }
        )
    return pd.DataFrame(rows)


def main(argv: Sequence[str] | None = None) -> None:
    """Attribute, ablate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--sae", default="topk")
    parser.add_argument("--output", help="Parquet file of all checks")
    args = parser.parse_args(argv)
    table = measured(read_run(args.results), args.sae, args.sites)
    for kind, own in table.groupby("kind", sort=False):
        n_sites = own["protein"].nunique()
        less = own.assign(less=own["gradient_spearman"] - own["spearman"])
        tables = {
            "Signed": by_layer(
                less, {**AGREEMENT, "gradient x activation less integrated": "less"}
            ),
            "Sizes": by_layer(own, SIZES),
            "Where": by_layer(own, SHARES),
            "Completeness": completeness(own),
        }
        for name, shown in tables.items():
            print(f"\n{kind}, {args.sae}, {n_sites} sites. {name}:")
            print("\n| " + " | ".join(shown.columns) + " |\n|" + "---|" * len(shown.columns))
            print("\n".join("| " + " | ".join(map(str, row)) + " |" for row in shown.to_numpy()))
    if args.output:
        table.to_parquet(Path(args.output))


if __name__ == "__main__":
    main()
