"""The model that scores variants: that of a run or an atlas with its SAEs, or an ESM-2 alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protsae import __version__
from protsae.config.stage_settings import EmbedSettings
from protsae.plm.embedding import Embedder
from protsae.plm.esm2.load import load_esm
from protsae.stages.embed_proteins import make_embedder
from protsae.stages.explaining.explainer import Explainer
from protsae.stages.explaining.opened_sae import OpenedSae

OF_ALL = 100
"""Mutants whose features are computed where all single ones are asked for: those with the lowest
log-odds. Each takes a forward pass, as long as that of the protein."""


@dataclass(frozen=True)
class Scoring:
    """A model, the SAEs of its layers, and what tables made with them state.

    Attributes
    ----------
    embedder : Embedder
    explainer : Explainer or None
        None if there are no SAEs.
    made_from : mapping
    """

    embedder: Embedder
    explainer: Explainer | None
    made_from: Mapping[str, Any]

    @property
    def saes(self) -> Mapping[tuple[int, str], OpenedSae]:
        """By layer and variant; none for an ESM-2 alone."""
        return self.explainer.saes if self.explainer else {}

    def n_wanted(self, n_mutants: int, asked: int | None, is_all: bool) -> int:
        """For how many of the mutants features are computed: all that are listed, 100 of all.

        Examples
        --------
        >>> Scoring(None, None, {}).n_wanted(7, None, is_all=False)
        0
        """
        if self.explainer is None:
            return 0
        return min(n_mutants, (OF_ALL if is_all else n_mutants) if asked is None else asked)


def scoring_of(explainer: Explainer) -> Scoring:
    """With the SAEs of a run or an atlas."""
    return Scoring(explainer.embedder, explainer, explainer.made_from)


def scoring_alone(model: str, threads: int) -> Scoring:
    """With an ESM-2 alone, in float32.

    Parameters
    ----------
    model : str
        fair-esm's name or the path of a .pt file, as `load_esm` takes it.

    Raises
    ------
    UserError
        As `load_esm` does.
    """
    esm = load_esm(model)
    settings = EmbedSettings(layers=(esm.model.num_layers,), tokens_per_batch=None)
    embedder = make_embedder(esm, settings, threads)
    made_from = {
        "model": esm.name,
        "weights_sha256": esm.weights_sha256,
        "code_version": __version__,
    }
    return Scoring(embedder, None, made_from)
