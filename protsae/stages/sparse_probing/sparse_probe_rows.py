"""K-sparse probes of a layer, from a run's files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from protsae.association.pairs.layer_data import Layer
from protsae.concepts.concept import is_defined_by_sequence
from protsae.config.reserved_names import COORDINATES, MLP, MLP_IN, PCA, SEQUENCE, site_name
from protsae.config.settings import Config
from protsae.config.stage_settings import SparseProbeSettings
from protsae.detectors.activations import Codes, Encoded
from protsae.detectors.baselines import layer_moments, on_components
from protsae.errors import UserError
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.table_files.parquet import read_table
from protsae.run.layout import model_name, shard_names, sparse_probe_layers
from protsae.run.run_places import place
from protsae.schema.reference_tables import PROBES
from protsae.schema.sparse_probe_table import SPARSE_PROBES
from protsae.sparse_probes.compared_sets import probe_sets
from protsae.sparse_probes.sequence_columns import NAMES, SequenceColumns


def what_is_probed(
    results: Path, config: Config, settings: SparseProbeSettings
) -> tuple[list[int], list[str]]:
    """Layers and SAEs that are to be probed, those of them that a run has, and all frozen ones.

    Raises
    ------
    UserError
        If it has none of the layers, or none of the SAEs.
    """
    layers = [int(layer) for layer in sparse_probe_layers(config, settings)]
    if not layers:
        asked = " ".join(map(str, settings.layers)) or "none"
        known = " ".join(map(str, config.embed.layers))
        raise UserError(f"--layers: {asked}; expected some of those that {results} has: {known}")
    wanted = settings.saes or tuple(config.train)
    variants = [name for name in config.train if name in {*wanted, *config.frozen_saes}]
    if not set(variants) & set(wanted):
        asked, known = (" ".join(names) for names in (settings.saes, config.train))
        raise UserError(f"--saes: {asked}; expected some of those that {results} has: {known}")
    return layers, variants


def layer_paths(results: Path, config: Config, layer: int, variants: list[str]) -> dict[str, Any]:
    """Paths of what a layer of the run's own model is read from, as `LayerFiles` names them."""
    name = model_name(config)
    shards = [f"shard-{shard}.h5" for shard in shard_names(config)]

    def of_model(folder: str) -> list[str]:
        return [str(results / "activations" / folder / shard) for shard in shards]

    has_neurons = config.mlp and layer > 0
    return {
        "saes": [str(results / "sae" / place(name, layer) / variant) for variant in variants],
        "codes": [str(results / "codes" / place(name, layer) / shard) for shard in shards],
        "activations": of_model(name),
        "proteins": results / "proteins" / "proteins.parquet",
        "annotations": results / "proteins" / "annotations.parquet",
        "mlp_inputs": of_model(site_name(name, MLP_IN)) if has_neurons else [],
    }


def linear_probes(results: Path, config: Config, layer: int) -> pd.DataFrame:
    """Linear probes of a layer of the run's own model (table ``probes``)."""
    path = results / "probes" / place(model_name(config), layer) / "probes.parquet"
    return read_table(path, PROBES)


def sparse_probe_rows(
    layer: Layer,
    cache: LayerCache,
    codes: Mapping[str, Codes],
    freeze: Mapping[str, str],
    mlp: Codes | None,
    probes: pd.DataFrame,
    settings: SparseProbeSettings,
) -> pd.DataFrame:
    """K-sparse probes of a layer: its SAEs, coordinates, components, neurons, and the sequence.

    Of the concepts that the sequence does not define. SAEs are compared with all others but SAEs
    that are not frozen.

    Parameters
    ----------
    layer : Layer
    cache : LayerCache
        Activations of the layer.
    codes : mapping of str to Codes
        Activations of each SAE, by its name.
    freeze : mapping of str to str
        What of each SAE is frozen, or none.
    mlp : Codes or None
        Neurons of the layer's MLP.
    probes : DataFrame
        Linear probes of the layer, as of ``probes`` in docs/tables.md.

    Returns
    -------
    DataFrame
        Columns as of ``sparse_probes`` in docs/tables.md.
    """
    concepts = layer.concepts.concepts
    own = np.flatnonzero([not is_defined_by_sequence(concept.type) for concept in concepts])
    linear = probes.set_index("concept").loc[[concepts[number].name for number in own]]
    simpler = layer_columns(cache, layer.names("train"))
    if mlp is not None:
        simpler[MLP] = mlp
    simpler[SEQUENCE] = SequenceColumns(layer.proteins)
    frozen = [name for name in codes if freeze[name] != "none"]
    baselines = {name: [*simpler, *(f for f in frozen if f != name)] for name in codes}
    sets = {**codes, **simpler}
    names = {SEQUENCE: NAMES, COORDINATES: coordinate_names(cache.d_model)}
    rows = probe_sets(layer, sets, own, settings.sizes, linear, baselines, names)
    numbers = rows["concept"].to_numpy()
    rows = rows.assign(
        model=cache.source.model,
        layer=cache.layer,
        freeze=rows["variant"].map(dict(freeze)).fillna("none"),
        concept=[concepts[number].name for number in numbers],
        concept_type=[concepts[number].type for number in numbers],
    )
    return rows[SPARSE_PROBES.names]


def layer_columns(cache: LayerCache, train: set[str]) -> dict[str, Codes]:
    """The coordinates of a layer and its principal components, centred on the mean of train.

    Unlike `baseline_detectors`, both signs in one column: a probe has weights of either sign. Of
    each coordinate also what is more than one standard deviation above, and below, the mean: an
    SAE's features are rectified, which no weights on plain coordinates make up for.
    """
    moments = layer_moments(cache.protein_blocks, train, cache.d_model)
    mean = moments.mean.astype(np.float32)
    spread = np.sqrt(np.diag(moments.scatter(moments.mean)) / moments.n_residues)
    spread = spread.astype(np.float32)

    def rectified(rows: np.ndarray) -> np.ndarray:
        centred = rows - mean
        beyond = [np.maximum(sign * centred - spread, 0) for sign in (1, -1)]
        return np.concatenate([centred, *beyond], axis=1)

    read, n = cache.protein_blocks, cache.d_model
    return {
        COORDINATES: Encoded(read, rectified, 3 * n, np.concatenate),
        PCA: Encoded(read, on_components(moments), n, np.concatenate),
    }


def coordinate_names(d_model: int) -> list[str]:
    """Names of the columns of coordinates in `layer_columns`.

    Examples
    --------
    >>> coordinate_names(2)
    ['0', '1', '0+', '1+', '0-', '1-']
    """
    return [f"{number}{sign}" for sign in ("", "+", "-") for number in range(d_model)]
