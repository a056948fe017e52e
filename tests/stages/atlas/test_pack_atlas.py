"""What is said of an atlas that was packed."""

from pathlib import Path

import pytest

from protsae.stages.atlas.pack_atlas import packed_lines
from protsae.stages.atlas.run_card import NO_LICENCE


@pytest.mark.parametrize("licence", ["CC-BY-4.0", NO_LICENCE])
def test_an_atlas_without_a_licence_is_noted(tmp_path: Path, licence: str) -> None:
    target = tmp_path / "atlas.zip"
    target.write_bytes(bytes(1_300_000))
    document = {
        "model": {"name": "esm2_tiny", "weights_sha256": "ab" * 32},
        "saes": [{"layer": layer} for layer in (3, 1, 3)],
        "card": {"licence": licence},
    }
    assert packed_lines(target, document) == [
        f"wrote {target}: 1.3 MB, 3 SAEs on layers 1, 3 of esm2_tiny",
        "its model is not in it: weights_sha256 abababababab",
        *["note: the atlas states no licence; give one with --licence"] * (licence == NO_LICENCE),
    ]
