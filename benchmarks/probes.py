"""What a model's layers know linearly about structure, beside a one-hot window of the same data.

Probes are logistic regressions on the activations of a single residue, one for each layer, for
helix, strand (PDB chains, residues resolved) and transmembrane helix (TMbed's proteins). Beside
them, on the same residues: the residue itself, one-hot windows around it, and the layers of a model
of the same shape with random weights. One protein per homology cluster is used (30 % identity, 80 %
coverage), so no cluster crosses train, valid and test; layer, window and penalty are chosen on
valid, and intervals resample the proteins of test. The proteins may occur, without their labels,
among those that the model was trained on.

The model beats the window where the 95 % interval of the paired difference in AUROC, best layer -
best window, lies above 0.

    python -m benchmarks.probes --model data/model/esm2_t6_protsae.pt --check
"""

import argparse
import gzip
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from esm.model.esm2 import ESM2
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve, roc_auc_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.processor import machine
from protsae.io.json_files import write_json
from protsae.io.mmseqs import cluster_sequences
from protsae.plm.embedding import Embedder, token_budget
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import load_esm
from protsae.plm.esm2.places import Place
from protsae.plm.esm2.pretraining import new_esm2
from protsae.statistics.cluster_intervals import bootstrap_weights, interval

CONCEPTS = {
    "FLIP_secondary_structure": {"helix": "H", "strand": "E"},
    "TMbed": {"transmembrane": "Hh"},  # orientation in upper and lower case; B is a beta strand
}
"""Label letters of each concept, by set of the label file."""

UNKNOWN = "U"
PARTS = ("train", "valid", "test")
RESIDUES = (40_000, 20_000, 40_000)
"""Most residues used of each part."""

PENALTIES = (1e-3, 3e-2, 1.0)
"""scikit-learn's C."""

WINDOWS = {"residue": 0, "window 7": 7, "window 10": 10}
"""Residues seen on each side."""

STANDARD = "ACDEFGHIKLMNPQRSTVWY"
RESAMPLINGS = 400


@dataclass(frozen=True)
class Residues:
    """Labelled residues in the order of proteins and positions; arrays of shape (n_residues,).

    Attributes
    ----------
    protein, position : int64
        Index into the sequences, and 0-based position.
    part : int64
        Index into ``PARTS``.
    label : str
        One letter each.
    """

    protein: np.ndarray
    position: np.ndarray
    part: np.ndarray
    label: np.ndarray


@dataclass(frozen=True)
class Probe:
    """A fitted probe: AUROC on valid, scores of the test residues, threshold of the best F1."""

    valid_auroc: float
    scores: np.ndarray
    threshold: float


