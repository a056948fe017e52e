"""Settings of other programs: what they may be, and what is said of anything else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.foreign_saes.foreign_configs import (
    active_features,
    flag,
    layer_in_name,
    mapping,
    read_json_mapping,
    read_yaml_nodes,
    validate_layer,
    whole_number,
)

CFG = Path("cfg.json")


@pytest.mark.parametrize("stated", [3, "3", 3.0, "blocks.3.hook_resid_post", "layer_3", "x", None])
def test_a_layer_that_fits_or_is_not_stated(stated: object) -> None:
    validate_layer(CFG, {"hook_name": stated}, 3)


@pytest.mark.parametrize("stated", [4, "4", 4.0, "blocks.4.hook_resid_post", "layer_4"])
def test_another_layer(stated: object) -> None:
    with pytest.raises(UserError, match=r"cfg\.json: hook_name is .*4.*; expected layer 3, as"):
        validate_layer(CFG, {"hook_name": stated}, 3)


@pytest.mark.parametrize("stated", [3.5, True, [3], {"layer": 3}])
def test_what_is_no_layer(stated: object) -> None:
    with pytest.raises(UserError, match="expected one layer; set it to what"):
        validate_layer(CFG, {"layer": stated}, 3)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("blocks.11.hook_mlp_out", 11),
        ("esm/layers-7/attention", 7),
        ("h.0", 0),
        ("encoder.layer.123456789", 123456789),
        ("layer.1234567890", None),
        ("block", None),
        ("depth.4", None),
    ],
)
def test_layers_in_names(name: str, layer: int | None) -> None:
    assert layer_in_name(name) == layer


@pytest.mark.parametrize(("k", "n_features"), [(1, 7), (7, 7), (7.0, 7)])
def test_k(k: float, n_features: int) -> None:
    assert active_features(CFG, {"k": k, "top_k": None}, n_features) == int(k)


@pytest.mark.parametrize("k", [0, 8, 2.5, "3", True, -1])
def test_k_out_of_range(k: object) -> None:
    with pytest.raises(UserError, match="expected a whole number from 1 to 7"):
        active_features(CFG, {"k": k}, 7)


def test_no_k_and_two() -> None:
    with pytest.raises(UserError, match="no k and no top_k; expected a whole number from 1 to 7"):
        active_features(CFG, {"k": None, "top_k": None}, 7)
    with pytest.raises(UserError, match="k is 3 but top_k is 4; expected one k"):
        active_features(CFG, {"k": 3, "top_k": 4}, 7)


def test_flags() -> None:
    assert flag(CFG, {"on": False}, "on", True) is False
    assert flag(CFG, {"on": None}, "on", True) is True
    assert flag(CFG, {}, "on", False) is False
    with pytest.raises(UserError, match="on is 1; expected true or false"):
        flag(CFG, {"on": 1}, "on", True)


def test_mappings() -> None:
    assert mapping(CFG, "x", None) == {}
    assert mapping(CFG, "x", {"a": 1}) == {"a": 1}
    for value in (3, [], "x"):
        with pytest.raises(UserError, match="expected keys and values"):
            mapping(CFG, "x", value)


def test_whole_numbers() -> None:
    found = [whole_number(value) for value in (0, -3, 2.0, 2.5, True, "2", None, float("inf"))]
    assert found == [0, -3, 2, None, None, None, None, None]


@pytest.mark.parametrize("text", ["", "[1]", "null", "{"])
def test_documents_without_keys(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cfg.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"cfg\.json: "):
        read_json_mapping(path)
    with pytest.raises(UserError, match=r"cfg\.json: "):
        read_yaml_nodes(path)


def test_documents_with_keys(tmp_path: Path) -> None:
    path = tmp_path / "cfg.json"
    path.write_text('{"k": 3}')
    assert read_json_mapping(path) == {"k": 3}
    assert [(key, node.value) for key, node in read_yaml_nodes(path).items()] == [("k", "3")]


@pytest.mark.parametrize(
    ("read", "most"), [(read_json_mapping, 16_777_216), (read_yaml_nodes, 131_072)]
)
def test_the_longest_configuration(
    tmp_path: Path, read: Callable[[Path], dict[str, object]], most: int
) -> None:
    path = tmp_path / "cfg.json"
    path.write_text('{"k": 3}' + "\n" * (most - 8))
    assert list(read(path)) == ["k"]
    path.write_text('{"k": 3}' + "\n" * (most - 7))
    with pytest.raises(UserError, match=rf"cfg\.json: not .* \(.*more than {most} bytes\)"):
        read(path)
