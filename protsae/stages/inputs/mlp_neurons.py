"""The neurons of a layer's MLP, from what the MLP reads, which is stored, and its weights."""

from collections.abc import Sequence
from dataclasses import replace

from protsae.config.reserved_names import MLP_IN, model_of, site_name
from protsae.detectors.activations import Encoded, ReadBlocks
from protsae.detectors.baselines import neurons
from protsae.errors import UserError
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.plm.esm2.load import LoadedEsm, load_same_esm


def open_neurons(
    shards: Sequence[str], model: str | None, cache: LayerCache, order: Sequence[str]
) -> Encoded | None:
    """The neurons of the block whose output a layer is; None without shards.

    Parameters
    ----------
    shards : sequence of str
        What the MLPs of the model read, as `protsae embed --inside mlp_in=FILE` writes it.
    model : str, optional
        Path or name of the ESM-2.
    cache : LayerCache
        Activations of the layer.
    order : sequence of str
        Accessions as the table of proteins has them.

    Raises
    ------
    UserError
        If the model is missing or another one, or the shards are of other activations.
    """
    if not shards:
        return None
    source = cache.source
    if not model:
        raise UserError(f"--model: give the ESM-2 of the neurons, {source.model}; found none")
    inputs = LayerCache(shards, cache.layer, source.protein_set_sha256)
    expected = replace(source, model=site_name(model_of(source.model), MLP_IN))
    for key, value in vars(expected).items():
        if (found := getattr(inputs.source, key)) != value:
            raise UserError(
                f"--mlp-inputs: {key} is {found}; expected {value}, to go with the activations; "
                "run the embed stage again"
            )
    inputs.index.validate_order(order, "--mlp-inputs")
    esm = load_same_esm(model, "cpu", source.weights_sha256)
    return block_neurons(esm, cache.layer, inputs.protein_blocks)


def block_neurons(esm: LoadedEsm, layer: int, mlp_inputs: ReadBlocks) -> Encoded:
    """The neurons of the MLP in the block whose output ``layer`` is, from what this MLP reads."""
    up = esm.model.layers[layer - 1].fc1
    weight, bias = (x.detach().float().numpy() for x in (up.weight, up.bias))
    return neurons(mlp_inputs, weight, bias)
