"""A label and a confounder of a run's proteins, and the comparison of what takes the latter out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from protsae import __version__
from protsae.concepts.concept import some_types
from protsae.concepts.concept_table import ConceptTable
from protsae.errors import UserError
from protsae.inspection.feature_activations import FeatureActivations
from protsae.interventions.confounders.removal_arms import Removal
from protsae.interventions.confounders.remove_confounder import (
    SPLITS,
    ConfounderRemoval,
    remove_confounder,
)
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.progress import progress
from protsae.io.saes.sae_identity import sae_sha256
from protsae.one_line import cut
from protsae.run.run_places import place
from protsae.stages.deconfounding.protein_labels import (
    COMPOSITION,
    LENGTH,
    TAXON,
    ProteinLabel,
    by_column,
    by_composition,
    by_concept,
    by_length,
    by_taxon,
    read_label_table,
)
from protsae.stages.inputs.studied_proteins import read_study

ROWS = 20_000
"""Residues whose activations are held at a time."""


@dataclass(frozen=True, eq=False)
class Deconfounded:
    """What was taken out of a probe of a run's proteins.

    Attributes
    ----------
    label, confounder : ProteinLabel
        Of all proteins of the run.
    agreement : float
        Share of the proteins of train in which both are there or neither is.
    n_proteins : dict of str to int
        Proteins with both known, by split.
    found : ConfounderRemoval
    """

    label: ProteinLabel
    confounder: ProteinLabel
    agreement: float
    n_proteins: dict[str, int]
    found: ConfounderRemoval


@dataclass(frozen=True, eq=False)
class PooledLayer:
    """A layer and the features of an SAE, one row a protein, in the order of the protein table.

    Attributes
    ----------
    x_ND : ndarray, float64, shape (n_proteins, d_model)
        Layer activations, mean over residues.
    f_NF : ndarray, float32, shape (n_proteins, n_features)
        Activations of features, likewise.
    rate_F : ndarray, shape (n_features,)
        Share of the residues of train at which each feature is active, mean over proteins.
    decoder_FD : ndarray, float32, shape (n_features, d_model)
    """

    x_ND: np.ndarray
    f_NF: np.ndarray
    rate_F: np.ndarray
    decoder_FD: np.ndarray


def pool_layer(
    proteins: pd.DataFrame, cache: LayerCache, codes: FeatureActivations, decoder_FD: np.ndarray
) -> PooledLayer:
    """Means over the residues of each protein, from the stored activations and codes."""
    row = {accession: i for i, accession in enumerate(proteins["accession"])}
    x_ND = np.empty((len(row), cache.d_model))
    lengths = proteins["sequence"].str.len().to_numpy()
    for accessions, rows in cache.protein_blocks(set(row), ROWS):
        own = np.array([row[accession] for accession in accessions])
        starts = np.cumsum(lengths[own]) - lengths[own]
        sums = np.add.reduceat(rows.astype(np.float64), starts, axis=0)
        x_ND[own] = sums / lengths[own, None]
    means, shares = (codes.pooled(pool).loc[proteins["accession"]] for pool in ("mean", "share"))
    is_train = (proteins["split"] == "train").to_numpy()
    rate = shares.to_numpy()[is_train].mean(0)
    return PooledLayer(x_ND, means.to_numpy(), rate, decoder_FD)


def protein_label(
    text: str,
    proteins: pd.DataFrame,
    concepts: Callable[[], ConceptTable],
    table: str | Path | None,
) -> ProteinLabel:
    """The label that a text stands for.

    Parameters
    ----------
    text : str
        ``length``, ``composition``, ``taxon=ID``, a column of ``table``, or a concept of the run.
    concepts : function
        The concepts of the run; called if they are needed.
    table : str or Path, optional
        As `read_label_table` reads it.

    Raises
    ------
    UserError
        If it is none of these; it says what there is.
    """
    columns = None if table is None else read_label_table(table)
    if columns is not None and text in columns:
        return by_column(proteins, columns, text, str(table))
    if text in (LENGTH, COMPOSITION):
        return by_length(proteins) if text == LENGTH else by_composition(proteins)
    if text.startswith(TAXON):
        return by_taxon(proteins, text)
    found = concepts()
    names = [concept.name for concept in found.concepts]
    if text in names:
        return by_concept(proteins, found, text)
    own = "" if columns is None else f", a column of {table} ({', '.join(columns.columns[:8])})"
    raise UserError(
        f"{cut(repr(text), 60)}: no label of proteins; expected length, composition, "
        f"taxon=ID{own}, or a concept of the run, such as {some_types(names, 8)}"
    )


def deconfounded(
    proteins: pd.DataFrame,
    layer: PooledLayer,
    label: ProteinLabel,
    confounder: ProteinLabel,
    **settings: Any,
) -> Deconfounded:
    """`remove_confounder` on the proteins whose label and confounder are known.

    Parameters
    ----------
    proteins : DataFrame
        The table ``proteins``.
    settings
        ``counts``, ``draws``, ``resamplings`` and ``seed`` of `remove_confounder`.
    """
    known = np.isfinite(label.values) & np.isfinite(confounder.values)

    def track(found: Iterable[Removal]) -> Iterator[Removal]:
        yield from progress(list(found), "removing and probing", "removals")

    own = proteins[known]
    found = remove_confounder(
        layer.x_ND[known],
        layer.f_NF[known],
        layer.decoder_FD,
        label.values[known] > 0,
        confounder.values[known] > 0,
        own["cluster"].to_numpy(),
        own["split"].to_numpy(),
        rate=layer.rate_F,
        track=track,
        **settings,
    )
    split = own["split"].to_numpy()
    agrees = (label.values == confounder.values)[known]
    sizes = {name: int((split == name).sum()) for name in SPLITS}
    return Deconfounded(label, confounder, float(agrees[split == "train"].mean()), sizes, found)


def sae_name(text: str) -> tuple[int, str]:
    """Layer and variant of an SAE, from LAYER/SAE.

    Raises
    ------
    UserError
        If it is no such name.

    Examples
    --------
    >>> sae_name("6/topk")
    (6, 'topk')
    """
    layer, _, variant = text.partition("/")
    if not layer.isdecimal() or not variant or "/" in variant:
        raise UserError(f"--sae {cut(repr(text), 60)}; expected LAYER/SAE, such as 6/topk")
    return int(layer), variant


def about(
    results: Path, model: str, sae: str, label: str, confounder: str, seed: int, done: Deconfounded
) -> dict[str, Any]:
    """What the metadata of the table ``deconfounded`` says."""
    layer, variant = sae_name(sae)
    return {
        "stage": "deconfound",
        "model": model,
        "layer": layer,
        "saes": {variant: sae_sha256(results / "sae" / place(model, layer) / variant)},
        **read_study(results / "proteins" / "proteins.parquet").stamp(),
        "label": {"given": label, "meaning": done.label.meaning},
        "confounder": {"given": confounder, "meaning": done.confounder.meaning},
        "agreement": done.agreement,
        "n_proteins": done.n_proteins,
        "clusters_by_cell": done.found.clusters_by_cell,
        "features": done.found.features,
        "seed": seed,
        "code_version": __version__,
    }
