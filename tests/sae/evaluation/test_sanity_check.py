"""A few rows through an SAE before it is relied on."""

import re

import pytest
import torch

from protsae.config.sae_settings import TrainSettings
from protsae.sae.architectures import ARCHITECTURES, TopkSae, build_sae
from protsae.sae.evaluation.sanity_check import trial_problem


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nothing_is_wrong_with_our_own(architecture: str) -> None:
    sae = build_sae(TrainSettings(architecture=architecture, width=11, k=3), 5)
    assert trial_problem(sae) is None


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_weights_that_are_not_finite(value: float) -> None:
    """-inf would only keep a feature from ever being active."""
    sae = TopkSae(5, 11, 3).init_weights(0)
    sae.b_enc.data[7] = value
    assert trial_problem(sae) == "b_enc NaN or infinite once all is folded in"


def test_an_output_that_overflows() -> None:
    sae = TopkSae(5, 11, 11).init_weights(0)
    sae.W_enc.data *= 1e30
    sae.W_dec.data *= 1e30
    assert trial_problem(sae) == "output NaN or infinite at 64 of 64 made-up residues"


class Dense(TopkSae):
    """Which forgets to select."""

    def activate(self, pre_NF: torch.Tensor) -> torch.Tensor:
        return pre_NF.relu()


def test_another_number_of_active_features() -> None:
    problem = trial_problem(Dense(5, 11, 1).init_weights(0))
    assert problem is not None
    assert re.fullmatch(r"not k = 1 active features at \d\d of 64 made-up residues", problem)


def test_fewer_than_k_where_fewer_are_above_0() -> None:
    assert trial_problem(TopkSae(5, 11, 11).init_weights(0)) is None
