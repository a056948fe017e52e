import pytest
import torch

from protsae.sae.evaluation import decoder_similarity as dictionaries
from protsae.sae.evaluation.decoder_similarity import (
    matched_cosine,
    nearest,
    neighbour_cosine,
    random_directions,
    split_share,
)

AXES = torch.eye(3)


@pytest.mark.parametrize("block", [2, 1024])
def test_nearest_and_neighbours_by_hand(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionaries, "BLOCK", block)
    rows = torch.tensor([[2.0, 0.0, 0.0], [3.0, 4.0, 0.0], [0.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    cosine, which = nearest(rows, AXES)
    assert cosine.tolist() == pytest.approx([1, 0.8, 0, 0])
    assert which[:2].tolist() == [0, 1]
    assert neighbour_cosine(rows).tolist() == pytest.approx([0.6, 0.6, 0, 0])


def test_matched_cosine_ignores_order_and_scale() -> None:
    rows = random_directions(11, 5, seed=0)
    assert matched_cosine(rows, 3 * rows.flip(0)) == pytest.approx(1)
    assert matched_cosine(rows, -rows) < 0.9


def test_random_directions_have_norm_one_and_follow_the_seed() -> None:
    rows = random_directions(11, 5, seed=0)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(11))
    assert torch.equal(rows, random_directions(11, 5, seed=0))
    assert not torch.equal(rows, random_directions(11, 5, seed=1))


def test_split_by_hand() -> None:
    """The first axis has two near it, the second one, the third none but one too far."""
    wide = torch.tensor([[1.0, 0.1, 0.0], [1.0, -0.1, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.2]])
    assert split_share(AXES, wide) == pytest.approx(1 / 3)