def main() -> None:
    """Embed, fit, compare."""
    args = parse_arguments()
    if not Path(args.labels).is_file():
        sys.exit(f"{args.labels}: no such file; expected gzipped JSON lines of residue labels")
    print(machine(), flush=True)
    torch.set_num_threads(1)
    loaded = load_esm(args.model, "cpu")
    model = loaded.model
    random = new_esm2(model.num_layers, model.embed_dim, model.attention_heads, args.seed).eval()
    labelled = read_labels(Path(args.labels), args.longest)
    began = time.monotonic()
    tables, comparisons = [], []
    with threadpool_limits(args.threads):
        for name, concepts in CONCEPTS.items():
            rows = labelled[labelled["set"] == name].reset_index(drop=True)
            sequences, residues = sample(rows, "".join(concepts.values()), args)
            print(f"{name}: {describe(residues)}", file=sys.stderr)
            features = {
                **{kind: one_hot(sequences, residues, w) for kind, w in WINDOWS.items()},
                **by_layer("layer", activations(model, sequences, residues, args.threads)),
                **by_layer("random layer", activations(random, sequences, residues, args.threads)),
            }
            for concept, letters in concepts.items():
                y = np.isin(residues.label, list(letters))
                probes = {kind: fit(x, y, residues.part) for kind, x in features.items()}
                table, comparison = compare(probes, residues, y, args.seed)
                tables.append(table.assign(concept=concept))
                comparisons.append({"concept": concept, **comparison})
                print(f"\n{concept}: {y[residues.part == 2].mean():.3f} of the test residues")
                print(table.to_string(index=False))
    print(f"\n{loaded.name} ({model.num_layers} x {model.embed_dim}), best layer - best window")
    print(pd.DataFrame(comparisons).to_string(index=False))
    print(f"{(time.monotonic() - began) / 60:.1f} min, {args.threads} threads", file=sys.stderr)
    figures = {
        "model": loaded.name,
        "weights_sha256": loaded.weights_sha256,
        "proteins": {"train": args.n_train, "valid": args.n_valid, "test": args.n_test},
        "comparisons": comparisons,
    }
    if args.output:
        probes_table = pd.concat(tables).to_dict(orient="records")
        write_json(Path(args.output), {**figures, "probes": probes_table})
    short = [row for row in comparisons if float(row["low"]) <= 0]
    for row in short:
        print(f"short: {row['concept']}: the interval of the difference reaches {row['low']}")
    print(json.dumps({row["concept"]: row["difference"] for row in comparisons}))
    if args.check and short:
        sys.exit(1)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="data/model/esm2_t6_protsae.pt", help="fair-esm's .pt")
    parser.add_argument("--labels", default="../shared/data/residue_labels.jsonl.gz")
    parser.add_argument("--n-train", type=int, default=600, help="proteins of each set")
    parser.add_argument("--n-valid", type=int, default=200)
    parser.add_argument("--n-test", type=int, default=300)
    parser.add_argument("--longest", type=int, default=1000, help="longest protein used")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", help="JSON file for all figures")
    parser.add_argument("--check", action="store_true", help="exit 1 if a window is not beaten")
    return parser.parse_args()


def read_labels(path: Path, longest: int) -> pd.DataFrame:
    """Columns set, sequence, labels; unresolved residues are labelled ``UNKNOWN``."""
    rows = []
    with gzip.open(path, "rt") as handle:
        for record in map(json.loads, handle):  # pandas would read a mask of 0 and 1 as a number
            if len(record["sequence"]) <= longest:
                labels = np.array(list(record["labels"]))
                mask = np.array(list(record.get("resolved_mask", "1" * len(labels))))
                labels[mask == "0"] = UNKNOWN
                rows.append((record["set"], record["sequence"], "".join(labels)))
    return pd.DataFrame(rows, columns=["set", "sequence", "labels"])


def sample(
    rows: pd.DataFrame, positive: str, args: argparse.Namespace
) -> tuple[list[str], Residues]:
    """Proteins split by homology cluster, and residues of them with a known label."""
    rng = np.random.default_rng(args.seed)
    cluster = cluster_sequences(
        rows["sequence"].tolist(), identity=0.3, coverage=0.8, threads=args.threads
    )
    has_positive = np.array([bool(set(labels) & set(positive)) for labels in rows["labels"]])
    chosen = choose_proteins(cluster, has_positive, (args.n_train, args.n_valid, args.n_test), rng)
    rows = rows.iloc[np.concatenate(chosen)]
    part_of_protein = np.repeat(np.arange(len(PARTS)), [len(part) for part in chosen])
    lengths = rows["sequence"].str.len().to_numpy()
    label = np.array(list("".join(rows["labels"])))
    protein = np.repeat(np.arange(len(rows)), lengths)
    position = np.concatenate([np.arange(length) for length in lengths])
    part = part_of_protein[protein]
    kept = []
    for index, most in enumerate(RESIDUES):
        known = np.flatnonzero((part == index) & (label != UNKNOWN))
        kept.append(rng.choice(known, min(most, len(known)), replace=False))
    at = np.sort(np.concatenate(kept))
    return rows["sequence"].tolist(), Residues(protein[at], position[at], part[at], label[at])


