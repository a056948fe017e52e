"""Activations of a shard of proteins, computed by ESM-2 and written layer by layer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from protsae.config.stage_settings import EmbedSettings
from protsae.device import chosen_precision, products_dtype, slow_precision
from protsae.io.hdf5.activation_cache import LayerFormat, write_shard
from protsae.io.hdf5.shard_index import CacheSource
from protsae.io.hdf5.stored_rows import Compression
from protsae.io.progress import print_beside, progress
from protsae.one_line import note
from protsae.plm.embedding import Embedder, precision_errors, token_budget
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import LoadedEsm
from protsae.plm.precision import Float16Error
from protsae.statistics import ragged


def with_named_precision(
    settings: EmbedSettings, device: torch.device, tell: Callable[[str], None]
) -> EmbedSettings:
    """The settings with the precision that ``auto`` stands for on this device.

    The cache states what it was computed in, so that shards of machines that chose differently are
    not taken for one.

    Parameters
    ----------
    tell : function of str
        Gets a line on the choice, or on a precision that is slow here.
    """
    key = "embed.precision"
    if settings.precision != "auto":
        if slow := slow_precision(key, settings.precision, device):
            tell(note(slow))
        return settings
    tell(note(chosen_precision(key, device)))
    chosen = str(products_dtype("auto", device)).removeprefix("torch.")
    return settings.model_copy(update={"precision": chosen})


def make_embedder(esm: LoadedEsm, settings: EmbedSettings, threads: int) -> Embedder:
    """The embedder that these settings ask for, and torch's threads as it wants them."""
    precision = products_dtype(settings.precision, esm.device)
    on_gpu = esm.device.type == "cuda"
    # On a GPU two workers: one computes while the other copies.
    workers = 2 if on_gpu else threads
    torch.set_num_threads(threads if on_gpu else 1)
    if precision == torch.float64:
        esm.model.double()
    return Embedder(
        FusedEsm2(esm.model, precision),
        dict.fromkeys(settings.layers, getattr(torch, settings.dtype)),
        settings.context,
        settings.overlap,
        settings.tokens_per_batch
        or token_budget(esm.model, len(settings.layers), precision, workers),
        workers,
    )


def embed_shard(
    embedder: Embedder,
    shard: pd.DataFrame,
    output: str | Path,
    source: CacheSource,
    compression: Compression,
    tell: Callable[[str], None] = print_beside,
) -> None:
    """Write one shard, with each layer's measured error of precision and storage.

    A layer whose values float16 cannot hold is stored in float32, from the start; ``embedder``
    remembers it.

    Parameters
    ----------
    embedder : Embedder
    shard : DataFrame
        Rows of proteins.parquet.
    output : str or Path
        The HDF5 file.
    source : CacheSource
        Model, weights, proteins and settings, for the file.
    compression : str
        As of `write_shard`.
    tell : function of str, optional
        Gets a line for each layer that is stored in float32. Progress is shown on stderr.
    """
    while True:
        try:
            _write(embedder, shard, output, source, compression)
            return
        except Float16Error as error:
            tell(note(f"{error}; storing it in float32, from the start"))
            embedder.dtypes[error.place] = torch.float32


def _write(
    embedder: Embedder,
    shard: pd.DataFrame,
    output: str | Path,
    source: CacheSource,
    compression: Compression,
) -> None:
    accessions, lengths = shard["accession"].tolist(), shard["length"].tolist()
    first_row = ragged.starts(np.asarray(lengths))
    formats = {
        layer: LayerFormat(embedder.esm2.d_model, str(dtype).removeprefix("torch."))
        for layer, dtype in embedder.dtypes.items()
    }
    sequences = shard["sequence"].tolist()
    with (
        write_shard(output, accessions, lengths, formats, source, compression) as writer,
        progress(sum(lengths), "embedding", "residues") as bar,
    ):
        for piece in embedder(sequences):
            for layer, rows in piece.rows.items():
                writer.write(layer, int(first_row[piece.protein]) + piece.start, rows)
            bar.update(len(rows))
        for layer, error in precision_errors(embedder, sequences).items():
            writer.note(layer, "relative_error", error)
