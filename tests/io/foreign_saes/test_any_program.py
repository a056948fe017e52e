"""Which program wrote a folder, by the names of its files."""

import re
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.foreign_saes.any_program import read_foreign_sae
from tests.io.foreign_saes.test_dictionary_learning import (
    BIAS,
    LINEAR,
    sparsify_tensors,
    write_dictionary_learning,
    write_pt,
    write_sparsify,
)
from tests.io.foreign_saes.test_saelens import write_theirs

KNOWN = (
    "expected one of SAELens (sae_weights.safetensors and cfg.json); sparsify (sae.safetensors and "
    "cfg.json); dictionary_learning (ae.pt and config.json); InterPLM (ae_normalized.pt); give one"
)


def test_each_program_is_known(tmp_path: Path) -> None:
    """By its layer 3: named by a file, or by the folder alone."""
    write_theirs(tmp_path / "saelens", "standard", metadata={"hook_name": "blocks.3.hook"})
    write_sparsify(tmp_path / "layers.3", sparsify_tensors())
    write_dictionary_learning(tmp_path / "dictionary", "AutoEncoder", LINEAR | BIAS)
    for name in ("ae_normalized.pt", "ae.pt", "ae_unnormalized.pt"):
        write_pt(tmp_path / name / "layer_3" / name, LINEAR | BIAS)
    found = {
        str(path.relative_to(tmp_path)): read_foreign_sae(path, 3)[0]
        for path in sorted({file.parent for file in tmp_path.rglob("*") if file.is_file()})
    }
    assert found == {
        "saelens": "relu",
        "layers.3": "topk",
        "dictionary": "relu",
        "ae_normalized.pt/layer_3": "relu",
        "ae.pt/layer_3": "relu",
        "ae_unnormalized.pt/layer_3": "relu",
    }
    for name in ("saelens", "layers.3", "dictionary", "ae.pt/layer_3"):
        with pytest.raises(UserError, match="expected layer 5, as --layer says"):
            read_foreign_sae(tmp_path / name, 5)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        pytest.param("", "nothing", id="empty"),
        pytest.param("cfg.json", "cfg.json", id="half"),
        pytest.param("edcba", "a, b, c, d, e", id="five"),
        pytest.param("fedcba", "a, b, c, d, e and 1 more", id="six"),
        pytest.param("gfedcba", "a, b, c, d, e and 2 more", id="seven"),
    ],
)
def test_a_folder_of_something_else(tmp_path: Path, names: str, found: str) -> None:
    for name in [names] if "." in names else names:
        (tmp_path / name).touch()
    message = f"{tmp_path}: not a SAELens folder: found {found}; {KNOWN}"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_foreign_sae(tmp_path, 3)


def test_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, what in (("file", "a file"), ("absent", "no such folder")):
        with pytest.raises(UserError, match=f"{name}: {what}; expected the folder of an SAE; give"):
            read_foreign_sae(tmp_path / name, 3)
