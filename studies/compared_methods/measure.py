"""Signal peptides and helices by several methods: accuracy, stability, cost, what a reader learns.

A coordinate of a layer, a principal component, a hidden neuron of its MLP and a feature of an SAE,
the best of each; 5 and 20 features in a logistic regression, and 20 coordinates; a linear probe of
all coordinates, with its SHAP values in closed form; 1 and 20 columns of the sequence alone. One
protein of each homology cluster. Each method is chosen and fitted on the same residues of train,
its threshold on valid, its scores are of test with 95 % intervals over clusters. It is fitted again
on clusters of train drawn with replacement, and on SAEs of other seeds. --page writes the tables
between their marks in a page.

    python -m studies.compared_methods.measure results --layer 6 --sae topk --page docs/compare.md
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np

from protsae.association.scoring.metrics import always_on_f1
from protsae.interventions.attribution.linear_shap import feature_weights, linear_shap
from protsae.io.saes.sae_files import read_sae
from protsae.run.job_cost import read_cost
from protsae.sparse_probes.sequence_columns import NAMES
from protsae.stages.neighbouring.related_run import RelatedRun
from studies.compared_methods.drawn_residues import Drawn, Reader
from studies.compared_methods.fitted_methods import (
    Fit,
    Fitted,
    best_penalties,
    components,
    few,
    linear,
)
from studies.compared_methods.judged_methods import Judged, agreement, judge, resampled_rows

CONCEPTS = ("SIGNAL", "HELIX")
N_RESAMPLINGS = 5
SHAP_RESIDUES = 2000
FEATURE, FIVE, TWENTY = "SAE feature", "5 SAE features", "20 SAE features"
LINEAR = "linear probe of all coordinates"
SEQUENCE = {1: "column of the sequence", 20: "20 columns of the sequence"}


def fit_and_judge(drawn: Drawn, read: Reader, fits: Sequence[Fit], n: int) -> list[list[Judged]]:
    """Of each method the fit on all drawn residues, then ``n`` on resampled clusters.

    Processor time is with that of computing what the method reads at the residues fitted.
    """
    begun = process_time()
    x, labels, known, cluster = drawn.train_sample(read)
    reading = process_time() - begun
    methods: list[Fitted] = []
    for seed in range(n + 1):
        rows = np.arange(len(cluster)) if seed == 0 else resampled_rows(cluster, seed)
        drawn_rows = x[rows], labels[rows], known[rows], cluster[rows]
        methods += [one for fit in fits for one in fit(*drawn_rows)]
    del x
    methods = [replace(one, seconds=one.seconds + reading) for one in methods]
    judged = judge(drawn, read, methods)
    of_each = len(judged) // (n + 1)
    return [judged[i::of_each] for i in range(of_each)]


def method_row(fits: Sequence[Judged], seeds: Sequence[Judged], concept: int) -> dict[str, str]:
    """A row of the table of a concept."""
    first, again = fits[0], fits[1:]
    scores = first.scores.iloc[concept]
    f1 = [fit.scores["f1"].iloc[concept] for fit in again]
    units = first.fitted.units[concept]
    same = sum(fit.fitted.units[concept] == units for fit in again)
    of_seeds = [fit.scores["f1"].iloc[concept] for fit in seeds]
    return {
        "method": first.fitted.method,
        "F1": f"{scores['f1']:.2f} [{scores['f1_low']:.2f}, {scores['f1_high']:.2f}]",
        "AUROC": f"{scores['auroc']:.2f} [{scores['auroc_low']:.2f}, {scores['auroc_high']:.2f}]",
        "F1, refitted": f"{min(f1):.2f} to {max(f1):.2f}",
        "agreement": f"{agreement(fits, concept):.2f}",
        "same unit": f"{same} of {len(again)}" if len(units) == 1 else "",
        "F1, other seeds": " ".join(f"{value:.2f}" for value in of_seeds),
        "agreement of seeds": f"{agreement([first, *seeds], concept):.2f}" if seeds else "",
        "CPU-s": f"{first.fitted.seconds:.1f}",
    }


def shares(phi: np.ndarray, share: float) -> int:
    """How many units, the largest first, have this share of the summed sizes of SHAP values.

    Examples
    --------
    >>> shares(np.array([[3.0, -1.0, 0.0], [-3.0, 1.0, 0.0]]), 0.75)
    1
    """
    size = np.sort(np.abs(phi).sum(0))[::-1]
    return int(np.searchsorted(size.cumsum(), share * size.sum() * (1 - 1e-12)) + 1)


def shap_line(drawn: Drawn, sae: str, probe: Fitted, concept: int) -> str:
    """Over how many coordinates, and how many features, the probe's logit is spread."""
    table = drawn.of_split("test")
    rows, codes, n = [], [], 0
    readers = (drawn.coordinates, drawn.features(sae))
    blocks = zip(*(read(set(table.index)) for read in readers), strict=True)
    for (names, x), (_, a) in blocks:
        own = drawn.labels(names)[0][:, concept]
        rows.append(x[own])
        codes.append(a[own].toarray())
        if (n := n + int(own.sum())) >= SHAP_RESIDUES:
            break
    x, a = np.concatenate(rows)[:SHAP_RESIDUES], np.concatenate(codes)[:SHAP_RESIDUES]
    folder = drawn.run.sae_folder(drawn.run.model, drawn.layer, sae)
    decoder = read_sae(folder)[0]["W_dec"].numpy()
    weights = np.asarray(probe.weights)[:, concept]
    background = [sample.mean(0) for sample in _background(drawn, sae)]
    of_x = linear_shap(weights, x, np.asarray(background[0]))
    of_a = linear_shap(feature_weights(weights, decoder), a, np.asarray(background[1]))
    best = np.argsort(-np.abs(of_a).sum(0))[:3]
    return (
        f"SHAP values of the linear probe at {len(x):,} test residues with {CONCEPTS[concept]}: "
        f"half of their summed size is at {shares(of_x, 0.5)} of {x.shape[1]} coordinates, and at "
        f"{shares(of_a, 0.5)} of {a.shape[1]:,} features, first "
        f"{', '.join(map(str, best.tolist()))}."
    )


