"""The prompts of features: windows of train proteins, those in which each is silent drawn here."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.descriptions.llm.feature_prompt import feature_prompt
from protsae.features.example_rows import example_rows
from protsae.features.leading_sites import Sites
from protsae.inspection.run_feature import with_residues
from protsae.io.llm.chat_client import Messages
from protsae.stages.describing.described_layer import DescribedLayer
from protsae.statistics import ragged

SILENT = 6
"""Windows in which a feature is silent, at most; each of another homology cluster."""

TRIES = 200
"""Residues that are drawn for them."""


def feature_prompts(described: DescribedLayer, features: list[int]) -> dict[int, Messages]:
    """The prompt of each feature that is active in a train example; the others have none.

    All windows are of train: rules are scored on test.
    """
    layer = described.layer
    names = layer.proteins["accession"]
    sequences = dict(zip(names, layer.proteins["sequence"], strict=True))
    active = described.examples[described.examples["split"] == "train"]
    drawn = example_rows(layer, described.codes, {"silent": silent_sites(described, features)})
    silent = with_residues(drawn, sequences)
    prompts: dict[int, Messages] = {}
    for feature in features:
        own, quiet = (_of_feature(rows, feature, sequences) for rows in (active, silent))
        if len(own):
            own = own.sort_values("activation", ascending=False, kind="stable")
            prompts[feature] = feature_prompt(own, quiet)
    return prompts


def _of_feature(rows: pd.DataFrame, feature: int, sequences: Mapping[str, str]) -> pd.DataFrame:
    """Its rows, with the ``length`` of each protein."""
    own = rows[rows["feature"] == feature]
    return own.assign(length=[len(sequences[name]) for name in own["accession"]])


def silent_sites(described: DescribedLayer, features: list[int]) -> Sites:
    """Residues of train with no activation in the whole window, at random, by feature."""
    own, layer = described.describer.train, described.layer
    activations = described.describer.activations(described.codes, own)
    rows = layer.row_of.get_indexer(pd.Index(own.proteins["accession"]))
    first = np.append(ragged.starts(own.lengths), len(own))
    flank, parts = layer.settings.example_flank, []
    for feature in features:
        rng = np.random.default_rng([layer.settings.seed, feature])
        residues = rng.permutation(len(own))[:TRIES]
        low = np.maximum(residues - flank, first[own.protein[residues]])
        high = np.minimum(residues + flank + 1, first[own.protein[residues] + 1])
        on = _active(activations, feature)
        quiet = residues[np.searchsorted(on, low) == np.searchsorted(on, high)]
        _, once = np.unique(own.cluster[own.protein[quiet]], return_index=True)
        chosen = quiet[np.sort(once)[:SILENT]]
        protein = own.protein[chosen]
        nothing = np.zeros(len(chosen))
        parts.append(
            Sites(
                group=np.full(len(chosen), feature),
                cluster=own.cluster[protein],
                protein=rows[protein],
                residue=chosen - first[protein],
                rank=nothing,
                value=nothing.astype(np.float32),
            )
        )
    return Sites.joined(parts)


def _active(activations: sparse.csc_array, feature: int) -> np.ndarray:
    """Residues at which a feature is active, ascending."""
    found: np.ndarray = activations.indices[slice(*activations.indptr[feature : feature + 2])]
    return found
