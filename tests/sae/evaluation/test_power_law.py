import numpy as np
import pytest

from protsae.sae.evaluation.power_law import fit_power_law


def law(noise: float, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """floor 0.05, exponents 0.7 and 0.3 of two variables on a grid; a third never varies."""
    width, l0 = (v.ravel() for v in np.meshgrid([64.0, 128, 256, 512, 1024], [4.0, 8, 16, 32]))
    shares = {"width": width / 256, "l0": l0 / np.sqrt(8 * 16)}
    y = 0.05 + 0.4 * shares["width"] ** -0.7 * shares["l0"] ** -0.3
    y = y * np.exp(noise * np.random.default_rng(seed).normal(size=len(y)))
    return {"width": width, "l0": l0, "residues": np.full(len(y), 1e6)}, y


def test_an_exact_law_is_found() -> None:
    found = fit_power_law(*law(noise=0), n_resamplings=20)
    assert found.names == ("floor", "scale", "width", "l0")
    np.testing.assert_allclose(found.values, [0.05, 0.4, 0.7, 0.3], rtol=1e-3)
    np.testing.assert_allclose(found.low, found.values, rtol=0.01)
    np.testing.assert_allclose(found.high, found.values, rtol=0.01)
    assert found.r_squared == pytest.approx(1)
    assert found.n_points == 20


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Of 95 % intervals of 4 parameters in 10 sets of noisy points."""
    truth = np.array([0.05, 0.4, 0.7, 0.3])
    held = [
        (found.low <= truth) & (truth <= found.high)
        for found in (fit_power_law(*law(0.05, seed), n_resamplings=40) for seed in range(10))
    ]
    assert 0.8 < np.mean(held) <= 1


def test_no_floor_where_there_is_none() -> None:
    width = 2.0 ** np.arange(8)
    found = fit_power_law({"width": width}, 3 * width**-0.5, n_resamplings=20)
    assert found.values[0] == pytest.approx(0, abs=0.02)
    assert found.values[2] == pytest.approx(0.5, abs=0.01)


def test_the_same_seed_gives_the_same_intervals() -> None:
    one, two = (fit_power_law(*law(0.1), n_resamplings=20) for _ in range(2))
    assert one.low.tolist() == two.low.tolist()


def test_too_few_points() -> None:
    with pytest.raises(ValueError, match=r"^4 SAEs for 3 parameters; expected 5 or more$"):
        fit_power_law({"width": np.array([1.0, 2, 4, 8])}, np.ones(4))
