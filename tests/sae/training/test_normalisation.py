import numpy as np
import pytest
import torch

from protsae.config.sae_settings import TrainSettings
from protsae.sae.architectures import ARCHITECTURES, build_sae
from protsae.sae.autoencoder import Sae
from protsae.sae.training.normalisation import Normalisation, fold_, measure_normalisation

D, F = 5, 11


def data(n_residues: int = 101) -> np.ndarray:
    """Far from the origin and wider along some axes than others, as ESM's activations are."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n_residues, D)) * [0.1, 1, 2, 3, 7] + [50, 0, -3, 1, 0]
    return rows.astype(np.float32)


def normalised(rows: np.ndarray, normalisation: Normalisation) -> np.ndarray:
    return (rows - normalisation.mean) * normalisation.scale


def test_centred_with_mean_square_d_model() -> None:
    rows = data()
    z = normalised(rows, measure_normalisation([rows]))
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-9)
    assert np.mean((z**2).sum(1)) == pytest.approx(D, rel=1e-9)


def test_by_hand() -> None:
    # Mean (2, 0); |x - mean|^2 is 1 for both rows; sqrt(2 / 1).
    found = measure_normalisation([np.array([[1, 0], [3, 0]], np.float32)])
    assert found.mean.tolist() == [2, 0]
    assert found.scale == pytest.approx(np.sqrt(2))
    assert found.n_residues == 2


def test_blocks_do_not_matter() -> None:
    rows = data()
    whole = measure_normalisation([rows])
    pieces = measure_normalisation(iter([rows[:1], rows[1:30], rows[30:]]))
    np.testing.assert_allclose(pieces.mean, whole.mean, rtol=1e-12)
    assert pieces.scale == pytest.approx(whole.scale, rel=1e-12)
    assert pieces.n_residues == whole.n_residues == 101


def test_constant_data_have_scale_one() -> None:
    found = measure_normalisation([np.full((7, D), 0.1, np.float32)])
    assert found.scale == 1.0
    np.testing.assert_allclose(found.mean, 0.1, rtol=1e-6)


@pytest.fixture(params=ARCHITECTURES)
def sae(request: pytest.FixtureRequest) -> Sae:
    sae = build_sae(TrainSettings(architecture=request.param, width=F, k=3), D)
    with torch.no_grad():
        for value in sae.state_dict().values():
            value.add_(0.3 * torch.randn(value.shape, generator=torch.manual_seed(3)))
    return sae


@torch.no_grad()
def test_folded_features_of_x_are_those_of_z(sae: Sae) -> None:
    rows = data()
    normalisation = measure_normalisation([rows])
    z_ND = torch.from_numpy(normalised(rows, normalisation)).float()
    features, rebuilt = sae.encode(z_ND), sae(z_ND)
    fold_(sae, normalisation)
    x_ND = torch.from_numpy(rows)
    torch.testing.assert_close(sae.encode(x_ND), features, atol=1e-4, rtol=1e-4)
    # x_hat is z_hat brought back: z_hat / scale + mean.
    expected = rebuilt.numpy() / normalisation.scale + normalisation.mean
    np.testing.assert_allclose(sae(x_ND).numpy(), expected, atol=1e-3, rtol=1e-4)
