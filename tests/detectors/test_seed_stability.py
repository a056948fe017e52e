"""Two SAEs that are permutations of each other, and what is not; variance shares by hand."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import torch

from protsae.config.sae_settings import TrainSettings
from protsae.detectors import seed_stability
from protsae.detectors.encoding import encoder
from protsae.detectors.seed_stability import Residues, drawn_residues, match_seeds, variance_shares
from protsae.sae.architectures import build_sae
from protsae.sae.autoencoder import Sae

D, F, LENGTHS = 5, 11, (7, 13, 11, 17)
TABLE = pd.DataFrame({"accession": list("wxyz"), "length": LENGTHS, "cluster": list("AABC")})


def rows_of() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    return {
        n: rng.normal(size=(m, D)).astype(np.float32) for n, m in zip("wxyz", LENGTHS, strict=True)
    }


def read(names: set[str], _: int) -> Iterator[tuple[list[str], np.ndarray]]:
    for name, rows in rows_of().items():
        if name in names:
            yield [name], rows


def sae(seed: int) -> Sae:
    settings = TrainSettings(architecture="topk", width=F, k=3, seed=seed)
    return build_sae(settings, D).requires_grad_(False)


def permuted(one: Sae, order: list[int]) -> Sae:
    """Feature i is feature order[i] of the other."""
    other = sae(0)
    other.W_enc.copy_(one.W_enc[:, order])
    other.W_dec.copy_(one.W_dec[order])
    other.b_enc.copy_(one.b_enc[order])
    return other


def test_a_permuted_sae_has_every_feature_and_another_has_not() -> None:
    order = np.random.default_rng(5).permutation(F).tolist()
    own = sae(0)
    found = match_seeds(own, {1: permuted(own, order), 2: sae(2)}, Residues(read, TABLE))
    same, other = (found[found["seed"] == seed].reset_index(drop=True) for seed in (1, 2))
    active = same["correlation"].notna()
    assert active.sum() >= 9
    np.testing.assert_allclose(same["correlation"][active], 1)
    np.testing.assert_allclose(same["cosine"], 1)
    match = same["match"][active].astype(int)
    assert [order[place] for place in match] == same["feature"][active].tolist()
    assert (other["correlation"][active] < 0.999).all()
    assert (same["exchanged_correlation"][active] < 0.999).all()


def test_correlations_are_those_of_numpy() -> None:
    own, other = sae(0), sae(2)
    found = match_seeds(own, {2: other}, Residues(read, TABLE))
    every = np.concatenate(list(rows_of().values()))
    codes = [encoder(each)(every).astype(np.float64) for each in (own, other)]
    with np.errstate(invalid="ignore"):
        block = np.corrcoef(codes[0].T, codes[1].T)[:F, F:]
    expected = np.nanmax(block[~np.isnan(block).all(1)], axis=1)
    np.testing.assert_allclose(found["correlation"].dropna(), expected, rtol=1e-9)


def test_random_directions_differ_between_seeds_and_not_between_calls() -> None:
    own = sae(0)
    found = [match_seeds(own, {1: sae(1), 2: sae(1)}, Residues(read, TABLE)) for _ in range(2)]
    pd.testing.assert_frame_equal(*found)
    one, two = (found[0][found[0]["seed"] == seed].reset_index(drop=True) for seed in (1, 2))
    assert one["correlation"].equals(two["correlation"])
    assert not one["random_correlation"].equals(two["random_correlation"])


def test_shares_are_parts_of_the_covariance_with_the_reconstruction() -> None:
    own = sae(0)
    residues = Residues(read, TABLE)
    x = np.concatenate(list(rows_of().values())).astype(np.float64)
    codes = residues.codes(encoder(own), F)
    found = variance_shares(own, codes, residues)
    rebuilt = codes.toarray().astype(np.float64) @ own.W_dec.double().numpy()
    centred = x - x.mean(0)
    assert found.sum() == pytest.approx((rebuilt * centred).sum() / (centred**2).sum())
    alone = np.outer(codes.toarray()[:, 4], own.W_dec[4].double().numpy())
    assert found[4] == pytest.approx((alone * centred).sum() / (centred**2).sum())


def test_shares_of_a_perfect_reconstruction_add_up_to_one() -> None:
    """Each feature is a coordinate of one sign."""
    own = build_sae(TrainSettings(architecture="relu", width=2 * D), D).requires_grad_(False)
    signs = torch.cat([torch.eye(D), -torch.eye(D)])
    own.W_dec.copy_(signs)
    own.W_enc.copy_(signs.T)
    residues = Residues(read, TABLE)
    shares = variance_shares(own, residues.codes(encoder(own), 2 * D), residues)
    assert shares.sum() == pytest.approx(1)


def test_of_many_residues_whole_proteins_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    every = drawn_residues(read, TABLE, 0).proteins
    assert every["accession"].tolist() == list("wxyz")
    monkeypatch.setattr(seed_stability, "MOST_RESIDUES", 20)
    some = drawn_residues(read, TABLE, 0).proteins
    assert 20 <= some["length"].sum() < 20 + max(LENGTHS)
    assert some["accession"].is_monotonic_increasing
