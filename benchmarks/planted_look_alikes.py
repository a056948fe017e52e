"""Do probabilities hold where look-alikes are more common, or their rate is wrong? Planted.

Proteins of homology clusters of very unequal size; relatives share labels and most of the
activations. A feature is for transmembrane segments and is on at signal peptides, too, as planted
by a reader who had not written the method; another feature is for signal peptides. Likelihood
ratios come from valid. They are then used on proteins of a new population, at its base rates:
expected residues by observed ones, without look-alikes and with them. Worlds, one name each:

- plain: signal peptides anywhere. at the start: at the start of chains, as in nature.
- leaking: the feature is on around signal peptides as well.
- half annotated: half of the clusters with a signal peptide are not annotated.
- beside: signal peptides also follow each transmembrane segment at once.
- on at both: the feature for signal peptides is also on at transmembrane segments.
- no look-alike: the feature is on at signal peptides as often as elsewhere.

    python -m benchmarks.planted_look_alikes --worlds 12 --check
"""

import argparse
import sys
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from protsae.association.pairs.held_out_labels import HeldOut
from protsae.association.pairs.held_out_scores import examine
from protsae.association.pairs.layer_data import Layer
from protsae.concepts.concept_table import ConceptTable
from protsae.config.stage_settings import AnnotateSettings
from protsae.detectors.activations import Encoded, sparse_rows
from protsae.io.progress import progress
from protsae.probabilities.activation_probabilities import ActivationProbabilities
from protsae.probabilities.feature_calibration import calibrate

LENGTH, SPAN, N_CLUSTERS = 150, 20, 600
"""Residues of a protein and of a concept; clusters of each of valid, test and new proteins."""
COPIED = 0.85
"""Share of the residues at which relatives are on or off alike."""
MORE, WRONG = 5, 5
"""How many times as common look-alikes are in new proteins; by what factor their rate is wrong."""
USUAL = 0.08
"""Share of clusters with a signal peptide in the proteins that ratios are taken from."""
SPLITS = ("train", "valid", "test")
RATES = {"rate too low": (0.75, 1.3), "rate too high": (0.7, 1.25)}
WITHIN = {"more common": (0.8, 1.2), **RATES}
"""Expected by observed residues that are asked for in the median world."""
FOUND = ("plain", "at the start", "leaking", "half annotated")
"""Kinds in which the look-alike is to be found; where it is not, more common ones do their harm."""
LEAST_FOUND, MOST_FOUND = 0.75, 0.1
"""Share of worlds in which it is at least to be found there, and at most where there is none."""


@dataclass(frozen=True)
class Kind:
    """What is planted; rates are those at which a residue is on.

    Attributes
    ----------
    wrong : float
        Rate of the feature for transmembrane segments at signal peptides.
    around : float
        The same within eight residues of them.
    both : float
        Rate of the feature for signal peptides at transmembrane segments.
    annotated : float
        Share of clusters with a signal peptide that say so.
    at_start, follows : bool
        Signal peptides are at the start; they also follow each transmembrane segment.
    """

    wrong: float = 0.5
    around: float = 0.01
    both: float = 0.0005
    annotated: float = 1.0
    at_start: bool = False
    follows: bool = False


KINDS = {
    "plain": Kind(),
    "at the start": Kind(at_start=True),
    "leaking": Kind(around=0.2),
    "half annotated": Kind(annotated=0.5),
    "beside": Kind(follows=True),
    "on at both": Kind(both=0.3),
    "no look-alike": Kind(wrong=0.01),
}


@dataclass(frozen=True, eq=False)
class Proteins:
    """Of one population; arrays of shape (n_proteins, LENGTH).

    Attributes
    ----------
    cluster : ndarray of int, shape (n_proteins,)
    membrane, said : ndarray of bool
        Residues in transmembrane segments, and in annotated signal peptides.
    activations : ndarray of float32, shape (n_proteins, LENGTH, 2)
    """

    cluster: np.ndarray
    membrane: np.ndarray
    said: np.ndarray
    activations: np.ndarray


def draw(rng: np.random.Generator, kind: Kind, signal_share: float) -> Proteins:
    """Proteins with a signal peptide in this share of clusters."""
    place = np.arange(LENGTH)
    first = rng.integers(SPAN, LENGTH - 2 * SPAN, (N_CLUSTERS, 2))
    has_membrane, has_signal = rng.random((2, N_CLUSTERS)) < [[0.25], [signal_share]]
    first[:, 1] = np.where(kind.at_start, 1, first[:, 1])
    if kind.follows:
        first[:, 1] = np.where(has_membrane, first[:, 0] + SPAN, first[:, 1])
        has_signal |= has_membrane
    since = place - first.T[:, :, None]
    inside = (since >= 0) & (since < SPAN)
    membrane, signal = inside & np.stack([has_membrane, has_signal])[:, :, None]
    signal &= ~membrane
    elsewhere = 0.01 * rng.lognormal(-0.25, 0.7, N_CLUSTERS)[:, None]
    around = (abs(since[1] - SPAN / 2) <= SPAN / 2 + 8) & has_signal[:, None]
    rate = np.where(around, np.maximum(kind.around, elsewhere), elsewhere)
    for where, mean in ((signal, kind.wrong), (membrane, 0.7)):
        rate = np.where(where, rng.beta(8 * mean, 8 * (1 - mean), N_CLUSTERS)[:, None], rate)
    marked = np.where(signal, 0.7, np.where(membrane, kind.both, 0.0005))
    sizes = np.ceil(rng.pareto(1, N_CLUSTERS)).clip(1, 40).astype(np.int64)
    of_protein = np.repeat(np.arange(N_CLUSTERS), sizes)
    draws = rng.random((2, N_CLUSTERS, LENGTH))[:, of_protein]
    anew = rng.random(draws.shape) > COPIED
    draws[anew] = rng.random(anew.sum())
    on = draws < np.stack([rate, marked])[:, of_protein]
    strength = rng.gamma(np.where(membrane | signal, 4.0, 1.5))[of_protein]
    said = signal & (rng.random(N_CLUSTERS) < kind.annotated)[:, None]
    activations = (np.moveaxis(on, 0, 2) * strength[:, :, None]).astype(np.float32)
    return Proteins(of_protein, membrane[of_protein], said[of_protein], activations)


