"""What is taken of a protein's means is the mean of what the edit takes of its residues."""

import numpy as np
import pytest
import torch

from protsae.config.sae_settings import TrainSettings
from protsae.interventions.confounders.removal_arms import REMOVALS, Proteins, removals
from protsae.interventions.confounders.removal_edits import removal_edit
from protsae.sae.architectures import build_sae

D_MODEL, LENGTHS = 5, [17, 3, 11, 7, 13, 2, 5, 19]
LABEL = np.array([False, False, True, True] * 2)
CONFOUNDER = np.array([False, True] * 4)


@pytest.mark.parametrize("arm", REMOVALS)
def test_the_mean_of_edited_residues_is_the_edited_mean(arm: str) -> None:
    sae = build_sae(TrainSettings(architecture="relu", expansion=3), D_MODEL).init_weights(0)
    generator = torch.Generator().manual_seed(0)
    residues = [
        torch.randn(n, D_MODEL, generator=generator) + 3 * bool(has)
        for n, has in zip(LENGTHS, CONFOUNDER, strict=True)
    ]
    x_ND = np.stack([x.mean(0).double().numpy() for x in residues])
    f_NF = np.stack([sae.encode(x).mean(0).detach().numpy() for x in residues])
    every = Proteins(x_ND, f_NF, LABEL, CONFOUNDER)
    found = removals(every, sae.W_dec.detach().numpy(), np.ones(15), (1, 2), 1, 0.1, 0)
    *_, removal = (one for one in found if one.arm == arm)

    edit = removal_edit(removal, 2, sae)
    assert edit.place == 2
    edited = [edit.edited(x, torch.ones(len(x), dtype=torch.bool)).mean(0) for x in residues]
    expected = torch.stack(edited).detach().numpy()
    assert np.abs(expected - x_ND).max() > 1e-3
    np.testing.assert_allclose(removal.apply(every), expected, atol=1e-5)
