"""The model that activations of a run come from, opened to run with other activations."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from protsae import __version__
from protsae.config.reserved_names import model_of
from protsae.config.settings import Config
from protsae.io.hdf5.shard_index import CacheSource
from protsae.plm.embedding import token_budget
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import LoadedEsm
from protsae.stages.inputs.models_of_activations import load_run_model


@dataclass(frozen=True)
class OpenedModel:
    """A model without gradients of its weights.

    Attributes
    ----------
    esm : LoadedEsm
    esm2 : FusedEsm2
        The same, in float32.
    context, overlap : int
        Windows as those of the run's activations.
    made_from : mapping
        What a table or graph made with it states: model, proteins and SAEs, by their digests.
    """

    esm: LoadedEsm
    esm2: FusedEsm2
    context: int
    overlap: int
    made_from: Mapping[str, Any]

    def tokens_per_batch(self, n_kept: int) -> int:
        """Tokens that run together if ``n_kept`` x d_model numbers are kept for each."""
        return token_budget(self.esm.model, n_kept, torch.float32)


def open_model(
    results: Path,
    config: Config,
    source: CacheSource,
    saes: Mapping[str, str],
    model: str | None = None,
    threads: int = 1,
) -> OpenedModel:
    """Open the model that some activations of a run come from.

    Parameters
    ----------
    results : Path
        Folder of the run.
    config : Config
        Its settings.
    source : CacheSource
        Of the activations.
    saes : mapping of str to str
        SHA-256 of the SAEs of them, by the name that ``made_from`` gives each.
    model : str, optional
        Path or name of the ESM-2, if it is no longer where the settings say.
    threads : int
        CPU threads of a matrix product.

    Raises
    ------
    UserError
        If the model is missing, or is another one.
    """
    esm = load_run_model(model, config, results, source)
    torch.set_num_threads(threads)
    stated = json.loads(source.settings)
    made_from = {
        "model": model_of(source.model),
        "weights_sha256": source.weights_sha256,
        "protein_set_sha256": source.protein_set_sha256,
        "saes": dict(saes),
        "code_version": __version__,
    }
    esm2 = FusedEsm2(esm.model.requires_grad_(False))
    return OpenedModel(esm, esm2, int(stated["context"]), int(stated["overlap"]), made_from)