def build_layer(parts: dict[str, Proteins]) -> tuple[Layer, Encoded]:
    """A layer of train, valid and test."""
    tables, rows = [], []
    activations: dict[str, np.ndarray] = {}
    for split, own in parts.items():
        names = [f"{split}{number}" for number in range(len(own.cluster))]
        clusters = [f"{split}-{number}" for number in own.cluster]
        table = pd.DataFrame({"accession": names, "cluster": clusters, "split": split})
        tables.append(table.assign(sequence="A" * LENGTH, length=LENGTH))
        activations |= dict(zip(names, own.activations, strict=True))
        for concept, where in (("TRANSMEM", own.membrane), ("SIGNAL", own.said)):
            for number in np.flatnonzero(where.any(1)):
                spans = np.flatnonzero(where[number])
                rows.append((names[number], concept, "", spans[0] + 1, spans[-1] + 1))
    annotations = pd.DataFrame(rows, columns=["accession", "type", "description", "start", "end"])
    proteins = pd.concat(tables, ignore_index=True)
    concepts = ConceptTable.build(proteins, annotations, min_residues=10, min_clusters=3)
    settings = AnnotateSettings(bootstrap=1)

    def read(names: set[str], max_rows: int) -> Iterator[tuple[list[str], np.ndarray]]:
        return (([name], rows) for name, rows in activations.items() if name in names)

    return Layer(proteins, concepts, settings), Encoded(read, np.asarray, 2)


def measure(kind: Kind, seed: int) -> dict[str, float]:
    """Whether the look-alike is found, and expected by observed residues without it and with it."""
    rng = np.random.default_rng(seed)
    layer, codes = build_layer({split: draw(rng, kind, USUAL) for split in SPLITS})
    examined = examine(layer, HeldOut.of(layer), codes)
    table = calibrate(layer, codes, examined)
    none = "protsae.probabilities.feature_calibration.find_look_alikes"
    with patch(none, lambda _, scored, __: [None] * len(scored)):
        plain = calibrate(layer, codes, examined)
    own = table[(table["feature"] == 0) & (table["concept"] == "TRANSMEM")]
    found = {"found": float((own["look_alike"] == "SIGNAL").all())}
    more, same = (draw(rng, kind, share) for share in (MORE * USUAL, USUAL))
    for name, new, off in (
        ("more common", more, 1.0),
        ("rate too low", same, 1 / WRONG),
        ("rate too high", same, WRONG),
    ):
        found[name] = expected_by_observed(table, new, off)
        found[f"{name}, without"] = expected_by_observed(plain, new, off)
    return found


def expected_by_observed(calibration: pd.DataFrame, new: Proteins, off: float) -> float:
    """Of the residues at which the first feature is on; the look-alike's rate is so far off."""
    rates = {"TRANSMEM": new.membrane.mean(), "SIGNAL": min(new.said.mean() * off, 1.0)}
    pairs = pd.DataFrame({"feature": [0, 1], "concept": list(rates)})
    pairs = pairs.assign(reference_base_rate=0.0, base_rate=0.0)
    probabilities = ActivationProbabilities.of(pairs, calibration, rates)
    codes = sparse_rows(new.activations.reshape(-1, 2))
    lengths = np.full(len(new.cluster), LENGTH)
    value = new.activations[:, :, 0].ravel()
    rows = np.flatnonzero(value > 0)
    own = np.zeros(len(rows), dtype=np.int64)
    near = probabilities.near_look_alikes(codes, lengths)
    named = probabilities.beside_look_alike(own, rows, near)
    [probability, _, _] = probabilities.at(own, value[rows], pd.notna(named))
    counted = ~np.isnan(probability)
    return float(probability[counted].sum() / new.membrane.ravel()[rows[counted]].sum())


def main() -> None:
    """Measure and print; with ``--check`` end with 1 if a median is not `WITHIN`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=12)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    every = [(name, seed) for name in KINDS for seed in range(args.worlds)]
    rows = [
        {"world": name, **measure(KINDS[name], seed)}
        for name, seed in progress(every, "planting", "worlds")
    ]
    kinds = pd.DataFrame(rows).groupby("world", sort=False)
    medians = kinds.median().assign(found=kinds["found"].mean())
    print(medians.round(2).to_string())
    failed = [str(row["world"]) for row in medians.reset_index().to_dict("records") if fails(row)]
    if args.check and failed:
        sys.exit(f"not as asked for: {', '.join(failed)}")


def fails(row: Mapping[Hashable, Any]) -> bool:
    """Whether a kind of world is not as asked for."""
    if row["world"] == "no look-alike" and row["found"] > MOST_FOUND:
        return True
    if row["world"] in FOUND and row["found"] < LEAST_FOUND:
        return True
    asked = WITHIN if row["world"] in FOUND else RATES
    return not all(low <= row[name] <= high for name, (low, high) in asked.items())


if __name__ == "__main__":
    main()
