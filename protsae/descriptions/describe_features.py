"""The rows of the descriptions table: a label, a sentence and a rule for each feature of an SAE."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.association.scoring.metrics import CALLED_Q
from protsae.descriptions.described_rows import DescribedRows
from protsae.descriptions.protein_sums import ScoredProteins
from protsae.descriptions.rule_predictions import predictions
from protsae.descriptions.rule_scores import alike_in_composition, score_rules
from protsae.descriptions.rule_search import (
    Found,
    Split,
    TermRows,
    find_rules,
    is_as_good,
)
from protsae.descriptions.rule_words import (
    UNKNOWN,
    confidence_of,
    label_of,
    sentence_of,
    synonyms_of,
)
from protsae.descriptions.terms import Term, Terms, needs_annotations, to_json, vocabulary
from protsae.detectors.activations import Codes
from protsae.proteins.alphabet import STANDARD
from protsae.statistics.multiple_testing import benjamini_hochberg

SEQUENCE, ANNOTATIONS = "sequence", "annotations"
"""What a rule needs."""


@dataclass(frozen=True, eq=False)
class Describer:
    """What all SAEs of a layer share: proteins of each split, and where every term holds.

    Attributes
    ----------
    layer : Layer
    terms : tuple of Term
        All that rules are built of.
    """

    layer: Layer
    terms: tuple[Term, ...]

    @classmethod
    def of(cls, layer: Layer) -> "Describer":
        """With the whole vocabulary of the layer's concepts."""
        concepts = layer.concepts
        return cls(layer, tuple(vocabulary(concepts.concepts, concepts.has_instances.tolist())))

    @cached_property
    def train(self) -> DescribedRows:
        """Proteins that rules are found on, drawn at random."""
        return DescribedRows(self.layer.drawn("train"), self.layer.concepts)

    @cached_property
    def valid(self) -> DescribedRows:
        """Proteins on which the number of terms is decided."""
        return DescribedRows(self.layer.drawn("valid"), self.layer.concepts)

    @cached_property
    def test(self) -> DescribedRows:
        """Proteins that rules are scored on."""
        return DescribedRows(self.layer.drawn("test"), self.layer.concepts)

    def describe(self, codes: Codes, evidence: pd.DataFrame) -> pd.DataFrame:
        """One row per feature; columns as in docs/tables.md but for model, layer and variant.

        Two rules are found for each feature, one of terms on the sequence alone, one of all terms
        (`find_rules`), and scored on test (`score_rules`). The second is its rule if on valid its
        correlation is not matched by the first (`is_as_good`). The feature is named if q <= 0.05,
        by Benjamini-Hochberg over the features of the SAE, the AUROC is above 0.5 and the
        correlation above 0; else it is ``unknown``.

        Parameters
        ----------
        evidence : DataFrame
            Rows of the feature table, by feature, for the `sentence_of` each.
        """
        train = Split(self._train_terms, self.activations(codes, self.train))
        valid = Split(self._valid_terms, self.activations(codes, self.valid))
        of_sequence = np.array([not needs_annotations((term,)) for term in self.terms])
        vocabularies = {SEQUENCE: of_sequence, ANNOTATIONS: np.ones_like(of_sequence)}
        found = find_rules(train, valid, list(vocabularies.values()))
        rules = dict(zip(vocabularies, found, strict=True))
        scored = {needs: self._scored(codes, found) for needs, found in rules.items()}
        rows = [
            _row(feature, *of_feature)
            for feature, of_feature in enumerate(zip(*scored.values(), strict=True))
        ]
        table = pd.DataFrame(rows)
        table["q_value"] = benjamini_hochberg(table["p_value"].to_numpy(np.float64))
        table["confidence"] = confidences(table)
        named = table["confidence"] != UNKNOWN
        words = zip(table.to_dict("records"), evidence.to_dict("records"), strict=True)
        table["sentence"] = [sentence_of(row, found) for row, found in words]
        table["label"] = table["label"].where(named, UNKNOWN)
        table["synonyms"] = table["synonyms"].where(named, None)
        return table

    @cached_property
    def _train_terms(self) -> TermRows:
        return self._term_rows(self.train)

    @cached_property
    def _valid_terms(self) -> TermRows:
        return self._term_rows(self.valid)

    def _term_rows(self, own: DescribedRows) -> TermRows:
        return TermRows(own.all_terms(self.terms), own.weight, own.cluster[own.protein])

    @cached_property
    def scored_proteins(self) -> ScoredProteins:
        """The proteins of ``test``, with those that are alike in composition."""
        own = self.test
        counts = [own.proteins["sequence"].str.count(letter) for letter in STANDARD]
        shares = np.stack(counts, axis=1) / own.lengths[:, None]
        return ScoredProteins(own.lengths, own.cluster, alike_in_composition(shares, own.cluster))

    def activations(self, codes: Codes, own: DescribedRows) -> sparse.csc_array:
        """Of these proteins, in their order: shape (n_residues, n_features)."""
        order = own.proteins["accession"].tolist()
        found = dict(self.layer.each(codes, set(order)))
        matrix = sparse.csc_array(sparse.vstack([found[accession] for accession in order]))
        matrix.eliminate_zeros()
        matrix.sort_indices()
        return matrix

    def _scored(self, codes: Codes, found: Sequence[Found]) -> list["_Scored"]:
        """Each rule in terms, with its score on test."""
        rules = [tuple(self.terms[column] for column in each.columns) for each in found]
        activations = self.activations(codes, self.test)
        scores = score_rules(self.scored_proteins, activations, predictions(self.test, rules))
        return [
            _Scored(rule, each.valid_correlation, score)
            for rule, each, score in zip(rules, found, scores.to_dict("records"), strict=True)
        ]


