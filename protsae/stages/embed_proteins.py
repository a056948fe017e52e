"""Activations of a shard of proteins, computed by ESM-2 and written layer by layer."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import torch

from protsae.config.reserved_names import site_name
from protsae.config.stage_settings import EmbedSettings
from protsae.device import chosen_precision, products_dtype, slow_precision
from protsae.errors import UserError
from protsae.io.disk_space import free_bytes, gigabytes, validate_free_space
from protsae.io.hdf5.activation_cache import LayerFormat, write_shard
from protsae.io.hdf5.shard_index import CacheSource
from protsae.io.hdf5.stored_rows import Compression
from protsae.io.progress import print_beside, progress
from protsae.one_line import note, shown
from protsae.plm.embedding import Embedder, precision_errors, token_budget
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import LoadedEsm
from protsae.plm.esm2.places import Inside, Place, Site, layer_of
from protsae.plm.precision import Float16Error
from protsae.proteins.shards import shard_proteins
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


def inside_outputs(words: Sequence[str], wanted: Sequence[str] = ()) -> dict[Site, Path]:
    """Files by site from words such as ``mlp_in=FILE``.

    Parameters
    ----------
    wanted : sequence of str, optional
        ``embed.sites``: each needs a file, but the residual stream, which has one in any case.

    Raises
    ------
    UserError
        If a word is no site and file, or a site is named twice or lacks its file.

    Examples
    --------
    >>> inside_outputs(["mlp_in=a.h5"])
    {'mlp_in': PosixPath('a.h5')}
    """
    sites: tuple[Site, ...] = get_args(Site)
    found: dict[Site, Path] = {}
    for word in words:
        named, _, path = word.partition("=")
        site = next((site for site in sites if site == named), None)
        if site is None or not path:
            raise UserError(
                f"--inside: {shown(word)}; expected SITE=FILE, where SITE is one of "
                f"{', '.join(sites)}"
            )
        if site in found:
            raise UserError(f"--inside: {site} is named twice; give each site once")
        found[site] = Path(path)
    for name in wanted:
        if name != "residual" and name not in found:
            raise UserError(f"embed.sites: {name} has no file; give it one: --inside {name}=FILE")
    return found


def make_embedder(
    esm: LoadedEsm, settings: EmbedSettings, threads: int, inside: Sequence[Site] = ()
) -> Embedder:
    """The embedder that these settings ask for, and torch's threads as it wants them.

    Parameters
    ----------
    inside : sequence of str, optional
        Sites that are embedded beside the layers, in the blocks that these layers are the ends of.
        Layer 0, the embedding, has none.

    Raises
    ------
    UserError
        If int8 is asked for on a GPU.
    """
    precision = products_dtype(settings.precision, esm.device)
    if precision == torch.int8 and esm.device.type != "cpu":
        raise UserError("embed.precision: int8 is for CPUs, but device is a GPU; set device: cpu")
    on_gpu = esm.device.type == "cuda"
    # On a GPU two workers: one computes while the other copies.
    workers = 2 if on_gpu else threads
    torch.set_num_threads(threads if on_gpu else 1)
    if precision == torch.float64:
        esm.model.double()
    esm2 = FusedEsm2(esm.model, precision)
    layers = settings.layers
    places: list[Place] = [*layers]
    places += [Inside(layer, site) for site in inside for layer in layers if layer > 0]
    n_kept = sum(esm2.width(place) for place in places) // esm2.d_model
    return Embedder(
        esm2,
        dict.fromkeys(places, getattr(torch, settings.dtype)),
        settings.context,
        settings.overlap,
        settings.tokens_per_batch or token_budget(esm.model, n_kept, precision, workers),
        workers,
    )


def embed_shard(
    embedder: Embedder,
    shard: pd.DataFrame,
    output: str | Path,
    source: CacheSource,
    compression: Compression,
    tell: Callable[[str], None] = print_beside,
    inside: Mapping[Site, str | Path] | None = None,
) -> dict[Place, float]:
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
    inside : mapping of site to path, optional
        Files of the sites that ``embedder`` embeds beside layers: each the same for its site, as of
        a model by the name of `site_name`.

    Returns
    -------
    dict of place to float
        |error| / |x|, from `precision_errors`.

    Raises
    ------
    UserError
        If it does not fit on the disk.
    """
    if compression == "none":
        _validate_room(embedder, shard, output)
    outputs: dict[Site | None, str | Path] = {None: output}
    outputs.update((site, path) for site, path in (inside or {}).items())
    while True:
        try:
            return _write(embedder, shard, outputs, source, compression)
        except Float16Error as error:
            tell(note(f"{error}; storing it in float32, from the start"))
            embedder.dtypes[error.place] = torch.float32


