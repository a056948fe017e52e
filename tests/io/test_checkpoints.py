import pickletools
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from protsae.config import TrainSettings
from protsae.io.checkpoints import read_checkpoint, write_checkpoint
from protsae.sae.models import Sae, build_sae
from protsae.sae.train import build_optimiser, train_step

N, D, F = 13, 5, 11
SETTINGS = TrainSettings(architecture="topk", width=F, k=3, steps=7)
PROGRESS = {"step": 3, "curve": [{"step": 3, "loss": 1 / 3}]}


def batch(step: int) -> torch.Tensor:
    return torch.randn(N, D, generator=torch.Generator().manual_seed(step))


def fresh(seed: int = 0) -> tuple[Sae, torch.optim.Adam]:
    sae = build_sae(SETTINGS.model_copy(update={"seed": seed}), D)
    return sae, build_optimiser(sae, SETTINGS)


def trained(n_steps: int) -> tuple[Sae, torch.optim.Adam]:
    sae, optimiser = fresh()
    for step in range(n_steps):
        train_step(sae, optimiser, batch(step), step, SETTINGS)
    return sae, optimiser


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "checkpoint.safetensors", "mine", *trained(3), PROGRESS)
    return tmp_path / "checkpoint.safetensors"


def test_all_comes_back_bit_for_bit(path: Path) -> None:
    wanted_sae, wanted = trained(3)
    sae, optimiser = fresh(seed=1)
    assert read_checkpoint(path, "mine", sae, optimiser) == PROGRESS
    for name, value in wanted_sae.named_parameters():
        assert torch.equal(sae.get_parameter(name), value), name
    states = optimiser.state_dict()["state"]
    assert len(states) == 4
    for index, state in wanted.state_dict()["state"].items():
        assert sorted(state) == ["exp_avg", "exp_avg_sq", "step"]
        for moment, value in state.items():
            assert torch.equal(states[index][moment], value), (index, moment)


def test_going_on_is_as_if_never_stopped(path: Path) -> None:
    wanted, _ = trained(7)
    sae, optimiser = fresh(seed=1)
    read_checkpoint(path, "mine", sae, optimiser)
    for step in range(3, 7):
        train_step(sae, optimiser, batch(step), step, SETTINGS)
    for name, value in wanted.named_parameters():
        assert torch.equal(sae.get_parameter(name), value), name


def assert_untouched(path: Path, identity: str) -> None:
    sae, optimiser = fresh()
    assert read_checkpoint(path, identity, sae, optimiser) is None
    for name, value in fresh()[0].named_parameters():
        assert torch.equal(sae.get_parameter(name), value), name
    assert optimiser.state_dict()["state"] == {}


def test_of_other_settings(path: Path) -> None:
    assert_untouched(path, "another")


def test_no_checkpoint(tmp_path: Path) -> None:
    assert_untouched(tmp_path / "none.safetensors", "mine")


@pytest.mark.parametrize("n_bytes", [0, 5, 300, -1], ids=str)
def test_cut_short(path: Path, n_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:n_bytes])
    assert_untouched(path, "mine")


def test_weights_that_are_no_checkpoint(tmp_path: Path) -> None:
    save_file({"W_dec": torch.ones(2, 3)}, tmp_path / "weights.safetensors")
    assert_untouched(tmp_path / "weights.safetensors", "mine")


def test_plain_tensors_and_no_pickle(path: Path) -> None:
    names = load_file(path)
    assert len(names) == 4 + 4 * 3
    with pytest.raises(ValueError, match=r"opcode|pickle"):
        list(pickletools.genops(path.read_bytes()))
