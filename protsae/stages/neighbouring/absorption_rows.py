"""Rows of the table absorption: what features of narrower concepts took from those of others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from protsae.concepts.concept_table import ConceptTable
from protsae.inspection.feature_activations import FeatureActivations
from protsae.neighbours.absorption import Instances, absorbed, nested
from protsae.stages.neighbouring.related_sae import RelatedSae
from protsae.statistics import ragged


@dataclass(frozen=True)
class Detector:
    """The feature with which an SAE detects a concept.

    Attributes
    ----------
    feature : int
    threshold : float
        It is on above this.
    f1 : mapping of str to float
        Its F1 on valid, of every concept that it was kept with.
    """

    feature: int
    threshold: float
    f1: Mapping[str, float]


@dataclass(frozen=True)
class Places:
    """Where the instances of a concept lie among the residues of some proteins.

    Attributes
    ----------
    begin, end : ndarray of int, shape (n_instances,)
        Rows, half-open, ascending.
    protein : ndarray of int, shape (n_instances,)
    is_child, is_of_others : ndarray of bool, shape (n_instances,)
        Whether the narrower concept has them, too; whether another one that has a detector does.
    """

    begin: np.ndarray
    end: np.ndarray
    protein: np.ndarray
    is_child: np.ndarray
    is_of_others: np.ndarray


def absorption_rows(
    sae: RelatedSae,
    activations: FeatureActivations,
    best: Mapping[str, Detector],
    concepts: ConceptTable,
    test: pd.DataFrame,
) -> pd.DataFrame:
    """All pairs of a concept and a narrower one of which the SAE has a detector each.

    Parameters
    ----------
    best : mapping of str to Detector
        Of each concept that the SAE detects.
    test : DataFrame
        Rows of the test proteins.
    """
    pairs = _told_apart(nested(concepts.concepts), best)
    if not pairs:
        return pd.DataFrame()
    of_protein = test.set_index("accession")
    clusters = pd.Series(pd.factorize(test["cluster"])[0], index=of_protein.index)
    found: list[list[tuple[np.ndarray, ...]]] = [[] for _ in pairs]
    for accessions, codes in activations.blocks(set(test["accession"])):
        of_cluster = clusters[accessions].to_numpy()
        lengths = of_protein["length"][accessions].to_numpy()
        columns = codes.tocsc()
        for parts, (parent, child), places in zip(
            found, pairs, _places(accessions, lengths, pairs, concepts), strict=True
        ):
            broad, narrow = best[parent], best[child]
            broad_on = columns[:, [broad.feature]].toarray().ravel() > 0
            narrow_on = columns[:, [narrow.feature]].toarray().ravel() > narrow.threshold
            parts.append(
                (
                    of_cluster[places.protein],
                    places.is_child,
                    places.is_of_others,
                    places.end - places.begin,
                    ~_any(broad_on, places.begin, places.end),
                    _any(narrow_on, places.begin, places.end),
                )
            )
    rows = []
    unit = sae.decoder_FD / np.linalg.norm(sae.decoder_FD, axis=1, keepdims=True).clip(min=1e-12)
    for (parent, child), parts in zip(pairs, found, strict=True):
        instances = Instances(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        own, other = best[parent].feature, best[child].feature
        found_one = absorbed(instances)
        counted = asdict(found_one)
        renamed = {new: counted[old] for new, old in _NAMES.items()}
        rows.append(
            {
                **sae.key,
                "concept": parent,
                "narrower_concept": child,
                "feature": own,
                "narrower_feature": other,
                "decoder_cosine": float(unit[own] @ unit[other]),
                **renamed,
                "found": int(found_one.is_found),
            }
        )
    return pd.DataFrame(rows).sort_values(["concept", "narrower_concept"], ignore_index=True)


_NAMES = {
    "n_narrower": "n_child",
    "n_other": "n_other",
    "absorbed": "share",
    "absorbed_low": "share_low",
    "absorbed_high": "share_high",
    "silent_at_narrower": "silent_at_child",
    "silent_elsewhere": "silent_elsewhere",
    "difference": "difference",
    "difference_low": "difference_low",
    "difference_high": "difference_high",
}


def _told_apart(
    pairs: Sequence[tuple[str, str]], best: Mapping[str, Detector]
) -> list[tuple[str, str]]:
    """Pairs with a detector each, the first of which is no better one of any narrower concept.

    A feature of EGF-like domains is the best detector of domains, too, if there is none of them;
    that it is silent at others is no absorption.
    """
    narrower: dict[str, list[str]] = {}
    for parent, child in pairs:
        narrower.setdefault(parent, []).append(child)

    def is_of(parent: str) -> bool:
        f1 = best[parent].f1
        return f1[parent] > max(f1.get(child, 0.0) for child in narrower[parent])

    return [
        (parent, child)
        for parent, child in pairs
        if {parent, child} <= best.keys()
        and best[parent].feature != best[child].feature
        and is_of(parent)
    ]


def _places(
    accessions: Sequence[str],
    lengths: np.ndarray,
    pairs: Sequence[tuple[str, str]],
    concepts: ConceptTable,
) -> Iterator[Places]:
    """Instances of the first concept of each pair, one after another; all are of UniProt."""
    names = [concept.name for concept in concepts.concepts]
    labels = concepts.labels(accessions).tocsc()
    first = ragged.starts(lengths)
    spans = concepts.instances(accessions)
    for parent, child in pairs:
        broad, narrow = names.index(parent), names.index(child)
        own = spans.column == broad
        protein = spans.protein[own]
        begin, end = (x[own] + first[protein] for x in (spans.begin, spans.end))
        siblings = [names.index(other) for whole, other in pairs if whole == parent]
        siblings = [column for column in siblings if column != narrow]
        is_child, is_of_others = (
            _any(labels[:, columns].sum(1) > 0, begin, end) for columns in ([narrow], siblings)
        )
        yield Places(begin, end, protein, is_child, is_of_others)


def _any(on: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Whether any residue of each instance is on."""
    before = np.append(0, np.cumsum(on))
    found: np.ndarray = before[end] > before[begin]
    return found
