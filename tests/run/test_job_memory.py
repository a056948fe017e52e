"""Memory that training asks the cluster for follows the model's width."""

from pathlib import Path

import pytest

from protsae.config.released_models import RELEASED
from protsae.config.settings import Config, parse_settings
from protsae.run.job_memory import model_shape, training_megabytes
from protsae.run.layout import model_name
from tests.helpers.fenced import ROOT

TOPK = {"architecture": "topk", "expansion": 4}
LARGE = "esm2_t33_650M_UR50D"


def config(*saes: dict, model: str = LARGE, **trainer: int) -> Config:
    named = {f"sae{number}": sae for number, sae in enumerate(saes or [TOPK])}
    whole = {"train": named, "trainer": trainer, "embed": {"model": model}, "onehot": False}
    return parse_settings(Config, whole, "config")


@pytest.mark.parametrize("name", RELEASED)
def test_released_models_have_the_shape_that_they_have(name: str) -> None:
    assert model_shape(config(model=name)) == RELEASED[name][:2]


@pytest.mark.parametrize(("name", "layers", "d_model"), [("t6", 6, 128), ("t8", 8, 320)])
def test_shipped_models_are_hardly_taken_for_wider(name: str, layers: int, d_model: int) -> None:
    path = ROOT / "data/model" / f"esm2_{name}_protsae.pt"
    found = model_shape(config(model=str(path)))
    assert found[0] == layers
    assert d_model <= found[1] <= 1.02 * d_model


@pytest.mark.parametrize(("name", "shape"), [("esm2_t3_x.pt", (3, 10)), ("esm2_x.pt", (1, 17))])
def test_a_file_of_7200_bytes(tmp_path: Path, name: str, shape: tuple[int, int]) -> None:
    """3,600 weights of 2 bytes are 3 blocks of 12 x 10 x 10, or one of up to 12 x 17 x 17."""
    (tmp_path / name).write_bytes(bytes(7200))
    assert model_shape(config(model=str(tmp_path / name))) == shape


def test_by_hand() -> None:
    """Width 1280: a buffer of 1,000 residues takes 5.12 MB; two SAEs of 5,120 features 209.7152 MB
    each, a batch of 100 18.432 MB. With 700 MB for the program 1,142.9824 MB, times 1.5."""
    of_two = config(TOPK, {**TOPK, "expansion": 1, "width": 5120}, batch=100, buffer=1000)
    assert training_megabytes(of_two, LARGE) == 1714


def test_training_end_to_end_holds_the_model_too() -> None:
    plain, through = (config({**TOPK, "kl": kl}) for kl in (0.0, 1.0))
    more = training_megabytes(through, LARGE) - training_megabytes(plain, LARGE)
    # 12 x 33 x 1280^2 weights, twice 4 bytes, times 1.5.
    assert more in (7785, 7786)


def test_the_permuted_model_needs_what_its_model_needs_and_one_hot_less() -> None:
    of = config()
    found = [training_megabytes(of, n) for n in (LARGE, f"{LARGE}-permuted", "onehot")]
    assert model_name(of) == LARGE
    assert found[0] == found[1] > found[2]
