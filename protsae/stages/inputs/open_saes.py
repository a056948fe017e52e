"""The SAEs of a layer, and their codes, beside the activations that they were trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from protsae.errors import UserError
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.code_cache import StoredCodes
from protsae.io.saes.sae_files import SaeSource, read_sae, validate_same_source
from protsae.io.saes.sae_identity import sae_sha256
from protsae.sae.architectures import restore_sae
from protsae.sae.autoencoder import Sae


@dataclass(frozen=True)
class StoredSae:
    """An SAE and what it says of itself.

    Attributes
    ----------
    sae : Sae
    source : SaeSource
    sha256 : str
        Checksum of its files.
    """

    sae: Sae
    source: SaeSource
    sha256: str


def open_saes(
    folders: Sequence[str], shards: Sequence[str], protein_set: str, train: set[str]
) -> tuple[LayerCache, dict[str, StoredSae]]:
    """The variants of one layer by the names of their folders, and the activations of that layer.

    Parameters
    ----------
    folders, shards : sequence of str
    protein_set : str
        Checksum of the protein table that is used beside them.
    train : set of str
        Accessions of the train split.

    Raises
    ------
    UserError
        If two folders have one name, or an SAE belongs to other activations or another split.
    """
    read = {Path(folder).name: read_sae(folder) for folder in folders}
    if len(read) < len(folders):
        raise UserError("--sae: two folders of the same name; give the variants of one layer")
    cache = LayerCache(shards, next(iter(read.values()))[1].layer, protein_set)
    found = {}
    for folder, (name, (weights, source)) in zip(folders, read.items(), strict=True):
        validate_same_source(folder, source, cache, train)
        sae = restore_sae(source.architecture, source.k, weights)
        found[name] = StoredSae(sae, source, sae_sha256(folder))
    return cache, found


def open_other_seeds(
    folder: str | Path, own: StoredSae, cache: LayerCache, train: set[str]
) -> dict[int, StoredSae]:
    """The SAEs that were trained beside one with other seeds, by seed; they lie in its folder.

    Raises
    ------
    UserError
        If one is missing, or belongs to other activations or another split.
    """
    seed, n_seeds = own.source.settings.get("seed", 0), own.source.settings.get("seeds", 1)
    found = {}
    for number in range(seed + 1, seed + n_seeds):
        path = Path(folder) / f"seed-{number}"
        weights, source = read_sae(path)
        validate_same_source(path, source, cache, train)
        sae = restore_sae(source.architecture, source.k, weights)
        found[number] = StoredSae(sae, source, sae_sha256(path))
    return found


def open_codes(
    shards: Sequence[str], saes: Mapping[str, StoredSae], cache: LayerCache, order: list[str]
) -> dict[str, StoredCodes]:
    """The codes of each SAE.

    Raises
    ------
    UserError
        If they are not of these SAEs and activations, or their shards are out of order.
    """
    protein_set = cache.source.protein_set_sha256
    stored = {
        name: StoredCodes(shards, name, trained.sha256, protein_set)
        for name, trained in saes.items()
    }
    index = next(iter(stored.values())).index
    for key, value in vars(cache.source).items():
        if (found := getattr(index.source, key)) != value:
            raise UserError(
                f"--codes: {key} is {found}, but that of the activations is {value}; encode these "
                "activations first"
            )
    index.validate_order(order, "--codes")
    return stored