def _validate_room(embedder: Embedder, shard: pd.DataFrame, output: str | Path) -> None:
    """Raise UserError if the activations of a shard, not compressed, do not fit on the disk."""
    n_residues, n_layers = int(shard["length"].sum()), len(embedder.dtypes)
    validate_free_space(
        output,
        n_residues * _bytes_of_residue(embedder),
        f"activations of {n_residues:,} residues in {n_layers} layers and sites",
        "store less (embed.layers, embed.sites, mlp, embed.dtype)",
    )


def _write(
    embedder: Embedder,
    shard: pd.DataFrame,
    outputs: Mapping[Site | None, str | Path],
    source: CacheSource,
    compression: Compression,
) -> dict[Place, float]:
    accessions, lengths = shard["accession"].tolist(), shard["length"].tolist()
    first_row = ragged.starts(np.asarray(lengths))
    formats: dict[Site | None, dict[int, LayerFormat]] = {site: {} for site in outputs}
    for place, dtype in embedder.dtypes.items():
        form = LayerFormat(embedder.esm2.width(place), str(dtype).removeprefix("torch."))
        formats[_site_of(place)][layer_of(place)] = form
    sequences = shard["sequence"].tolist()
    with ExitStack() as files, progress(sum(lengths), "embedding", "residues") as bar:
        writers = {}
        for site, path in outputs.items():
            own = replace(source, model=site_name(source.model, site)) if site else source
            writing = write_shard(path, accessions, lengths, formats[site], own, compression)
            writers[site] = files.enter_context(writing)
        for piece in embedder(sequences):
            for place, rows in piece.rows.items():
                first = int(first_row[piece.protein]) + piece.start
                writers[_site_of(place)].write(layer_of(place), first, rows)
            bar.update(len(rows))
        errors = precision_errors(embedder, sequences)
        for place, error in errors.items():
            writers[_site_of(place)].note(layer_of(place), "relative_error", error)
    return errors


def _site_of(place: Place) -> Site | None:
    """The site of a place inside of a block; None of a layer."""
    return place.site if isinstance(place, Inside) else None


def embedded_lines(
    embedder: Embedder,
    shard: pd.DataFrame,
    settings: EmbedSettings,
    errors: Mapping[Place, float],
) -> list[str]:
    """What was embedded, how exactly, letters read as others, and a GPU that was too small.

    Parameters
    ----------
    errors : mapping of place to float
        From `embed_shard`.
    """
    n_residues, esm2 = shard["length"].sum(), embedder.esm2
    lines = [
        f"{len(shard):,} proteins, {n_residues:,} residues, {len(settings.layers)} layers in "
        f"{settings.precision} on {esm2.device}"
    ]
    of_layers = {place: error for place, error in errors.items() if _site_of(place) is None}
    error_words = [f"{error:.2g} in layer {layer}" for layer, error in of_layers.items()]
    lines.append(f"|error| / |x| of precision and storage: {', '.join(error_words)}")
    if settings.precision == "int8":
        least, most = (100 * of(of_layers.values()) for of in (min, max))
        lines.append(
            note(
                "products of 8-bit integers (embed.precision: int8) change activations by "
                f"{least:.2g} to {most:.2g} % of their norm, by layer"
            )
        )
    if n_j := sum(sequence.count("J") for sequence in shard["sequence"]):
        lines.append(note(f"{n_j:,} J read as X (ESM-2 has no J)"))
    if embedder.out_of_memory:
        text = (
            f"the GPU's memory ran out {embedder.out_of_memory} times; it ended with "
            f"{embedder.tokens_per_batch:,} tokens in a batch (embed.tokens_per_batch)"
        )
        lines.append(note(text))
    return lines


def later_shards_note(
    embedder: Embedder, proteins: pd.DataFrame, shard: int, n_shards: int, output: str | Path
) -> list[str]:
    """A note if the shards after this one do not fit on the disk, else nothing.

    Parameters
    ----------
    proteins : DataFrame
        proteins.parquet, whole.
    shard, n_shards : int
        Number of this shard, and how many there are.
    output : str or Path
        Its file, which is written already.
    """
    later = range(shard + 1, n_shards)
    n_residues = sum(int(shard_proteins(proteins, k, n_shards)["length"].sum()) for k in later)
    needed, free = n_residues * _bytes_of_residue(embedder), free_bytes(output)
    if needed <= free:
        return []
    return [
        note(
            f"the {len(later)} shards after this one take {gigabytes(needed)}, but "
            f"{gigabytes(free)} of the disk are free"
        )
    ]


def _bytes_of_residue(embedder: Embedder) -> int:
    """Bytes that all layers and sites of one residue take, not compressed."""
    width = embedder.esm2.width
    return sum(width(place) * dtype.itemsize for place, dtype in embedder.dtypes.items())
