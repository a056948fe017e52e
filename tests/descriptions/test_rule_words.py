"""Sentences of features: what is said when, and only then."""

import numpy as np
import pandas as pd
import pytest

from protsae.descriptions.rule_words import label_of, motif_words, sentence_of, synonyms_of
from protsae.descriptions.terms import Annotated, Neighbour, Terms, to_json
from protsae.features.pattern_kinds import KINDS
from protsae.references.rules.sequence_rules import Letters, Place, Share

NAMED = {
    "label": "W",
    "confidence": "high",
    "rule": to_json((Letters("W"),)),
    **{"auroc": 0.9, "auroc_low": 0.8, "auroc_high": 0.95, "recall": 0.75, "precision": 0.5},
    **{"known_share": 1.0, "n_clusters": 20, "p_value": 0.001, "q_value": 0.01},
}
UNKNOWN = NAMED | {"confidence": "unknown"}
MANY = {"activation_clusters": 12.0, "kind": "point", "concept": None}
PLACE = " It is strongly active at single residues; no concept was kept for it."


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
    assert sentence_of(row, MANY) == sentence + PLACE
    few = sentence_of(row, MANY | {"activation_clusters": 1.5})
    assert few == f"{sentence}{PLACE} Most of its activation is in one or two homology clusters."


def test_a_motif_follows_the_concept() -> None:
    motif = "Enriched around its peaks: W at the peak."
    said = sentence_of(NAMED, MANY | {"motif": motif, "activation_clusters": 1.5})
    assert f"{PLACE} {motif} Most of its activation" in said
    assert sentence_of(NAMED, MANY | {"motif": np.nan}).endswith(PLACE)


def test_a_motif_names_the_four_most_informative_offsets() -> None:
    logo = pd.DataFrame(
        {
            "feature": [4, 4, 4, 4, 4, 4, 6, 5],
            "offset": [-3, -1, 0, 1, 2, 5, 0, 2],
            "enriched": ["K", "ST", "C", "G", None, "P", None, "W"],
            "information": [0.4, 0.9, 3.0, 0.2, 9.0, 1.1, 1.0, 0.1],
        }
    )
    assert motif_words(logo) == {
        4: "Enriched around its peaks: K 3 residues before, S and T 1 residue before, C at the "
        "peak, P 5 residues after.",
        5: "Enriched around its peaks: W 2 residues after.",
    }
    assert motif_words(logo[logo["enriched"].isna()]) == {}
    assert motif_words(logo[:0]) == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("q", [0.0123, 0.051, np.nan, None])
@pytest.mark.parametrize("low", [0.25, np.nan])
def test_what_is_said_of_kind_and_concept(kind: str, q: float | None, low: float) -> None:
    """A q-value stands only where the pair is called, an interval only where there is one."""
    evidence = {"activation_clusters": 9.0, "kind": kind, "segment_length": 7.4, "f1": 0.5}
    evidence |= {"concept": "DISULFID", "q_value": q, "f1_low": low, "f1_high": 0.75}
    said = sentence_of(NAMED, evidence).split("]). ")[1]
    if kind == "dead":
        assert said == "It is active at no test residue."
        return
    interval = " [0.25, 0.75]" if low == 0.25 else ""
    called = f" is disulfide bond (F1 0.50{interval}, q = 0.012)."
    not_called = ", disulfide bond, is not called."
    assert said.endswith("; its best concept" + (called if q == 0.0123 else not_called))
    lengths = {"short motif", "medium motif", "domain"}
    assert ("segments of about 7 residues;" in said) == (kind in lengths)
    assert ("terminus" in said) == ("terminal" in kind)


@pytest.mark.parametrize(
    ("rule", "label"),
    [
        ((Place("N", 1, 1),), "Residue 1"),
        ((Letters("L"), Place("N", 1, 20)), "L in residues 1–20"),  # noqa: RUF001 (en dash)
        ((Neighbour("G", 1),), "Residues with G at +1"),
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
