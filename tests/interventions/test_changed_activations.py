"""Activations near a variant, against whole sequences through fair-esm's own forward pass."""

import numpy as np
import pytest
import torch

from protsae.interventions.changed_activations import (
    FeatureChanges,
    Nearby,
    feature_changes,
    in_float32,
    layer_change,
    layer_rows,
    mean_norms,
    nearby_activations,
)
from protsae.plm.embedding import Embedder
from protsae.plm.esm2.forward import FusedEsm2
from protsae.proteins.substitutions import Mutant, parse_mutant, single_mutants
from tests.helpers.tiny_esm import build_esm, fair_esm_layers, random_sequence

MODEL = build_esm()
LAYERS = (1, 3)
WILD_TYPE = random_sequence(41)


def embedder(context: int = 1022, overlap: int = 256) -> Embedder:
    dtypes = dict.fromkeys(LAYERS, torch.float16)
    return in_float32(Embedder(FusedEsm2(MODEL), dtypes, context, overlap, 64))


def nearby(sequence: str, mutants: list[Mutant], own: Embedder, together: int) -> list[Nearby]:
    wild_type = layer_rows(own, sequence)
    return list(nearby_activations(own, sequence, wild_type, mutants, together))


@pytest.mark.parametrize("together", [1, 3, 50])
def test_as_by_the_whole_sequences(together: int) -> None:
    mutants = single_mutants(WILD_TYPE)[::97]
    first, last = (f"{WILD_TYPE[i]}{i + 1}{'CA'[WILD_TYPE[i] == 'C']}" for i in (0, 40))
    mutants.append(parse_mutant(f"{first}:{last}"))
    before = fair_esm_layers(MODEL, WILD_TYPE, LAYERS)
    found = nearby(WILD_TYPE, mutants, embedder(), together)
    assert [one.mutant for one in found] == mutants
    for one in found:
        after = fair_esm_layers(MODEL, one.mutant.sequence(WILD_TYPE), LAYERS)
        for layer in LAYERS:
            np.testing.assert_allclose(one.wild_type[layer], before[layer][one.residues], atol=1e-5)
            np.testing.assert_allclose(one.changed[layer], after[layer][one.residues], atol=1e-5)


def test_a_long_protein_needs_its_own_windows_alone() -> None:
    """Of residues near a cut, each is computed in the window that keeps it."""
    sequence, position = random_sequence(60), 30
    own = embedder(context=25, overlap=5)
    text = f"{sequence[position - 1]}{position}{'CA'[sequence[position - 1] == 'C']}"
    mutant = parse_mutant(text)
    (found,) = nearby(sequence, [mutant], own, 1)
    whole = layer_rows(own, mutant.sequence(sequence))
    for layer in LAYERS:
        np.testing.assert_allclose(found.changed[layer], whole[layer][found.residues], atol=1e-5)


def test_changes_of_features_by_hand() -> None:
    """Feature 0 moves by a residue, 1 is lost, 2 gained, 3 has no unit, 4 stays."""
    before = np.array([[2.0, 3, 0, 0, 1], [0, 1, 0, 5, 1], [0, 0, 0, 0, 1]], np.float32)
    after = np.array([[0.0, 0, 0, 0, 1], [2, 0, 0, 4, 1], [0, 0, 7, 0, 1]], np.float32)
    found = feature_changes(before, after, np.array([8.0, 2, 7, 0, 1]))
    np.testing.assert_allclose(found.total, [(2 + 2) / 8, (3 + 1) / 2, 7 / 7, 0, 0])
    assert (found.n_lost, found.n_gained) == (1, 1)
    assert isinstance(found, FeatureChanges)


def test_change_of_layers_by_hand() -> None:
    """Distances 5 and 13 at norm 3, 0 and 10 at norm 2: the mean of 6 and 5."""
    zero = np.zeros((2, 2), np.float32)
    first = np.array([[3, 4], [5, 12]], np.float32)
    second = np.array([[0, 0], [6, 8]], np.float32)
    found = Nearby(Mutant(()), np.arange(2), {1: zero, 3: zero}, {1: first, 3: second})
    assert layer_change(found, {1: 3.0, 3: 2.0}) == pytest.approx((18 / 3 + 10 / 2) / 2)
    assert mean_norms({1: first}) == {1: 9.0}
