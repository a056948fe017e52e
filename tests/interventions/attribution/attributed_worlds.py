"""Models and SAEs whose attributions are checked, and fair-esm's own answers."""

from pathlib import Path

import torch
from esm.model.esm2 import ESM2

from protsae.config.sae_settings import TrainSettings
from protsae.interventions.log_odds import window_of
from protsae.plm.esm2.load import load_esm
from protsae.plm.esm2.tokens import MASK
from protsae.sae.architectures.topk import TopkSae
from tests.helpers.tiny_esm import ALPHABET, random_sequence

SHIPPED = Path(__file__).parents[3] / "data" / "model" / "esm2_t6_protsae.pt"
SEQUENCE, SITE = random_sequence(37), 11
WHOLE = window_of(SITE, len(SEQUENCE), 1022, 256)


def shipped():
    return load_esm(str(SHIPPED), "cpu").model.requires_grad_(False)


def shape_of_8m():
    torch.manual_seed(0)
    return ESM2(6, 320, 20, ALPHABET).eval().requires_grad_(False)


def topk_sae(d_model, k=7, seed=0):
    settings = TrainSettings(architecture="topk", k=k)
    sae = TopkSae.build(d_model, 2 * d_model, settings).init_weights(seed).requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    sae.b_dec.copy_(0.3 * torch.randn(d_model, generator=generator))
    return sae


def encode_with(sae):
    return lambda rows: sae.encode(torch.from_numpy(rows)).numpy()


class FairEsm:
    """fair-esm's own modules, with the activations after a block replaced by a hook."""

    def __init__(self, model, layer, mask_site=True):
        self.model, self.layer = model, layer
        _, _, tokens = ALPHABET.get_batch_converter()([("", SEQUENCE)])
        self.tokens = tokens.clone()
        if mask_site:
            self.tokens[0, 1 + SITE] = MASK

    def activations(self, layer):
        """Shape (n_tokens, d_model); before the final layer norm for the last layer."""
        kept = []
        handle = self.model.layers[layer - 1].register_forward_hook(
            lambda module, inputs, output: kept.append(output[0][:, 0].detach().clone())
        )
        with torch.no_grad():
            self.model(self.tokens)
        handle.remove()
        return kept[0]

    def run(self, x_ND, read_layer=None):
        """log p of all tokens of the sequence with these activations, or those of a layer."""

        def replace(module, inputs, output):
            return x_ND[:, None], output[1]

        handle = self.model.layers[self.layer - 1].register_forward_hook(replace)
        layers = [] if read_layer is None else [read_layer]
        found = self.model(self.tokens, repr_layers=layers)
        handle.remove()
        if read_layer is not None:
            return found["representations"][read_layer][0]
        return found["logits"][0].log_softmax(1)