def confidences(table: pd.DataFrame) -> list[str]:
    """`confidence_of` each rule, or `UNKNOWN` if it does not tell where its feature is active.

    Parameters
    ----------
    table : DataFrame
        q_value, auroc, correlation, correlation_low.
    """
    named = (table["q_value"] <= CALLED_Q) & (table["auroc"] > 0.5) & (table["correlation"] > 0)
    return [
        confidence_of(low) if is_named else UNKNOWN
        for low, is_named in zip(table["correlation_low"], named, strict=True)
    ]


@dataclass(frozen=True)
class _Scored:
    """A rule, its correlation on valid, and its score on test."""

    rule: Terms
    valid_correlation: float
    score: dict[Any, Any]


def _row(feature: int, of_sequence: _Scored, of_all: _Scored) -> dict[str, object]:
    """The columns of a feature that do not depend on other features."""
    plain = is_as_good(of_sequence.valid_correlation, of_all.valid_correlation)
    chosen = of_sequence if plain else of_all
    rule, score = chosen.rule, chosen.score
    row: dict[str, object] = {
        "feature": feature,
        "label": label_of(rule),
        "synonyms": synonyms_of(rule),
        "rule": to_json(rule) if rule else None,
        "needs": (ANNOTATIONS if needs_annotations(rule) else SEQUENCE) if rule else None,
        "valid_correlation": chosen.valid_correlation if rule else np.nan,
        "n_clusters": score["n_clusters"],
    }
    for name in OF_SCORE:
        row[name] = score[name] if rule else np.nan
    annotated = of_all if needs_annotations(of_all.rule) else None
    for needs, other in ((SEQUENCE, of_sequence), (ANNOTATIONS, annotated)):
        some = other is not None and bool(other.rule)
        row[f"{needs}_rule"] = to_json(other.rule) if other and some else None
        row[f"{needs}_auroc"] = other.score["auroc"] if other and some else np.nan
        row[f"{needs}_correlation"] = other.score["correlation"] if other and some else np.nan
    return row


OF_SCORE = (
    *("auroc", "auroc_low", "auroc_high", "homologous_auroc", "composition_auroc", "dealt_auroc"),
    *("p_value", "correlation", "correlation_low", "correlation_high", "recall", "precision"),
    *("known_share", "protein_correlation", "protein_auroc"),
)
"""Columns of `score_rules` that are columns here."""
