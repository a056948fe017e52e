"""Residues that show what a feature does: its strongest, and some of every strength."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.association.scoring.thresholds import positive_quantiles
from protsae.detectors.activations import Codes
from protsae.features.block_sites import BlockSites
from protsae.features.leading_sites import LeadingSites, Sites, drawn

STRONGEST = "strongest"
"""The selection of the residues with the highest activation."""

STRENGTHS = {
    "quantile 0.9-0.99": (0.9, 0.99),
    "quantile 0.5-0.9": (0.5, 0.9),
    "quantile 0-0.5": (0.0, 0.5),
}
"""Selections of residues drawn at random, the strongest first. Each has two quantiles of the
feature's positive activations on train: activations exceed the lower, and not the upper one."""

LOGO_CLUSTERS = 200
"""Homology clusters whose strongest residue enters a feature's logo, at most."""

LOGO_QUANTILE = 0.9
"""Quantile of positive activations on train that such a residue exceeds."""


@dataclass(frozen=True, eq=False)
class ChosenSites:
    """Sites of all features of one SAE; the group of a site is its feature.

    Attributes
    ----------
    examples : dict of str to Sites
        By selection, in the order of the table.
    logo : Sites
        Of train and valid, in the `LOGO_CLUSTERS` homology clusters where the feature is strongest,
        the strongest residue of each, if it exceeds the `LOGO_QUANTILE`.
    """

    examples: dict[str, Sites]
    logo: Sites


def choose_sites(layer: Layer, codes: Codes, sample: sparse.csc_array) -> ChosenSites:
    """Read all codes once and choose sites, in every selection at most one of a homology cluster.

    Parameters
    ----------
    sample : csc_array, shape (n_residues, n_features)
        Codes of train that the quantiles of `STRENGTHS` come from.
    """
    settings, n_features = layer.settings, codes.n_features
    is_test = (layer.proteins["split"] == "test").to_numpy()
    levels = sorted({LOGO_QUANTILE}.union(*STRENGTHS.values()))
    threshold = dict(zip(levels, positive_quantiles(sample, levels), strict=True))
    bounds = {name: (threshold[low], threshold[high]) for name, (low, high) in STRENGTHS.items()}
    strongest = LeadingSites(n_features, settings.examples)
    strengths = {name: LeadingSites(n_features, settings.further_examples) for name in STRENGTHS}
    logo = LeadingSites(n_features, LOGO_CLUSTERS)
    names = layer.names("train") | layer.names("valid") | layer.names("test")
    for proteins, rows in layer.blocks(codes, names):
        number = layer.row_of.get_indexer(pd.Index(proteins["accession"]))
        block = BlockSites.of(rows, proteins["length"].to_numpy(), number, layer.cluster[number])
        peaks = block.highest()
        strongest.offer(peaks)
        high = peaks.value > threshold[LOGO_QUANTILE][peaks.group]
        logo.offer(peaks.take(high & ~is_test[peaks.protein]))
        for name, sites in _of_strengths(block, bounds, settings.seed):
            strengths[name].offer(sites)
    chosen = {STRONGEST: strongest, **strengths}
    return ChosenSites({name: leading.sites() for name, leading in chosen.items()}, logo.sites())


def _of_strengths(
    block: BlockSites, bounds: Mapping[str, tuple[np.ndarray, np.ndarray]], seed: int
) -> Iterator[tuple[str, Sites]]:
    """The residues of each of STRENGTHS: clusters in random order, and in each its residues."""
    for name, (low, high) in bounds.items():
        inside = (block.value > low[block.feature]) & (block.value <= high[block.feature])
        chosen = np.flatnonzero(inside)
        feature, protein = block.feature[chosen], block.protein[chosen]
        key = seed, list(bounds).index(name), feature
        of_cluster = drawn(*key, block.cluster[protein])
        of_residue = drawn(*key, block.number[protein], block.residue[chosen])
        yield name, block.sites(chosen, np.floor(of_cluster * 2**26) + of_residue)