def _background(drawn: Drawn, sae: str) -> Iterable[np.ndarray]:
    for read in (drawn.coordinates, drawn.features(sae)):
        yield drawn.train_sample(read)[0]


def cost_line(drawn: Drawn, seconds: float) -> str:
    """How many proteins were drawn, and what training the SAEs had taken."""
    n = drawn.proteins["split"].value_counts()
    run = drawn.run
    log = run.results / "logs" / "train" / run.model / f"layer-{drawn.layer:02d}.log"
    cost = read_cost(log)
    training = f"{cost.cpu:.0f} s" if cost else "an unknown time"
    n_saes = sum(settings.seeds for settings in run.config.train.values())
    return (
        f"Layer {drawn.layer} of {run.model}; {n['train']:,} proteins of train, {n['valid']:,} of "
        f"valid and {n['test']:,} of test. The {n_saes} SAEs of the layer, other seeds and frozen "
        f"ones among them, had taken {training} of processor time to train; all of this took "
        f"{seconds:.0f} s."
    )


def markdown(rows: Sequence[dict[str, str]]) -> str:
    """A table."""
    head = "| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]) + "\n"
    return head + "\n".join("| " + " | ".join(row.values()) + " |" for row in rows)


def into_page(text: str, tables: dict[str, str]) -> str:
    """The page with each table between its marks.

    Examples
    --------
    >>> into_page("a <!-- compared: X -->old<!-- /compared --> b", {"X": "new"})
    'a <!-- compared: X -->\\nnew\\n<!-- /compared --> b'
    """
    for name, table in tables.items():
        mark = f"<!-- compared: {name} -->"
        whole = f"{mark}\n{table}\n<!-- /compared -->"
        text, n = re.subn(
            rf"{re.escape(mark)}.*?<!-- /compared -->",
            whole.replace("\\", r"\\"),
            text,
            flags=re.DOTALL,
        )
        if not n:
            raise SystemExit(f"no {mark} in the page")
    return text


