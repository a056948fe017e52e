import pickletools
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from protsae.config.sae_settings import TrainSettings
from protsae.io.saes.checkpoints import Trained, read_checkpoint, write_checkpoint
from protsae.sae.architectures import build_sae
from protsae.sae.autoencoder import Batch
from protsae.sae.training.step import SaeTraining

N, D, F = 13, 5, 11
SETTINGS = TrainSettings(architecture="topk", width=F, k=1, steps=7)
PROGRESS = {"step": 3, "curve": [{"step": 3, "loss": 1 / 3}]}


def batch(step: int) -> Batch:
    return Batch.of(torch.randn(N, D, generator=torch.Generator().manual_seed(step)))


def fresh(seed: int = 0) -> dict[str, SaeTraining]:
    """Two SAEs that train side by side."""
    trainings = {}
    for i, name in enumerate(("one", "two")):
        settings = SETTINGS.model_copy(update={"seed": seed + 10 * i})
        trainings[name] = SaeTraining(build_sae(settings, D), settings)
    return trainings


def trained(n_steps: int) -> dict[str, SaeTraining]:
    trainings = fresh()
    for step in range(n_steps):
        for training in trainings.values():
            training.step(batch(step), step)
    return trainings


def with_optimisers(trainings: dict[str, SaeTraining]) -> Trained:
    return {name: (training, training.optimiser) for name, training in trainings.items()}


def assert_equal(one: dict[str, SaeTraining], two: dict[str, SaeTraining]) -> None:
    for key, training in one.items():
        others = two[key].state_dict()
        for name, value in training.state_dict().items():
            assert torch.equal(others[name], value), (key, name)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    checkpoint = tmp_path / "checkpoint.safetensors"
    write_checkpoint(checkpoint, "mine", with_optimisers(trained(3)), PROGRESS)
    return checkpoint


def test_all_comes_back_bit_for_bit(path: Path) -> None:
    wanted, found = trained(3), fresh(seed=1)
    assert read_checkpoint(path, "mine", with_optimisers(found), print) == PROGRESS
    assert_equal(wanted, found)
    assert any(training.idle_F.any() for training in wanted.values())
    for key, training in wanted.items():
        states = found[key].optimiser.state_dict()["state"]
        assert len(states) == 4
        for index, state in training.optimiser.state_dict()["state"].items():
            assert sorted(state) == ["exp_avg", "exp_avg_sq", "step"]
            for moment, value in state.items():
                assert torch.equal(states[index][moment], value), (key, index, moment)


def test_a_name_may_have_a_slash(tmp_path: Path) -> None:
    checkpoint, found = tmp_path / "checkpoint.safetensors", fresh(seed=1)["one"]
    wanted = trained(3)["one"]
    write_checkpoint(checkpoint, "mine", {"6/one": (wanted, wanted.optimiser)}, PROGRESS)
    read_checkpoint(checkpoint, "mine", {"6/one": (found, found.optimiser)}, print)
    assert_equal({"one": found}, {"one": wanted})


def test_going_on_is_as_if_never_stopped(path: Path) -> None:
    found = fresh(seed=1)
    read_checkpoint(path, "mine", with_optimisers(found), print)
    for step in range(3, 7):
        for training in found.values():
            training.step(batch(step), step)
    assert_equal(trained(7), found)


def assert_untouched(path: Path, identity: str) -> None:
    found = fresh()
    assert read_checkpoint(path, identity, with_optimisers(found), print) is None
    assert_equal(fresh(), found)
    assert all(t.optimiser.state_dict()["state"] == {} for t in found.values())


Said = pytest.CaptureFixture[str]


def not_used(path: Path, problem: str) -> str:
    return f"note: {path}: checkpoint not used: {problem}; training starts over\n"


def test_of_other_settings(path: Path, capsys: Said) -> None:
    assert_untouched(path, "another")
    assert capsys.readouterr().out == not_used(path, "of other settings, data or code")


def test_no_checkpoint(tmp_path: Path, capsys: Said) -> None:
    assert_untouched(tmp_path / "none.safetensors", "mine")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("n_bytes", [0, 5, 300, -1], ids=str)
def test_cut_short(path: Path, n_bytes: int, capsys: Said) -> None:
    path.write_bytes(path.read_bytes()[:n_bytes])
    assert_untouched(path, "mine")
    said = capsys.readouterr().out
    assert said.startswith(f"note: {path}: checkpoint not used: cannot be read (")
    assert said.endswith("); training starts over\n")
    assert said.count("\n") == 1


def test_a_folder_in_its_place(tmp_path: Path, capsys: Said) -> None:
    assert_untouched(tmp_path, "mine")
    assert capsys.readouterr().out.startswith(
        f"note: {tmp_path}: checkpoint not used: cannot be read ("
    )


@pytest.mark.parametrize("place", [-1, -200, -5000], ids=str)
def test_a_flipped_bit(path: Path, place: int, capsys: Said) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[max(place, 1000 - len(damaged))] ^= 1
    path.write_bytes(damaged)
    assert_untouched(path, "mine")
    said = capsys.readouterr().out
    assert said.startswith(f"note: {path}: checkpoint not used: ")
    assert said.count("\n") == 1


def test_weights_that_are_no_checkpoint(tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"W_dec": torch.ones(2, 3)}, path)
    assert_untouched(path, "mine")
    problem = "not written by this version of protsae"
    assert capsys.readouterr().out == not_used(path, problem)


def test_plain_tensors_and_no_pickle(path: Path) -> None:
    names = load_file(path)
    # Of each SAE four weights, two counts, and three moments of each weight.
    assert len(names) == 2 * (4 + 2 + 4 * 3)
    with pytest.raises(ValueError, match=r"opcode|pickle"):
        list(pickletools.genops(path.read_bytes()))
