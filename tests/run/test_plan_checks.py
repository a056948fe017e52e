"""What no job could do is refused before the first one."""

from pathlib import Path
from typing import Any

import pytest

from protsae.config.settings import Config, parse_settings
from protsae.errors import UserError
from protsae.run import plan_checks
from protsae.run.plan_checks import has_gpu, validate_devices, validate_plan


def config(**values: Any) -> Config:
    return parse_settings(Config, values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(
            {"embed": {"model": "esm2_t6_8M"}},
            "embed.model: 'esm2_t6_8M' is not an ESM-2 of fair-esm; did you mean "
            "'esm2_t6_8M_UR50D'? Expected a local .pt file or one of esm2_t6_8M_UR50D, ",
            id="model",
        ),
        pytest.param(
            {"embed": {"model": "esm2_t12_35M_UR50D", "layers": [12, 13]}},
            "embed.layers: layer 13 is not in esm2_t12_35M_UR50D; expected 0 to 12 (0 = ",
            id="layer of a released model",
        ),
        pytest.param(
            {"permuted_layers": [7]},
            "permuted_layers: layer 7 is not in esm2_t6_protsae; expected 0 to 6 (0 = ",
            id="permuted layer of a file that says its layers",
        ),
        pytest.param(
            {
                "embed": {"model": "esm2_t6_8M_UR50D", "layers": [1]},
                "onehot": False,
                "train": {"a": {"architecture": "batchtopk", "k": 641, "expansion": 2}},
            },
            "train.a.k: 641 active features, but on esm2_t6_8M_UR50D the SAE has no more than 640; "
            "lower k, or raise width or expansion",
            id="k",
        ),
        pytest.param(
            {"train": {"a": {"architecture": "topk", "k": 105, "expansion": 4}}},
            "train.a.k: 105 active features, but on one-hot sequences (onehot: false leaves them "
            "out) the SAE has no more than 104; ",
            id="k on one-hot sequences",
        ),
        pytest.param(
            {"train": {"a": {"architecture": "matryoshka", "k": 12, "width": 11}}},
            "train.a.k: 12 active features, but on esm2_t6_protsae the SAE has no more than 11; ",
            id="k above width",
        ),
    ],
)
def test_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        validate_plan(config(**values))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="default"),
        pytest.param({"embed": {"layers": [0, 6]}}, id="first and last layer"),
        pytest.param(
            {"train": {"a": {"architecture": "topk", "k": 104, "expansion": 4}}}, id="all active"
        ),
        pytest.param(
            {"train": {"a": {"architecture": "relu", "k": 9999, "width": 11}}}, id="k is not used"
        ),
    ],
)
def test_taken(values: dict[str, Any]) -> None:
    validate_plan(config(**values))


def test_a_file_that_does_not_say_its_layers(tmp_path: Path) -> None:
    path = tmp_path / "esm2_mine.pt"
    path.write_bytes(bytes(24 * 49))  # at most 7 wide
    embed = {"model": str(path), "layers": [99]}
    sae = {"architecture": "topk", "expansion": 4}
    validate_plan(config(embed=embed, train={"a": {**sae, "k": 28}}))
    with pytest.raises(UserError, match="on esm2_mine the SAE has no more than 28"):
        validate_plan(config(embed=embed, train={"a": {**sae, "k": 29}}))


@pytest.mark.parametrize("section", ["embed", "trainer"])
def test_a_gpu_that_is_not_there(section: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_checks, "has_gpu", lambda: False)
    validate_devices(config(**{section: {"device": "auto"}}))
    with pytest.raises(UserError, match=rf"^{section}.device: cuda was asked for, but this mach"):
        validate_devices(config(**{section: {"device": "cuda"}}))
    monkeypatch.setattr(plan_checks, "has_gpu", lambda: True)
    validate_devices(config(**{section: {"device": "cuda"}}))


def test_torch_agrees_on_the_gpu() -> None:
    torch = pytest.importorskip("torch")
    assert has_gpu() or not torch.cuda.is_available()