def main(argv: Sequence[str] | None = None) -> None:
    """Fit, judge, print; and write the page if one is given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results")
    parser.add_argument("--layer", type=int, default=6)
    parser.add_argument("--sae", default="topk")
    parser.add_argument("--clusters", type=int, default=400, help="most, of valid and of test")
    parser.add_argument("--residues", type=int, default=60_000, help="of train")
    parser.add_argument("--page", type=Path)
    args = parser.parse_args(argv)
    begun = process_time()
    run = RelatedRun.open(args.results)
    drawn = Drawn.of(run, args.layer, CONCEPTS, args.clusters, args.residues)
    n_seeds = run.config.train[args.sae].seeds
    x, labels, known, _ = drawn.train_sample(drawn.coordinates)
    names = set(drawn.of_split("valid").index)
    parts = [(rows, *drawn.labels(of)) for of, rows in drawn.coordinates(names)]
    valid = tuple(np.concatenate(part) for part in zip(*parts, strict=True))
    penalties = best_penalties(x, labels, known, valid)
    of_coordinates = [few({1: "coordinate"}), components("principal component")]
    of_coordinates += [few({20: "20 coordinates"}), linear(LINEAR, penalties)]
    judged = fit_and_judge(drawn, drawn.coordinates, of_coordinates, N_RESAMPLINGS)
    judged += fit_and_judge(drawn, drawn.neurons, [few({1: "MLP neuron"})], N_RESAMPLINGS)
    judged += fit_and_judge(drawn, drawn.sequence, [few(SEQUENCE)], N_RESAMPLINGS)
    few_features = [few({1: FEATURE, 5: FIVE, 20: TWENTY})]
    judged += fit_and_judge(drawn, drawn.features(args.sae), few_features, N_RESAMPLINGS)
    others = [
        fit_and_judge(drawn, drawn.features(f"{args.sae}/seed-{seed}"), few_features, 0)
        for seed in range(1, n_seeds)
    ]
    of_seeds = {
        name: [found[i][0] for found in others] for i, name in enumerate((FEATURE, FIVE, TWENTY))
    }
    order = ["coordinate", "principal component", "MLP neuron", FEATURE, FIVE, TWENTY]
    by_name = {fits[0].fitted.method: fits for fits in judged}
    tables = {}
    for number, concept in enumerate(CONCEPTS):
        rows = [
            method_row(by_name[name], of_seeds.get(name, []), number)
            for name in [*order, "20 coordinates", LINEAR, *SEQUENCE.values()]
        ]
        said = shap_line(drawn, args.sae, by_name[LINEAR][0].fitted, number)
        [column] = by_name[SEQUENCE[1]][0].fitted.units[number]
        said += f" The column of the sequence is `{NAMES[column]}`."
        scores = by_name[LINEAR][0].scores.iloc[number]
        counted = (
            f"{concept} is at {100 * scores['base_rate']:.3g} % of the test residues whose label "
            f"is known, in {int(scores['n_clusters'])} homology clusters. To call every residue "
            f"has F1 {float(always_on_f1(scores['base_rate'])):.2f}."
        )
        tables[concept] = f"{counted}\n\n{markdown(rows)}\n\n{said}"
        print(f"\n{tables[concept]}")
    tables["cost"] = cost_line(drawn, process_time() - begun)
    print(f"\n{tables['cost']}")
    if args.page:
        args.page.write_text(into_page(args.page.read_text(), tables))


if __name__ == "__main__":
    main()
