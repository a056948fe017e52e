from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from protsae.config.settings import Config, parse_settings
from protsae.config.stage_settings import SparseProbeSettings
from protsae.errors import UserError
from protsae.stages.sparse_probing.sparse_probe_rows import layer_columns, what_is_probed

RESULTS = Path("results")
TOPK = {"architecture": "topk", "k": 3}
FROZEN = {**TOPK, "freeze": "decoder"}


def config(**train: dict[str, object]) -> Config:
    return parse_settings(Config, {"embed": {"layers": [1, 3, 5]}, "train": train})


def probed(
    settings: SparseProbeSettings, **train: dict[str, object]
) -> tuple[list[int], list[str]]:
    return what_is_probed(RESULTS, config(**train), settings)


def test_frozen_saes_are_probed_whether_they_are_named_or_not() -> None:
    settings = SparseProbeSettings(layers=(3, 5, 7), saes=("own",))
    layers, saes = probed(settings, own=TOPK, other=TOPK, frozen=FROZEN)
    assert layers == [3, 5]
    assert saes == ["own", "frozen"]


def test_no_sae_named_means_all() -> None:
    settings = SparseProbeSettings(layers=(1,))
    assert probed(settings, own=TOPK, other=TOPK) == ([1], ["own", "other"])


def test_frozen_saes_do_not_stand_in_for_one_that_is_missing() -> None:
    settings = SparseProbeSettings(layers=(1,), saes=("missing",))
    with pytest.raises(UserError) as caught:
        probed(settings, own=TOPK, frozen=FROZEN)
    assert str(caught.value) == (
        "--saes: missing; expected some of those that results has: own frozen"
    )


def test_columns_of_a_layer_by_hand() -> None:
    """Train has the mean (2, 0) and variances (4, 1), along the coordinates."""
    train = np.array([[0, 1], [4, 1], [0, -1], [4, -1]], np.float32)
    test = np.array([[7, -0.5]], np.float32)

    def blocks(names: set[str], _: int):  # type: ignore[no-untyped-def]
        return ((["P1"], train) if name == "P1" else (["P2"], test) for name in sorted(names))

    cache = SimpleNamespace(protein_blocks=blocks, d_model=2)
    columns = layer_columns(cache, {"P1"})
    [(_, of_coordinates)] = columns["coordinates"].blocks({"P2"}, 1)
    # Centred; beyond one standard deviation above; below.
    assert of_coordinates.tolist() == [[5, -0.5, 3, 0, 0, 0]]
    [(_, of_components)] = columns["pca"].blocks({"P2"}, 1)
    np.testing.assert_allclose(of_components, [[5, -0.5]], atol=1e-6)
