"""Activations as AnnData's .h5ad files: proteins x features, and residues x features."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.inspection.feature_activations import Pool
from protsae.inspection.sae_features import feature_rows_of
from protsae.io.other_programs.h5ad_files import load_anndata, open_h5ad, stored_name, write_h5ad
from protsae.io.progress import progress
from protsae.io.saes.sae_files import read_sae
from protsae.io.saes.sae_identity import sae_sha256
from protsae.proteins.alphabet import LETTERS
from protsae.run.run_places import sae_place
from protsae.stages.exporting.axis_tables import (
    concept_codes,
    concept_columns,
    feature_columns,
    protein_rows,
    provenance_notes,
    residue_columns,
)
from protsae.stages.exporting.source_run import SourceRun
from protsae.statistics import ragged


@dataclass(frozen=True)
class Exported:
    """What a .h5ad file holds.

    Attributes
    ----------
    path : Path
    what : str
        ``proteins`` or ``residues``.
    n_rows, n_features, n_values : int
        Values that are stored: those above 0.
    """

    path: Path
    what: str
    n_rows: int
    n_features: int
    n_values: int


@dataclass(frozen=True)
class SaePlace:
    """An SAE of a run: its own model by default.

    Attributes
    ----------
    layer : int
    variant : str
    model : str or None
    """

    layer: int
    variant: str
    model: str | None = None


def write_proteins(run: SourceRun, path: str | Path, sae: SaePlace, pool: Pool = "max") -> Exported:
    """Write proteins x features: activations pooled over the residues of each protein.

    A row is a protein, with the run's table of proteins and, for each of its concepts, at how many
    residues it has that; a column is a feature, with its row of features.parquet.

    Parameters
    ----------
    pool : {"max", "mean", "share"}
        As `pooled_rows`.

    Raises
    ------
    UserError
        If the run has no such SAE or pool, or its parts do not belong together.
    """
    load_anndata()
    activations = run.activations(sae.layer, sae.variant, sae.model)
    columns, notes = _features(run, sae, activations.n_features)
    blocks = progress(activations.pooled_blocks(pool), f"pooling {sae.variant}", "blocks")
    values = sparse.csr_array(sparse.vstack([sparse.csr_array(rows) for rows in blocks]))
    rows = protein_rows(run.proteins, run.concepts)
    notes["protsae"] |= {"rows": "proteins", "pool": pool}
    write_h5ad(path, values, rows, columns, notes)
    return Exported(Path(path), "proteins", len(rows), len(columns), values.nnz)


def write_residues(
    run: SourceRun, path: str | Path, sae: SaePlace, concepts: Sequence[str] = ()
) -> Exported:
    """Write residues x features, some proteins at a time: memory does not grow with their number.

    A row is a residue, with its protein, position, letter, cluster and split.

    Parameters
    ----------
    concepts : sequence of str
        Concepts of the run for which rows say whether the residue has it.

    Raises
    ------
    UserError
        If the run has no such SAE or concept, or its parts do not belong together.
    """
    load_anndata()
    activations = run.activations(sae.layer, sae.variant, sae.model)
    columns, notes = _features(run, sae, activations.n_features)
    table = run.concepts if concepts else None
    chosen = concept_columns(table, concepts, run.results) if table else []
    proteins = run.proteins
    number = dict(zip(proteins["accession"], range(len(proteins)), strict=True))
    letters = {letter: code for code, letter in enumerate(LETTERS)}
    empty = residue_columns(proteins, concepts)
    codes = {
        name: empty[name].cat.categories.get_indexer(pd.Index(proteins[name]))
        for name in ("cluster", "split")
    }
    notes["protsae"] |= {"rows": "residues"}
    lengths, n_values = proteins["length"].to_numpy(np.int64), 0
    with (
        open_h5ad(path, empty, columns, notes) as writer,
        progress(int(lengths.sum()), f"writing {sae.variant}", "residues") as shown,
    ):
        for accessions, values in activations.blocks():
            own = np.array([number[accession] for accession in accessions])
            row = np.repeat(own, lengths[own])
            position = ragged.places(lengths[own]) + 1
            sequence = "".join(proteins["sequence"].iloc[own])
            of_residue = zip(np.repeat(accessions, lengths[own]), position, strict=True)
            names = [f"{accession}:{place}" for accession, place in of_residue]
            said: dict[str, Any] = {
                "protein": row,
                "position": position,
                "residue": np.array([letters[letter] for letter in sequence]),
                **{name: of_protein[row] for name, of_protein in codes.items()},
            }
            if table:
                labels = concept_codes(accessions, table, chosen)
                said |= {stored_name(n): labels[:, i] for i, n in enumerate(concepts)}
            writer.append(values, names, said)
            n_values += values.nnz
            shown.update(len(row))
    return Exported(Path(path), "residues", int(lengths.sum()), len(columns), n_values)


def _features(
    run: SourceRun, sae: SaePlace, n_features: int
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Columns of an SAE's features, and what is said of it."""
    model = sae.model or run.model
    own = sae_place(run.results, run.config, sae.layer, sae.variant, model)
    folder = run.results / "sae" / own / sae.variant
    where = model, sae.layer, sae.variant, n_features, run.results
    columns = feature_columns(feature_rows_of(run.features, *where), run.model)
    _, source = read_sae(folder)
    made_from = {
        "model": source.model,
        "weights_sha256": source.weights_sha256,
        "layer": source.layer,
        "sae": sae.variant,
        "sae_sha256": sae_sha256(folder),
        "architecture": source.architecture,
        "k": source.k,
        "protein_set_sha256": source.protein_set_sha256,
        "train_set_sha256": source.train_set_sha256,
        "sae_code_version": source.code_version,
    }
    return columns, provenance_notes(made_from)


def exported_lines(done: Exported) -> list[str]:
    """What was written."""
    share = done.n_values / max(1, done.n_rows * done.n_features)
    megabytes = done.path.stat().st_size / 1e6
    return [
        f"wrote {done.path}: {done.n_rows:,} {done.what} x {done.n_features:,} features, "
        f"{share:.1%} of the values above 0, {megabytes:.1f} MB"
    ]
