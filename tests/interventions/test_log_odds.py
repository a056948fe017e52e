"""Log-odds of variants against fair-esm's own forward pass, one sequence at a time."""

from pathlib import Path

import numpy as np
import pytest
import torch
from esm.model.esm2 import ESM2

from protsae.interventions.log_odds import log_odds, masked_log_p, wild_type_log_p
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import load_esm
from protsae.proteins.alphabet import STANDARD
from protsae.proteins.substitutions import parse_mutant, single_mutants
from tests.helpers.tiny_esm import ALPHABET, build_esm, random_sequence

TOLERANCE = 1e-5
SHIPPED = Path(__file__).parents[2] / "data" / "model" / "esm2_t6_protsae.pt"
WILD_TYPE = random_sequence(43)


def fair_esm_log_p(model: ESM2, sequence: str, masked: int | None, residue: int) -> np.ndarray:
    """log p of the 20 amino acids at a residue (0-based), by fair-esm's batch converter and model.

    Written from Meier et al. 2021; shares nothing with protsae but the weights.
    """
    _, _, tokens = ALPHABET.get_batch_converter()([("", sequence)])
    if masked is not None:
        tokens[0, masked + 1] = ALPHABET.mask_idx
    with torch.no_grad():
        logits = model(tokens)["logits"][0, residue + 1]
    log_p = torch.log_softmax(logits.double(), -1)
    return np.array([log_p[ALPHABET.get_idx(letter)] for letter in STANDARD])


@pytest.fixture(scope="module", params=["shipped", "random, of the shape of the 8M model"])
def model(request: pytest.FixtureRequest) -> ESM2:
    if request.param == "shipped":
        return load_esm(str(SHIPPED), "cpu").model
    return build_esm(layers=6, width=320, heads=20)


@pytest.mark.parametrize("tokens_per_batch", [1, 101, 4096])
def test_masked_marginals(model: ESM2, tokens_per_batch: int) -> None:
    sites = [0, 20, len(WILD_TYPE) - 1]
    found = {}
    for at, log_p in masked_log_p(FusedEsm2(model), WILD_TYPE, sites, 1022, 256, tokens_per_batch):
        found.update(zip(at, log_p, strict=True))
    assert sorted(found) == sites
    for site in sites:
        expected = fair_esm_log_p(model, WILD_TYPE, site, site)
        np.testing.assert_allclose(found[site], expected, atol=TOLERANCE)


def test_wild_type_marginals(model: ESM2) -> None:
    found = wild_type_log_p(FusedEsm2(model), WILD_TYPE, 1022, 256)
    assert found.shape == (len(WILD_TYPE), 20)
    for site in range(len(WILD_TYPE)):
        expected = fair_esm_log_p(model, WILD_TYPE, None, site)
        np.testing.assert_allclose(found[site], expected, atol=TOLERANCE)


def test_log_odds_of_all_single_mutants_and_a_double_one(model: ESM2) -> None:
    esm2, sequence = FusedEsm2(model), WILD_TYPE[:11]
    log_p = {}
    for at, rows in masked_log_p(esm2, sequence, range(11), 1022, 256, 64):
        log_p.update(zip(at, rows, strict=True))
    mutants = single_mutants(sequence)
    found = dict(zip(map(str, mutants), log_odds(mutants, log_p), strict=True))
    for i, reference in enumerate(sequence):
        theirs = dict(zip(STANDARD, fair_esm_log_p(model, sequence, i, i), strict=True))
        for residue in STANDARD.replace(reference, ""):
            expected = theirs[residue] - theirs[reference]
            assert found[f"{reference}{i + 1}{residue}"] == pytest.approx(expected, abs=TOLERANCE)
    one, other = str(mutants[0]), str(mutants[-1])
    double = log_odds([parse_mutant(f"{one}:{other}")], log_p)
    assert double[0] == pytest.approx(found[one] + found[other], abs=1e-12)


def test_a_long_protein_is_predicted_in_the_window_that_keeps_the_residue() -> None:
    """Windows 0-7 and 5-12 of 12 residues meet at 6: 5 is of the first, 6 of the second."""
    model, sequence = build_esm(), random_sequence(12)
    esm2 = FusedEsm2(model)
    found = {}
    for at, rows in masked_log_p(esm2, sequence, [0, 5, 6, 11], 7, 2, 16):
        found.update(zip(at, rows, strict=True))
    unmasked = wild_type_log_p(esm2, sequence, 7, 2)
    for site, start, stop in ((0, 0, 7), (5, 0, 7), (6, 5, 12), (11, 5, 12)):
        own, at = sequence[start:stop], site - start
        expected = fair_esm_log_p(model, own, at, at)
        np.testing.assert_allclose(found[site], expected, atol=TOLERANCE)
        expected = fair_esm_log_p(model, own, None, at)
        np.testing.assert_allclose(unmasked[site], expected, atol=TOLERANCE)