def choose_proteins(
    cluster: np.ndarray, has_positive: np.ndarray, sizes: Sequence[int], rng: np.random.Generator
) -> list[np.ndarray]:
    """Indices of the proteins of each part: one of each cluster, at most half without a positive.

    Where there are too few proteins, all parts shrink alike.

    Examples
    --------
    >>> positive = np.arange(16) < 6
    >>> rng = np.random.default_rng(0)
    >>> parts = choose_proteins(np.arange(16), positive, sizes=(4, 2, 2), rng=rng)
    >>> [np.sort(positive[part]).tolist() for part in parts]
    [[False, False, True, True], [False, True], [False, True]]
    """
    shuffled = rng.permutation(len(cluster))
    _, first = np.unique(cluster[shuffled], return_index=True)
    single = rng.permutation(shuffled[first])
    groups = single[has_positive[single]], single[~has_positive[single]]
    share = min(0.5, len(groups[1]) / len(single))
    parts: list[list[np.ndarray]] = [[] for _ in sizes]
    for group, wanted in zip(groups, (1 - share, share), strict=True):
        n_chosen = min(len(group), round(wanted * sum(sizes)))
        ends = np.round(np.cumsum(sizes) / sum(sizes) * n_chosen).astype(int)
        for part, piece in zip(parts, np.split(group[:n_chosen], ends[:-1]), strict=True):
            part.append(piece)
    return [np.sort(np.concatenate(part)) for part in parts]


def describe(residues: Residues) -> str:
    """How many proteins and residues each part has."""
    return ", ".join(
        f"{part} {len(np.unique(residues.protein[residues.part == index])):,} proteins "
        f"({(residues.part == index).sum():,} residues)"
        for index, part in enumerate(PARTS)
    )


def one_hot(sequences: Sequence[str], residues: Residues, flank: int) -> sparse.csr_matrix:
    """Letters at ``flank`` positions on each side and in the middle, 21 columns a position.

    The 21st column is any letter that is not standard, or none: outside the protein.

    Examples
    --------
    >>> one = np.array([0])
    >>> one_hot(["AC"], Residues(one, one, one, one), flank=1).indices.tolist()
    [20, 21, 43]
    """
    n_letters = len(STANDARD) + 1
    number = np.full(128, n_letters - 1)
    number[[ord(letter) for letter in STANDARD]] = np.arange(n_letters - 1)
    padded = [number[list(f"{'-' * flank}{s}{'-' * flank}".encode())] for s in sequences]
    starts = np.cumsum([0, *map(len, padded)])[:-1]
    width = 2 * flank + 1
    at = starts[residues.protein] + residues.position
    letters = np.concatenate(padded)[at[:, None] + np.arange(width)]
    columns = (letters + n_letters * np.arange(width)).ravel()
    return sparse.csr_matrix(
        (
            np.ones(columns.size, np.float32),
            columns,
            np.arange(0, columns.size + 1, width),
        ),
        shape=(len(at), width * n_letters),
    )


def activations(
    model: ESM2, sequences: Sequence[str], residues: Residues, threads: int
) -> dict[Place, np.ndarray]:
    """Every layer's activations of the residues, float32, shape (n_residues, d_model)."""
    layers = range(model.num_layers + 1)
    embedder = Embedder(
        FusedEsm2(model),
        dict.fromkeys(layers, torch.float32),
        tokens_per_batch=token_budget(model, len(layers), torch.float32, threads),
        workers=threads,
    )
    n_residues = len(residues.protein)
    shape = (n_residues, model.embed_dim)
    found: dict[Place, np.ndarray] = {layer: np.full(shape, np.nan, np.float32) for layer in layers}
    bounds = np.searchsorted(residues.protein, np.arange(len(sequences) + 1))
    for piece in embedder(sequences):
        own = np.arange(bounds[piece.protein], bounds[piece.protein + 1])
        at = residues.position[own] - piece.start
        inside = (at >= 0) & (at < len(piece.rows[0]))
        for layer, rows in piece.rows.items():
            found[layer][own[inside]] = rows[at[inside]]
    return found


def by_layer(name: str, found: dict[Place, np.ndarray]) -> dict[str, np.ndarray]:
    """Layer numbers as names."""
    return {f"{name} {layer}": rows for layer, rows in found.items()}


