import numpy as np
from scipy import sparse

from protsae.features.top_proteins import TopProteins


def test_against_brute_force() -> None:
    rng = np.random.default_rng(0)
    n_features, n_examples = 7, 3
    proteins = {
        f"P{i}": (rng.integers(0, 6, (length, n_features)) * (rng.random(n_features) < 0.4)).astype(
            np.float32
        )
        for i, length in enumerate(rng.integers(1, 12, 23))
    }
    top = TopProteins(n_features, n_examples)
    for accession, activations in proteins.items():
        top.update(accession, sparse.csr_array(activations))
    assert top.accessions == list(proteins)
    for feature in range(n_features):
        # Python's sort is stable: of equal proteins the first comes first.
        ranked = sorted(proteins, key=lambda name: -proteins[name][:, feature].max())
        active = [name for name in ranked if proteins[name][:, feature].max() > 0][:n_examples]
        assert top.of_feature(feature) == active
        for rank, name in enumerate(active):
            values = proteins[name][:, feature]
            assert top.value[rank, feature] == values.max()
            assert top.peak[rank, feature] == values.argmax()
        assert not top.value[len(active) :, feature].any()


def test_a_feature_that_is_never_active_has_no_proteins() -> None:
    top = TopProteins(2, 3)
    top.update("P1", sparse.csr_array(np.array([[0, 1], [0, 2]], np.float32)))
    assert top.of_feature(0) == []
    assert top.of_feature(1) == ["P1"]
    assert top.peak[0, 1] == 1
