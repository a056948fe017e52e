"""A run's model and SAEs opened for proteins it has not seen, and checked to belong together."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from protsae import __version__
from protsae.config.settings import Config, parse_settings
from protsae.config.stage_settings import EmbedSettings
from protsae.detectors.encoding import encoder
from protsae.errors import UserError
from protsae.inspection.sae_features import feature_rows_of
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.code_cache import read_codes_source
from protsae.io.hdf5.shard_index import CacheSource
from protsae.io.saes.sae_files import read_sae
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.plm.embedding import Embedder
from protsae.plm.esm2.load import LoadedEsm
from protsae.run.layout import model_name, shard_names
from protsae.sae.architectures import restore_sae
from protsae.schema.explained.calibration_table import CALIBRATION
from protsae.stages.embed_proteins import make_embedder
from protsae.stages.explaining.explainer import Explainer
from protsae.stages.explaining.opened_sae import OpenedSae
from protsae.stages.inputs.models_of_activations import load_run_model
from protsae.stages.inputs.scored_sae import validate_sae

_AGAIN = "run the workflow again"


def open_explainer(
    results: Path,
    config: Config,
    folders: Mapping[tuple[int, str], Path],
    features: pd.DataFrame,
    best_features: pd.DataFrame,
    model: str | None = None,
    threads: int = 1,
    rates: Mapping[str, float] | None = None,
) -> Explainer:
    """Open the model and some SAEs of a run.

    Parameters
    ----------
    results : Path
        Folder of the run.
    config : Config
        Its settings.
    folders : mapping of (layer, variant) to Path
        The SAEs, one or more, all of the run's model.
    features, best_features : DataFrame
        The run's tables of these names.
    model : str, optional
        Path or name of the ESM-2; by default the one that the settings name.
    threads : int
        CPU threads of a matrix product. With more than one, the last digits may differ.
    rates : mapping of str to float, optional
        Base rates of concepts, that go before those of the feature table.

    Raises
    ------
    UserError
        If the model is not the one that the activations come from, an SAE or its codes are missing
        or do not belong together, or the feature table has no rows of an SAE.
    """
    shard = f"shard-{shard_names(config)[0]}.h5"
    scored_set = read_metadata(results / "features.parquet")["protein_set_sha256"]
    saes, sources = {}, {}
    for (layer, variant), folder in folders.items():
        weights, sae_source = read_sae(folder)
        codes = results / "codes" / folder.parent.relative_to(results / "sae") / shard
        sources[layer], digests = read_codes_source(codes)
        if sources[layer].protein_set_sha256 != scored_set:
            raise UserError(f"{codes}: of other proteins than features.parquet; {_AGAIN}")
        validate_sae(folder, layer, sae_source, sources[layer], digests.get(variant))
        encode = encoder(restore_sae(sae_source.architecture, sae_source.k, weights))
        n_features = len(weights["b_enc"])
        rows = feature_rows_of(features, sae_source.model, layer, variant, n_features, results)
        claims = read_calibration(results, folder.parent, variant, scored_set)
        saes[layer, variant] = OpenedSae.of(encode, rows, best_features, claims, rates or {})
    source = next(iter(sources.values()))
    esm = load_run_model(model, config, results, source)
    stated = json.loads(source.settings)
    dtypes = _stored_dtypes(results, config, source, list(sources))
    embedder = open_embedder(esm, stated, config.embed, sorted(sources), dtypes, threads)
    made_from = {
        "model": source.model,
        "weights_sha256": source.weights_sha256,
        "protein_set_sha256": source.protein_set_sha256,
        "saes": {f"{layer}/{name}": sae_sha256(path) for (layer, name), path in folders.items()},
        "code_version": __version__,
    }
    return Explainer(embedder, saes, made_from, stated)


def open_embedder(
    esm: LoadedEsm,
    stated: Mapping[str, Any],
    own: EmbedSettings,
    layers: Sequence[int],
    dtypes: Mapping[int, torch.dtype],
    threads: int,
) -> Embedder:
    """The model that computes layers as a run has computed them.

    Parameters
    ----------
    stated : mapping
        How the run's activations were computed, as they state: ``auto`` is the precision it chose.
    own : EmbedSettings
        Device and batch, which change the speed only.
    dtypes : mapping of int to torch.dtype
        In which the run stores layers, where that is known.
    """
    neutral = {
        "layers": tuple(layers),
        "device": own.device,
        "tokens_per_batch": own.tokens_per_batch,
    }
    settings = parse_settings(EmbedSettings, {**stated, **neutral}, "the run's activations")
    embedder = make_embedder(esm, settings, 1)
    torch.set_num_threads(threads)
    embedder.dtypes.update((layer, dtype) for layer, dtype in dtypes.items())
    return embedder


def read_calibration(results: Path, layer: Path, variant: str, proteins: str) -> pd.DataFrame:
    """Rows of an SAE in the calibration table of its layer.

    Parameters
    ----------
    layer : Path
        Folder of the layer's SAEs.
    proteins : str
        Checksum of the proteins of the feature table.
    """
    path = results / "annotation" / layer.relative_to(results / "sae") / "calibration.parquet"
    if read_metadata(path)["protein_set_sha256"] != proteins:
        raise UserError(f"{path}: of other proteins than features.parquet; {_AGAIN}")
    table = read_table(path, CALIBRATION)
    return table[table["variant"] == variant].reset_index(drop=True)


def _stored_dtypes(
    results: Path, config: Config, source: CacheSource, layers: list[int]
) -> dict[int, torch.dtype]:
    """The type in which the run stores each layer: float32 where float16 cannot hold it.

    Nothing if its activations are no longer there.
    """
    folder = results / "activations" / model_name(config)
    paths = [folder / f"shard-{shard}.h5" for shard in shard_names(config)]
    if not all(path.is_file() for path in paths):
        return {}
    caches = {layer: LayerCache(paths, layer, source.protein_set_sha256) for layer in layers}
    return {layer: getattr(torch, str(cache.dtype)) for layer, cache in caches.items()}
