"""Memory that training asks the cluster for follows the model's width."""

import pytest

from protsae.config.settings import Config, parse_settings
from protsae.plm.esm2.load import RELEASED
from protsae.run.job_memory import model_shape, training_megabytes


def config(*saes: dict, **trainer: int) -> Config:
    named = {f"sae{number}": sae for number, sae in enumerate(saes)}
    whole = {"train": named, "trainer": trainer, "onehot": False}
    return parse_settings(Config, whole, "config")


TOPK = {"architecture": "topk", "expansion": 4}


def test_released_models_have_the_shape_that_their_weights_have() -> None:
    for name, (n_layers, d_model, _) in RELEASED.items():
        assert model_shape(name) == (n_layers, d_model)


@pytest.mark.parametrize("model", ["esm2_t7_mine", "mine", "esm2"])
def test_an_unknown_model_may_be_as_wide_as_any(model: str) -> None:
    assert model_shape(model) == (48, 5120)


def test_by_hand() -> None:
    """Width 1280: a buffer of 1,000 residues takes 5.12 MB; two SAEs of 5,120 features 209.7152 MB
    each, a batch of 100 18.432 MB. With 700 MB for the program 1,142.9824 MB, times 1.5."""
    of_two = config(TOPK, {**TOPK, "expansion": 1, "width": 5120}, batch=100, buffer=1000)
    assert training_megabytes(of_two, "esm2_t33_650M_UR50D") == 1714


def test_training_end_to_end_holds_the_model_too() -> None:
    plain, through = ({**TOPK, "kl": kl} for kl in (0.0, 1.0))
    more = training_megabytes(config(through), "esm2_t33_650M_UR50D")
    # 12 x 33 x 1280^2 weights, twice 4 bytes, times 1.5.
    assert more - training_megabytes(config(plain), "esm2_t33_650M_UR50D") in (7785, 7786)


def test_permuted_models_need_what_their_model_needs() -> None:
    name = "esm2_t12_35M_UR50D"
    assert training_megabytes(config(TOPK), f"{name}-permuted") == training_megabytes(
        config(TOPK), name
    )
