"""Where test entries may lack an annotation, by a layer's own features, and how far to trust it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.pairs.selection import best_rows
from protsae.association.scoring.metrics import CALLED_Q
from protsae.concepts.uniprot.spans import Spans
from protsae.detectors.activations import Codes
from protsae.missing_annotations.active_segments import Detectors, find_segments
from protsae.missing_annotations.calibration import Recovery, hidden_recovery, hide_instances
from protsae.missing_annotations.candidate_ranking import (
    activation_quantiles,
    annotated_share,
    rank_candidates,
)

NEAR = 5
"""Residues from an annotated instance that still count as its place."""
MIN_PROBABILITY = 0.5
"""Lowest probability of a candidate that is kept."""
HIDDEN_SHARE = 0.2
"""Share of the instances in test that are hidden to see whether they are found again."""


@dataclass(frozen=True)
class Missing:
    """Candidates for missing annotation, and the test of the method.

    Attributes
    ----------
    candidates : DataFrame
        Of test proteins, columns as in docs/tables.md.
    recovery : Recovery
        With ``HIDDEN_SHARE`` of the instances hidden; concepts by name.
    """

    candidates: pd.DataFrame
    recovery: Recovery


def missing_annotation(layer: Layer, codes: Codes, examined: Examined) -> Missing | None:
    """Rank the segments at which features are on as at a concept that the entry lacks.

    Of the concepts with instances (UniProt's), each is looked for by the one feature that is best
    for it on valid, if its pair has a q-value of at most ``CALLED_Q``. Probabilities come from
    train, whose labels had no say in that choice: on valid the best of many features are flattered,
    the more so the fewer clusters it has. None if there is no such pair.
    """
    pairs = examined.pairs
    names = [named.name for named in layer.concepts.concepts]
    number = pairs["concept"].map({name: place for place, name in enumerate(names)}).to_numpy()
    called = (pairs["q_value"] <= CALLED_Q).to_numpy()
    usable = np.flatnonzero(called & layer.concepts.has_instances[number])
    if not len(usable):
        return None
    best = usable[best_rows(number[usable], pairs["valid_f1"].to_numpy()[usable])]
    features = np.unique(pairs["feature"].to_numpy()[best])
    detectors = Detectors(
        np.searchsorted(features, pairs["feature"].to_numpy()[best]),
        number[best],
        pairs["threshold"].to_numpy()[best],
    )
    sample = sparse.csc_array(examined.train_sample[:, features])
    train = _train_segments(layer, codes, features, detectors)
    quantile = activation_quantiles(sample, *_peaks(train))
    share = annotated_share(
        train["pair"].to_numpy(), quantile, train["annotated"].to_numpy(), len(best)
    )
    activations = layer.matrix(codes, "test", features)
    of_test = _Residues.of(layer, layer.of_split("test"), activations)

    def ranked(spans: Spans) -> pd.DataFrame:
        found = of_test.segments(detectors, spans)
        return rank_candidates(found, activation_quantiles(sample, *_peaks(found)), share)

    spans = of_test.spans.take(np.isin(of_test.spans.column, number[best]))
    hidden = hide_instances(spans.column, HIDDEN_SHARE, layer.settings.seed)
    recovery = hidden_recovery(
        ranked(spans.take(~hidden)), of_test.accessions, spans, hidden, HIDDEN_SHARE, NEAR
    )
    candidates = ranked(spans)
    candidates = candidates[candidates["probability"] >= MIN_PROBABILITY].drop(columns="pair")
    candidates["feature"] = features[candidates["feature"].to_numpy()]
    by_name = np.array(names, dtype=object)
    candidates["concept"] = by_name[candidates["concept"].to_numpy()]
    named = recovery.concepts.assign(concept=by_name[recovery.concepts["concept"].to_numpy()])
    return Missing(candidates.reset_index(drop=True), Recovery(named, recovery.reliability))


def _train_segments(
    layer: Layer, codes: Codes, features: np.ndarray, detectors: Detectors
) -> pd.DataFrame:
    """Segments in all of train, read some proteins at a time: it is the largest split."""
    parts = []
    for proteins, rows in layer.blocks(codes, layer.names("train")):
        of_block = _Residues.of(layer, proteins, sparse.csc_array(rows[:, features]))
        parts.append(of_block.segments(detectors, of_block.spans))
    return pd.concat(parts, ignore_index=True)


def _peaks(segments: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return segments["feature"].to_numpy(), segments["activation"].to_numpy()


@dataclass(frozen=True)
class _Residues:
    """Activations of a few features in some proteins, and what is annotated there."""

    accessions: list[str]
    lengths: np.ndarray
    activations: sparse.csc_array
    spans: Spans
    known: np.ndarray
    known_column: np.ndarray

    @classmethod
    def of(cls, layer: Layer, proteins: pd.DataFrame, activations: sparse.csc_array) -> "_Residues":
        accessions = proteins["accession"].tolist()
        concepts = layer.concepts
        return cls(
            accessions,
            proteins["length"].to_numpy(),
            activations,
            concepts.instances(accessions),
            concepts.known(accessions),
            concepts.known_column,
        )

    def segments(self, detectors: Detectors, spans: Spans) -> pd.DataFrame:
        return find_segments(
            *(detectors, self.activations, self.accessions, self.lengths, spans),
            *(self.known, self.known_column, NEAR),
        )
