"""Sentences of features: what is said when, and only then."""

import numpy as np
import pytest

from protsae.descriptions.rule_words import label_of, sentence_of, synonyms_of
from protsae.descriptions.terms import Annotated, Neighbour, Terms, to_json
from protsae.references.rules.sequence_rules import Letters, Place, Share

NAMED = {
    "label": "W",
    "confidence": "high",
    "rule": to_json((Letters("W"),)),
    **{"auroc": 0.9, "auroc_low": 0.8, "auroc_high": 0.95, "recall": 0.75, "precision": 0.5},
    **{"known_share": 1.0, "n_clusters": 20, "p_value": 0.001, "q_value": 0.01},
}
UNKNOWN = NAMED | {"confidence": "unknown"}
MANY = {"activation_clusters": 12.0}


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            NAMED,
            "W: 75% of the activation is there, and the feature is active at 50% of these residues "
            "(AUROC 0.90 [0.80, 0.95]).",
        ),
        (
            NAMED | {"known_share": 0.33},
            "W: 75% of the activation at residues with known labels (33% of all) is there, and the "
            "feature is active at 50% of these residues (AUROC 0.90 [0.80, 0.95]).",
        ),
        (
            UNKNOWN | {"q_value": 0.051},
            "No rule is certain; the best one (W) has AUROC 0.90 [0.80, 0.95] (q 0.051).",
        ),
        (UNKNOWN | {"rule": None}, "No rule tells where it is active."),
        (UNKNOWN | {"rule": np.nan, "auroc": np.nan}, "No rule tells where it is active."),
        (
            UNKNOWN | {"n_clusters": 9, "p_value": np.nan},
            "Active in 9 homology clusters of test: too few to tell.",
        ),
        (
            UNKNOWN | {"auroc": np.nan, "p_value": np.nan},
            "Active at nearly all residues with known labels: nothing to tell them from.",
        ),
        (
            UNKNOWN | {"p_value": np.nan},
            "Active in too few homology clusters with known labels to tell.",
        ),
    ],
)
def test_sentences(row: dict[str, object], sentence: str) -> None:
    assert sentence_of(row, MANY) == sentence
    few = sentence_of(row, {"activation_clusters": 1.5})
    assert few == f"{sentence} Most of its activation is in one or two homology clusters."


@pytest.mark.parametrize(
    ("rule", "label"),
    [
        ((Place("N", 1, 1),), "Residue 1"),
        ((Letters("L"), Place("N", 1, 20)), "L in residues 1–20"),  # noqa: RUF001 (en dash)
        ((Neighbour("G", 1),), "Residues with G 1 residue after"),
        (
            (Share("A", 9, 20, True), Annotated("TRANSMEM")),
            "Transmembrane segment with at least 20 % A within ± 9",
        ),
        (
            (Annotated("SIGNAL", "after"), Letters("aromatic")),
            "Aromatic residue in the 5 residues after signal peptide",
        ),
    ],
)
def test_labels(rule: Terms, label: str) -> None:
    assert label_of(rule) == label


def test_synonyms_of_all_annotations_once() -> None:
    rule = (Annotated("HELIX"), Annotated("STRAND"), Letters("C"))
    assert synonyms_of(rule) == "alpha helix, secondary structure, beta sheet"
    assert synonyms_of((Letters("C"),)) is None
