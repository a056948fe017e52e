"""stability.parquet: the features of an SAE beside those of the SAEs of other seeds."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from protsae import __version__
from protsae.detectors.seed_stability import drawn_residues, match_seeds
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.table_files.parquet import write_table
from protsae.schema.saes.stability_table import STABILITY
from protsae.stages.inputs.open_saes import StoredSae
from protsae.stages.inputs.studied_proteins import Study


def write_stability(
    folder: Path,
    own: StoredSae,
    others: Mapping[int, StoredSae],
    cache: LayerCache,
    study: Study,
    seed: int,
) -> None:
    """Write the table of an SAE into its folder; of an SAE of one seed nothing is written.

    Parameters
    ----------
    folder : Path
        Of the SAE, by the name of its variant.
    others : mapping of int to StoredSae
        By seed, from `open_other_seeds`.
    seed : int
        Of the residues drawn, where there are many.
    """
    if not others:
        return
    order = pd.Index(cache.index.proteins["accession"])
    test = study.of_split("test")
    in_order = test.iloc[order.get_indexer(test["accession"]).argsort()]
    rows = match_seeds(
        own.sae,
        {number: other.sae for number, other in others.items()},
        drawn_residues(cache.protein_blocks, in_order.reset_index(drop=True), seed),
    )
    variant, layer = folder.name, cache.layer
    metadata = {
        "stage": "evaluate",
        **vars(cache.source),
        **study.stamp(),
        "layer": layer,
        "variant": variant,
        "saes": {
            variant: own.sha256,
            **{f"{variant}/seed-{number}": other.sha256 for number, other in others.items()},
        },
        "code_version": __version__,
    }
    placed = rows.assign(model=cache.source.model, layer=layer, variant=variant)
    write_table(folder / f"{STABILITY.name}.parquet", placed, STABILITY, metadata)
