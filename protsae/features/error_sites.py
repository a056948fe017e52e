"""Where a feature and its concept disagree: active without the annotation, or silent at it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.held_out_labels import HeldOut
from protsae.association.pairs.layer_data import Layer
from protsae.association.scoring.metrics import CALLED_Q
from protsae.detectors.activations import Codes
from protsae.features.block_sites import BlockSites
from protsae.features.leading_sites import LeadingSites, Sites, drawn

UNANNOTATED, SILENT = "unannotated", "silent"
"""Selections: on in a protein that lacks the concept, and off where a protein has it."""


def error_sites(
    layer: Layer, split: HeldOut, codes: Codes, pairs: pd.DataFrame
) -> dict[str, Sites]:
    """Test proteins in which features and their concepts disagree, one of a homology cluster.

    ``unannotated``: the feature exceeds its threshold, and every residue is known to lack the
    concept; at the highest activation, the strongest first. ``silent``: residues have the concept,
    and the feature exceeds its threshold at none of them; at the first of them, drawn at random.

    Parameters
    ----------
    pairs : DataFrame
        feature, concept, threshold and q_value of features with a concept; only those with
        q <= 0.05 are looked at.

    Returns
    -------
    dict of str to Sites
        By `UNANNOTATED` and `SILENT`; groups are features.
    """
    settings = layer.settings
    called = _Called.of(layer, pairs)
    kept = {
        name: LeadingSites(codes.n_features, settings.further_examples)
        for name in (UNANNOTATED, SILENT)
    }
    if len(called.feature):
        labels = sparse.csr_array(split.labels[:, called.concept])
        row = 0
        for proteins, rows in layer.blocks(codes, layer.names("test")):
            lengths = proteins["length"].to_numpy()
            here, row = slice(row, row + rows.shape[0]), row + rows.shape[0]
            number = layer.row_of.get_indexer(pd.Index(proteins["accession"]))
            block = BlockSites.of(rows, lengths, number, layer.cluster[number])
            has = labels[here].toarray() > 0
            known = split.known[here][:, split.known_column[called.concept]]
            for name, sites in _disagreements(block, called, has, known, settings.seed).items():
                kept[name].offer(sites)
    return {name: leading.sites() for name, leading in kept.items()}


@dataclass(frozen=True, eq=False)
class _Called:
    """Features whose concept is called, ascending; column of the labels and threshold of each."""

    feature: np.ndarray
    concept: np.ndarray
    threshold: np.ndarray

    @classmethod
    def of(cls, layer: Layer, pairs: pd.DataFrame) -> "_Called":
        rows = pairs[pairs["q_value"].le(CALLED_Q).fillna(False)].sort_values("feature")
        column = {concept.name: i for i, concept in enumerate(layer.concepts.concepts)}
        concept = rows["concept"].map(column).to_numpy(np.int64)
        return cls(rows["feature"].to_numpy(np.int64), concept, rows["threshold"].to_numpy())

    def place(self, feature: np.ndarray) -> np.ndarray:
        """Place of features among these; -1 if it is none of them."""
        place = np.minimum(np.searchsorted(self.feature, feature), len(self.feature) - 1)
        return np.where(self.feature[place] == feature, place, -1)


def _disagreements(
    block: BlockSites, called: _Called, has: np.ndarray, known: np.ndarray, seed: int
) -> dict[str, Sites]:
    """Sites of both selections in a block.

    Parameters
    ----------
    has, known : ndarray of bool, shape (n_residues, n_called)
        Whether a residue has the concept of a feature, and whether that is known.
    """
    rows = np.arange(len(has), dtype=np.int32)[:, None]
    first_with = np.minimum.reduceat(np.where(has, rows, len(has)), block.first, axis=0)
    ever = first_with < len(has)
    lacks = np.logical_and.reduceat(known & ~has, block.first, axis=0)
    place = called.place(block.feature)
    on = np.flatnonzero((place >= 0) & (block.value > called.threshold[place]))
    protein, place = block.protein[on], place[on]
    finds = np.zeros_like(ever)
    at_label = has[block.row[on], place]
    finds[protein[at_label], place[at_label]] = True
    silent_protein, silent_place = np.nonzero(ever & ~finds)
    feature, number = called.feature[silent_place], block.number[silent_protein]
    residue = first_with[silent_protein, silent_place] - block.first[silent_protein]
    return {
        UNANNOTATED: block.highest(on[lacks[protein, place]]),
        SILENT: Sites(
            group=feature,
            cluster=block.cluster[silent_protein],
            protein=number,
            residue=residue,
            rank=drawn(seed, feature, number),
            value=np.zeros(len(feature), np.float32),
        ),
    }