def fit(x: np.ndarray | sparse.csr_matrix, y: np.ndarray, part: np.ndarray) -> Probe:
    """Logistic regression on train; penalty and threshold from valid."""
    train, valid, test = (np.flatnonzero(part == index) for index in range(len(PARTS)))
    if not sparse.issparse(x):
        x = StandardScaler().fit(x[train]).transform(x)
    best: tuple[float, LogisticRegression] | None = None
    for penalty in PENALTIES:
        probe = LogisticRegression(C=penalty, max_iter=300, tol=1e-3).fit(x[train], y[train])
        auroc = roc_auc_score(y[valid], probe.decision_function(x[valid]))
        if best is None or auroc > best[0]:
            best = auroc, probe
    assert best is not None
    auroc, probe = best
    precision, recall, thresholds = precision_recall_curve(
        y[valid], probe.decision_function(x[valid])
    )
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    threshold = thresholds[f1[:-1].argmax()]
    return Probe(float(auroc), probe.decision_function(x[test]), float(threshold))


def compare(
    probes: dict[str, Probe], residues: Residues, y: np.ndarray, seed: int
) -> tuple[pd.DataFrame, dict[str, str | float]]:
    """Metrics of every probe on test, and the best layer's AUROC less the best window's."""
    test = residues.part == PARTS.index("test")
    _, protein = np.unique(residues.protein[test], return_inverse=True)
    weights = bootstrap_weights(int(protein.max()) + 1, RESAMPLINGS, seed)
    everything = np.ones((1, weights.shape[1]))
    resampled, points = (
        {name: metrics(probe, y[test], protein, w) for name, probe in probes.items()}
        for w in (weights, everything)
    )
    lines = []
    for name, probe in probes.items():
        line: dict[str, str | float] = {"probe": name, "valid AUROC": round(probe.valid_auroc, 4)}
        for metric, values in resampled[name].items():
            low, high = interval(values)
            line[metric] = round(float(points[name][metric][0]), 4)
            line[f"{metric} 95 %"] = f"{low:.3f} to {high:.3f}"
        lines.append(line)

    def best(kind: str) -> str:
        named = [name for name in probes if name.startswith(kind)]
        return max(named, key=lambda name: probes[name].valid_auroc)

    layer, window, random = best("layer"), best("window"), best("random")
    low, high = interval(resampled[layer]["AUROC"] - resampled[window]["AUROC"])
    auroc = {name: float(points[name]["AUROC"][0]) for name in (layer, window, random)}
    precision = {name: float(points[name]["AP"][0]) for name in (layer, window)}
    comparison: dict[str, str | float] = {
        "layer": layer,
        "window": window,
        "AUROC": round(auroc[layer], 4),
        "window AUROC": round(auroc[window], 4),
        "difference": round(auroc[layer] - auroc[window], 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "AP": round(precision[layer], 4),
        "window AP": round(precision[window], 4),
        "random AUROC": round(auroc[random], 4),
    }
    return pd.DataFrame(lines), comparison


def metrics(
    probe: Probe, y: np.ndarray, protein: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """AUROC, average precision and F1 with proteins weighted, shape (n_resamplings,) each.

    Parameters
    ----------
    y, protein : ndarray, shape (n_residues,)
        Truth, and index of the protein.
    weights : ndarray, shape (n_resamplings, n_proteins)
    """
    order = np.argsort(-probe.scores, kind="stable")
    scores, y, protein = probe.scores[order], y[order], protein[order]
    # Equal scores are one step of the curves.
    steps = np.flatnonzero(np.diff(scores, prepend=np.inf))
    above = int((scores >= probe.threshold).sum())
    found: dict[str, list[np.ndarray]] = {"AUROC": [], "AP": [], "F1": []}
    for some in np.array_split(weights, max(1, len(weights) // 20)):
        weight = some[:, protein]
        positive = np.add.reduceat(weight * y, steps, axis=1)
        negative = np.add.reduceat(weight * ~y, steps, axis=1)
        hits, alarms = positive.cumsum(1), negative.cumsum(1)
        n_positive, n_negative = hits[:, -1], alarms[:, -1]
        with np.errstate(divide="ignore", invalid="ignore"):  # no positive, or none yet
            pairs = (negative * (hits - positive / 2)).sum(1)
            found["AUROC"].append(pairs / (n_positive * n_negative))
            precision = np.nan_to_num(hits / (hits + alarms))
            found["AP"].append((positive * precision).sum(1) / n_positive)
            right = (weight * y)[:, :above].sum(1)
            found["F1"].append(2 * right / (weight[:, :above].sum(1) + n_positive))
    return {name: np.concatenate(values) for name, values in found.items()}


if __name__ == "__main__":
    main()
