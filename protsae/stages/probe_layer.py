"""What can be read off a layer with labels: linear probes of every concept."""

import pandas as pd

from protsae.concepts.concept_table import ConceptTable
from protsae.config.stage_settings import ProbeSettings
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.references.residue_data import Residues


def probe_layer(
    cache: LayerCache, proteins: pd.DataFrame, concepts: ConceptTable, settings: ProbeSettings
) -> pd.DataFrame:
    """The probe reference: a linear probe of the layer for each concept, and its control task.

    Logistic regressions with an L2 penalty, fitted on the training set. Penalty and threshold are
    chosen on the validation set; every score is from the test set, with a 95 % interval over
    homology clusters.

    Parameters
    ----------
    cache : LayerCache
        Activations of the layer.
    proteins : DataFrame
        Columns accession, sequence, length, cluster, split.

    Returns
    -------
    DataFrame
        One row per concept, in their order; columns as of `probes` in docs/tables.md.

    References
    ----------
    Hewitt & Liang 2019, arXiv:1909.03368: control tasks and selectivity.
    """
    residues = Residues(cache.protein_blocks, proteins, concepts, settings)
    rows = residues.probe_rows(with_control=True)
    n_concepts = len(concepts.concepts)
    control = rows.iloc[n_concepts:].reset_index(drop=True)
    rows = rows.iloc[:n_concepts].assign(
        model=cache.source.model,
        layer=cache.layer,
        control_f1=control["f1"],
        control_auroc=control["auroc"],
        selectivity=lambda table: table["f1"] - control["f1"],
        auroc_selectivity=lambda table: table["auroc"] - control["auroc"],
    )
    return concepts.named(rows)
