"""The control's checkpoint, by its command: what is written loads like any model."""

import torch

from protsae.cli import main
from protsae.plm.esm2.load import load_esm
from tests.helpers.tiny_esm import save_tiny


def test_the_copy_is_a_model_of_the_same_shape_and_another_checksum(tmp_path, capsys):
    source, copy = save_tiny(tmp_path), tmp_path / "out" / "esm2_tiny-permuted.pt"
    assert main(["randomise", "--model", str(source), "--output", str(copy)]) == 0
    assert capsys.readouterr().out == f"wrote {copy}\n"

    model, shuffled = load_esm(str(source), "cpu"), load_esm(str(copy), "cpu")
    assert shuffled.name == "esm2_tiny-permuted"
    assert shuffled.weights_sha256 != model.weights_sha256
    weights, permuted = (m.model.layers[0].fc1.weight.half() for m in (model, shuffled))
    assert torch.equal(weights.flatten().sort().values, permuted.flatten().sort().values)
    assert not torch.equal(weights, permuted)


def test_a_name_that_fair_esm_cannot_read_is_refused(tmp_path, capsys):
    output = tmp_path / "control.pt"
    assert main(["randomise", "--model", "esm2_t6_8M_UR50D", "--output", str(output)]) == 2
    assert capsys.readouterr().err == (
        f"protsae randomise: --output {output}: fair-esm recognises an ESM-2 by its file name; "
        "expected esm2*.pt\n"
    )
