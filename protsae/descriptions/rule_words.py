"""Rules in words: labels and sentences."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from protsae.association.scoring.metrics import CALLED_Q
from protsae.concepts.uniprot.words import concept_words, synonyms
from protsae.descriptions.terms import Annotated, Terms, from_json
from protsae.proteins.alphabet import STANDARD
from protsae.references.rules.sequence_rules import Letters, Region
from protsae.statistics.cluster_intervals import MIN_CLUSTERS

UNKNOWN = "unknown"
HIGH, MODERATE = 0.5, 0.25
"""Lower bounds of the correlation from which on confidence is high, and moderate."""

ALL = 0.995
"""Share of the activation at residues with known labels from which on it is taken for all."""

MOST_OFFSETS = 4
"""Offsets of a motif that a sentence names."""

FEW_CLUSTERS = 3
"""Effective homology clusters below which most of the activation is in one or two."""


def label_of(rule: Terms) -> str:
    """A rule in a few words; `UNKNOWN` without terms.

    Examples
    --------
    >>> from protsae.descriptions.terms import Neighbour
    >>> label_of((Letters("G"), Annotated("TRANSMEM: Helical"), Neighbour("P", 2)))
    'G in transmembrane segment: Helical with P at +2'
    >>> label_of((Annotated("SIGNAL", "end"),)), label_of((Letters("C"),)), label_of(())
    ('The last 5 residues of signal peptide', 'C', 'unknown')
    """
    if not rule:
        return UNKNOWN
    letters = [term for term in rule if isinstance(term, Letters)]
    regions = [term for term in rule if isinstance(term, Annotated | Region)]
    around = [term.name for term in rule if term not in (*letters, *regions)]
    head = " and ".join(_letters(term) for term in letters)
    if not head and regions:
        first = regions.pop(0)
        head = first.name
    words = [head or "residues", *(_phrase(term) for term in regions)]
    if around:
        words.append(f"with {' and '.join(around)}")
    text = " ".join(words)
    return text[0].upper() + text[1:]


def _letters(term: Letters) -> str:
    return term.letters if term.letters in STANDARD else term.name


def _phrase(term: Annotated | Region) -> str:
    return term.phrase if isinstance(term, Region) else f"in {term.name}"


def synonyms_of(rule: Terms) -> str | None:
    """Other words for the concepts of a rule, for a search."""
    concepts = [term.concept for term in rule if isinstance(term, Annotated)]
    found = [word for concept in concepts for word in synonyms(concept)]
    return ", ".join(dict.fromkeys(found)) or None


def confidence_of(correlation_low: float) -> str:
    """How well a rule tells the activation, by the lower bound of the correlation.

    Examples
    --------
    >>> [confidence_of(low) for low in (0.6, 0.3, 0.01)]
    ['high', 'moderate', 'low']
    """
    if correlation_low >= HIGH:
        return "high"
    return "moderate" if correlation_low >= MODERATE else "low"


def sentence_of(row: Mapping[Any, Any], evidence: Mapping[Any, Any]) -> str:
    """What is known of a feature, in a sentence or two.

    Parameters
    ----------
    row : mapping
        Of the descriptions table; ``label`` is that of the rule, named or not.
    evidence : mapping
        Of the feature table: kind, segment_length, concept, f1 with its interval, q_value and
        activation_clusters of the feature; and ``motif``, as of `motif_words`, if it has one.
    """
    if row["confidence"] != UNKNOWN:
        said = [f"{_named(row)} (AUROC {_auroc(row)})."]
    elif not isinstance(row["rule"], str):
        said = ["No rule tells where it is active."]
    elif row["n_clusters"] < MIN_CLUSTERS:
        said = [f"Active in {row['n_clusters']} homology clusters of test: too few to tell."]
    elif row["auroc"] != row["auroc"]:
        said = ["Active at nearly all residues with known labels: nothing to tell them from."]
    elif row["p_value"] != row["p_value"]:
        said = ["Active in too few homology clusters with known labels to tell."]
    else:
        said = [
            f"No rule is certain; the best one ({row['label']}) has AUROC {_auroc(row)} "
            f"(q {row['q_value']:.2g})."
        ]
    said.append(_evidence(evidence))
    if isinstance(motif := evidence.get("motif"), str):
        said.append(motif)
    if 0 < evidence["activation_clusters"] < FEW_CLUSTERS:
        said.append("Most of its activation is in one or two homology clusters.")
    return " ".join(said)


def motif_words(logos: pd.DataFrame) -> dict[int, str]:
    """Amino acids that are enriched around the peaks of features, at the most informative offsets.

    Parameters
    ----------
    logos : DataFrame
        Rows of the logos table of an SAE.

    Returns
    -------
    dict
        By feature, of those that have any.

    Examples
    --------
    >>> logo = pd.DataFrame({"feature": 7, "offset": [-2, 0, 1], "enriched": ["DE", "C", None]})
    >>> motif_words(logo.assign(information=[0.5, 2.0, 0.1]))
    {7: 'Enriched around its peaks: D and E 2 residues before, C at the peak.'}
    """
    enriched = logos[logos["enriched"].notna()]
    falling = enriched.sort_values("information", ascending=False, kind="stable")
    best = falling.groupby("feature").head(MOST_OFFSETS).sort_values(["feature", "offset"])
    places: dict[int, list[str]] = {}
    columns = (best[name].tolist() for name in ("feature", "offset", "enriched"))
    for feature, offset, letters in zip(*columns, strict=True):
        places.setdefault(feature, []).append(f"{' and '.join(letters)} {_from_peak(offset)}")
    return {name: f"Enriched around its peaks: {', '.join(own)}." for name, own in places.items()}


def _from_peak(offset: int) -> str:
    if not offset:
        return "at the peak"
    side = "before" if offset < 0 else "after"
    return f"{abs(offset)} residue{'s' * (abs(offset) > 1)} {side}"


_PLACES = {
    "rare": "strongly active in fewer than 5 test proteins",
    "whole protein": "strongly active in whole proteins",
    "N-terminal": "strongest near the N-terminus",
    "C-terminal": "strongest near the C-terminus",
    "periodic": "strongly active at regular distances",
    "point": "strongly active at single residues",
}
"""Kinds of features in words; of the others the length of segments is named."""


def _evidence(evidence: Mapping[Any, Any]) -> str:
    """The kind of place where it is strongly active, and its concept.

    Examples
    --------
    >>> row = {"kind": "short motif", "segment_length": 4.0, "concept": "SIGNAL", "f1": 0.625}
    >>> row |= {"f1_low": 0.5, "f1_high": 0.75, "q_value": 0.01}
    >>> _evidence(row)
    'It is strongly active in segments of about 4 residues; its best concept is signal peptide \
(F1 0.62 [0.50, 0.75], q = 0.01).'
    >>> _evidence(row | {"kind": "point", "q_value": 0.06})
    'It is strongly active at single residues; its best concept, signal peptide, is not called.'
    >>> _evidence(row | {"kind": "N-terminal", "concept": None})
    'It is strongest near the N-terminus; no concept was kept for it.'
    >>> _evidence(row | {"kind": "dead"})
    'It is active at no test residue.'
    """
    kind, concept = evidence["kind"], evidence["concept"]
    if kind == "dead":
        return "It is active at no test residue."
    where = _PLACES.get(kind) or _segments(evidence["segment_length"])
    if not isinstance(concept, str):
        return f"It is {where}; no concept was kept for it."
    q = evidence["q_value"]
    if q is None or not q <= CALLED_Q:  # nor if it is NaN
        return f"It is {where}; its best concept, {concept_words(concept)}, is not called."
    low, high = evidence["f1_low"], evidence["f1_high"]
    interval = f" [{low:.2f}, {high:.2f}]" if low == low else ""
    score = f"F1 {evidence['f1']:.2f}{interval}, q = {q:.2g}"
    return f"It is {where}; its best concept is {concept_words(concept)} ({score})."


def _segments(length: float) -> str:
    return f"strongly active in segments of about {length:.0f} residues"


def _named(row: Mapping[Any, Any]) -> str:
    """How much of the activation the rule covers, and how often it is right."""
    of_known = f" at residues with known labels ({row['known_share']:.0%} of all)"
    activation = f"the activation{of_known if row['known_share'] < ALL else ''}"
    return (
        f"{label_of(from_json(row['rule']))}: {row['recall']:.0%} of {activation} is there, and "
        f"the feature is active at {row['precision']:.0%} of these residues"
    )


def _auroc(row: Mapping[Any, Any]) -> str:
    return f"{row['auroc']:.2f} [{row['auroc_low']:.2f}, {row['auroc_high']:.2f}]"
