"""A masked site of a random ESM-2 and random SAEs: what circuits are tested on."""

import torch
from esm.model.esm2 import ESM2
from torch import Tensor

from protsae.config.sae_settings import TrainSettings
from protsae.interventions.circuits.esm_layers import esm_layered_pass, sae_dictionary
from protsae.interventions.circuits.layered_pass import Dictionary, LayeredPass
from protsae.interventions.edited_predictions import Pass
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.tokens import N_TOKENS, Window, tokenise
from protsae.sae.architectures import build_sae
from protsae.sae.autoencoder import Sae
from tests.helpers.tiny_esm import random_sequence

LENGTH, SITE = 13, 4
SEQUENCE = random_sequence(LENGTH)
BUDGET = 61


def random_sae(d_model: int, seed: int, architecture: str = "topk", width: int = 29) -> Sae:
    settings = TrainSettings(architecture=architecture, k=5, width=width, seed=seed)
    sae = build_sae(settings, d_model)
    with torch.no_grad():
        # No bias is neutral.
        sae.b_dec += 0.1 * torch.randn(d_model, generator=torch.Generator().manual_seed(seed))
    return sae.eval().requires_grad_(False)


def site_of(sequence: str, position: int) -> Pass:
    """The pass that predicts a residue, 0-based."""
    n = len(sequence)
    return Pass(Window(0, 0, n, 0, n), tokenise(sequence), torch.tensor([position]).numpy())


def true_letter(sequence: str = SEQUENCE, position: int = SITE) -> Tensor:
    letters = torch.zeros(N_TOKENS)
    letters[tokenise(sequence)[position]] = 1
    return letters


def circuit_pass(
    model: ESM2, layers: tuple[int, ...], architecture: str = "topk", is_masked: bool = True
) -> tuple[LayeredPass, list[Dictionary], list[Sae]]:
    esm2 = FusedEsm2(model.requires_grad_(False))
    saes = [random_sae(esm2.d_model, seed, architecture) for seed in layers]
    one = esm_layered_pass(esm2, layers, site_of(SEQUENCE, SITE), true_letter(), is_masked)
    return one, [sae_dictionary(sae) for sae in saes], saes
