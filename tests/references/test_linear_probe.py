import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from protsae.references import linear_probe as probes
from protsae.references import loss_curvature
from protsae.references.linear_probe import control_types, fit_probes

N_ROWS, D, PENALTIES = 1201, 7, (0.3, 0.01, 1e-4)  # more rows than a chunk holds


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Correlated columns of different scales; concepts of rates 0.5, 0.1 and 0.01."""
    x = rng.normal(size=(N_ROWS, D)) @ rng.normal(size=(D, D)) * np.geomspace(0.01, 30, D) + 5
    score = StandardScaler().fit_transform(x) @ rng.normal(size=(D, 3)) + 2 * rng.normal(
        size=(N_ROWS, 3)
    )
    return x.astype(np.float32), score > np.quantile(score, [0.5, 0.9, 0.99], axis=0).diagonal()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def peer_logits(x: np.ndarray, y: np.ndarray, rows: np.ndarray, penalty: float) -> np.ndarray:
    """Logits of all rows by scikit-learn, fitted to some of them."""
    z = StandardScaler().fit_transform(x.astype(np.float64))
    peer = LogisticRegression(C=1 / (rows.sum() * penalty), tol=1e-10, max_iter=10_000)
    return peer.fit(z[rows], y[rows]).decision_function(z)


@pytest.mark.parametrize("leading", [1, 4, loss_curvature.LEADING])
def test_logits_are_those_of_scikit_learn(
    data: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch, leading: int
) -> None:
    x, labels = data
    monkeypatch.setattr(probes, "TOLERANCE", 1e-12)
    monkeypatch.setattr(loss_curvature, "LEADING", leading)  # less than all axes, and all
    everything = np.ones(N_ROWS, bool)
    for probe, penalty in zip(fit_probes(x, labels, None, PENALTIES), PENALTIES, strict=True):
        assert probe.penalty.tolist() == [penalty] * 3
        ours = probe.logits(x)
        for column in range(3):
            expected = peer_logits(x, labels[:, column], everything, penalty)
            assert np.abs(ours[:, column] - expected).max() < 0.01 * expected.std()


def test_at_the_tolerance_the_loss_is_near_its_least(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, labels = data
    penalty = PENALTIES[1]
    ours = fit_probes(x, labels, None, PENALTIES)[1]
    for column in range(3):
        y = labels[:, column]
        expected = peer_logits(x, y, np.ones(N_ROWS, bool), penalty)
        weights = ours.weights[:, column].astype(np.float64) * x.std(0, dtype=np.float64)
        z = StandardScaler().fit_transform(x.astype(np.float64))
        of_peer = np.linalg.lstsq(np.c_[z, np.ones(N_ROWS)], expected)[0][:-1]
        losses = [
            np.logaddexp(0, logits).mean() - logits[y].sum() / N_ROWS + penalty / 2 * (w @ w)
            for logits, w in ((ours.logits(x)[:, column], weights), (expected, of_peer))
        ]
        assert losses[0] < losses[1] * (1 + 1e-4)


def test_curvature_saves_passes_over_the_rows(
    data: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the diagonal at the base rate alone it takes 29; it takes 21, and 6 of a quarter."""
    x, labels = data
    sums, passes = probes._softplus_sums, []

    def counted(
        rows: np.ndarray, weights: np.ndarray, unknown: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        passes.append(len(rows))
        return sums(rows, weights, unknown)

    monkeypatch.setattr(probes, "_softplus_sums", counted)
    fit_probes(x, labels, None, PENALTIES)
    assert passes.count(N_ROWS) <= 24


def test_unknown_rows_do_not_count(
    data: tuple[np.ndarray, np.ndarray], rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, labels = data
    monkeypatch.setattr(probes, "TOLERANCE", 1e-12)
    known = rng.random(labels.shape) < [1.0, 0.6, 0.9]
    scrambled = np.where(known, labels, rng.random(labels.shape) < 0.5)
    (first,) = fit_probes(x, labels, known, [0.01])
    (second,) = fit_probes(x, scrambled, known, [0.01])
    assert (first.weights == second.weights).all()
    for column in range(3):
        expected = peer_logits(x, labels[:, column], known[:, column], 0.01)
        assert np.abs(first.logits(x)[:, column] - expected).max() < 0.01 * expected.std()


def test_scaling_the_columns_changes_no_logit(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, labels = data
    (plain,) = fit_probes(x, labels, None, [0.01])
    (scaled,) = fit_probes(x * np.float32(8), labels, None, [0.01])  # exact in floating point
    np.testing.assert_allclose(scaled.logits(x * 8), plain.logits(x), rtol=1e-4, atol=1e-4)


def test_penalties_in_any_order_give_the_same(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, labels = data
    falling = fit_probes(x, labels, None, PENALTIES)
    rising = fit_probes(x, labels, None, PENALTIES[::-1])
    for one, other in zip(falling, rising[::-1], strict=True):
        assert (one.weights == other.weights).all()
        assert (one.low == other.low).all()


def test_the_range_of_logits_is_that_of_the_rows(data: tuple[np.ndarray, np.ndarray]) -> None:
    x, labels = data
    (probe,) = fit_probes(x, labels, None, [0.01])
    np.testing.assert_allclose(probe.low, probe.logits(x).min(0), atol=1e-3)
    np.testing.assert_allclose(probe.high, probe.logits(x).max(0), atol=1e-3)


def test_a_constant_column_and_concepts_without_examples(
    data: tuple[np.ndarray, np.ndarray],
) -> None:
    x, labels = data
    x[:, 3] = 2.5
    labels = np.c_[labels[:, 0], np.zeros(N_ROWS, bool), np.ones(N_ROWS, bool)]
    (probe,) = fit_probes(x, labels, None, [0.01])
    assert (probe.weights[3] == 0).all()
    assert (probe.weights[:, 1:] == 0).all()
    assert probe.bias[1] < -5
    assert probe.bias[2] > 5
    (alone,) = fit_probes(x, labels[:, :1], None, [0.01])
    np.testing.assert_allclose(probe.logits(x)[:, :1], alone.logits(x), rtol=1e-3, atol=1e-3)


def test_only_concepts_without_examples() -> None:
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    (probe,) = fit_probes(x, np.zeros((5, 3), bool), None, [0.01])
    assert (probe.logits(x) < 0).all()
    assert (probe.low == probe.high).all()


def test_control_types_meet_the_rates() -> None:
    rng = np.random.default_rng(1)
    sizes = rng.integers(0, 13, size=2003)
    rates = np.array([0.5, 0.1, 0.003])
    chosen = control_types(sizes, rates, seed=5)
    assert np.abs(sizes @ chosen / sizes.sum() - rates).max() < 13 / sizes.sum()
    assert not chosen[sizes == 0].any()
    assert (control_types(sizes, rates, seed=5) == chosen).all()
    assert (control_types(sizes, rates, seed=6) != chosen).any()


def test_a_control_has_one_type_at_least() -> None:
    chosen = control_types(np.array([50, 0, 40, 60]), np.array([0.001, 0.0]), seed=0)
    assert chosen.T.tolist() == [[False, False, True, False]] * 2
