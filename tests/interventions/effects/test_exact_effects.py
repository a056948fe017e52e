"""Features edited one at a time, held against the interventions of `predict`."""

import numpy as np
import pytest
import torch
from scipy import sparse

from protsae.config.sae_settings import TrainSettings
from protsae.interventions.edited_predictions import passes, predict
from protsae.interventions.effects.effect_rows import exact_fields
from protsae.interventions.effects.effect_sites import FeatureSites, SiteRows
from protsae.interventions.effects.exact_effects import (
    RANDOM_DOSES,
    MeasuredEdits,
    StudiedPass,
    exact_effects,
    random_unit,
)
from protsae.interventions.intervention import Intervention, feature_directions, plain_direction
from protsae.interventions.model_pass import esm_pass
from protsae.plm.esm2.forward import FusedEsm2
from protsae.sae.architectures import build_sae
from tests.helpers.tiny_esm import build_esm, random_sequence

LAYER, FEATURE, PARTNER = 2, 5, 7
SEQUENCES = [random_sequence(length) for length in (31, 17)]


def studied(esm2):
    found = []
    for one in passes(SEQUENCES, 1022, 256, True, 0):
        position = one.window.start + one.predicted
        found.append(
            StudiedPass(
                one.window.protein,
                one.window.protein,
                position,
                one.tokens[one.predicted],
                lambda is_masked, one=one: esm_pass(esm2, LAYER, one, is_masked),
            )
        )
    return found


@pytest.fixture(scope="module")
def world():
    esm2 = FusedEsm2(build_esm().requires_grad_(False))
    settings = TrainSettings(architecture="relu", width=29)
    sae = build_sae(settings, esm2.d_model).init_weights(0).requires_grad_(False)
    # Centred, so that every feature is active somewhere and silent elsewhere.
    sae.b_dec.copy_(torch.cat([one.open(True).x_ND for one in studied(esm2)]).mean(0))
    return esm2, sae, studied(esm2)


def test_an_ablated_site_is_the_one_that_predict_ablates(world):
    esm2, sae, found = world
    numbers = np.repeat(np.arange(len(found)), [len(one.positions) for one in found])
    index = np.concatenate([np.arange(len(one.positions)) for one in found])
    passes_x = [one.open(True) for one in found]
    codes = np.concatenate([sae.encode(one.x_ND[one.rows]).numpy() for one in passes_x])
    both = np.flatnonzero((codes[:, FEATURE] > 0) & (codes[:, PARTNER] > 0))
    alone = np.flatnonzero((codes[:, FEATURE] > 0) & (codes[:, PARTNER] == 0))
    active = np.array([both[0], alone[0]])
    silent = np.flatnonzero(codes[:, FEATURE] == 0)[:1]
    nothing = np.zeros(len(codes), int)
    rows = SiteRows(numbers, index, nothing, nothing, nothing, sparse.csc_array(codes))
    sites = {FEATURE: FeatureSites(active, codes[active, FEATURE].astype(float), silent, 2.0)}

    measured = exact_effects(
        found,
        rows,
        sites,
        sae.W_dec.numpy(),
        lambda x: sae.encode(torch.from_numpy(x)).numpy(),
        partners_of={FEATURE: [PARTNER]},
        n_sites=2,
        tokens_per_batch=100,
        seed=0,
    )

    def of_predict(row, action, amount, is_masked=True, features=(FEATURE,), directions=None):
        own = found[numbers[row]]
        where = [torch.zeros(len(s), dtype=torch.bool) for s in SEQUENCES]
        where[own.protein][own.positions[index[row]]] = True
        directions = directions or feature_directions(sae, features)
        edit = Intervention(LAYER, directions, action, (amount,) * len(features), where)
        proteins = dict(predict(esm2, SEQUENCES, [edit], is_masked, 1022, 256, 1000))
        site = own.positions[index[row]]
        predicted = proteins[own.protein]
        return (predicted.edited - predicted.clean)[site], predicted.kl[site]

    for kind, action, amount, which in (
        ("ablated", "ablate", 0.0, active),
        ("halved", "scale", 0.5, active),
        ("doubled", "scale", 2.0, active),
        ("clamped", "clamp", 2.0, silent),
    ):
        for n, row in enumerate(which):
            change, kl = of_predict(row, action, amount)
            np.testing.assert_allclose(measured[FEATURE, kind].change[n], change, atol=1e-4)
            assert measured[FEATURE, kind].kl[n][0] == pytest.approx(kl, rel=0.02, abs=1e-6)
    # Dose 0 takes away as much of a random direction as the feature writes, dose 2 adds it.
    unit = random_unit(esm2.d_model, seed=0, feature=FEATURE)
    along = plain_direction(torch.from_numpy(unit))
    size = float(np.linalg.norm(sae.W_dec[FEATURE].numpy()))
    for kind, dose in RANDOM_DOSES.items():
        for n, row in enumerate(active):
            added = (dose - 1) * float(codes[row, FEATURE]) * size
            change, _ = of_predict(row, "add", added, directions=along)
            np.testing.assert_allclose(measured[FEATURE, kind].change[n], change, atol=1e-4)
    pair = measured[FEATURE, ("pair", PARTNER)]
    assert measured[FEATURE, ("partner", PARTNER)].site == pair.site
    for site, change in zip(pair.site, pair.change, strict=True):
        expected, kl = of_predict(active[site], "ablate", 0.0, features=[FEATURE, PARTNER])
        np.testing.assert_allclose(change, expected, atol=1e-4)
    unmasked = measured.get((FEATURE, "unmasked"), MeasuredEdits())
    for row, change in zip(active[-len(unmasked.kl) :], unmasked.change, strict=False):
        expected, _ = of_predict(row, "ablate", 0.0, is_masked=False)
        np.testing.assert_allclose(change, expected, atol=1e-4)
    assert {kind for _, kind in measured} >= {"random", "clamped_random"}


def edits(kl, change, true=0.0):
    parts = ([np.array(row) for row in rows] for rows in (kl, change))
    return MeasuredEdits(list(range(len(kl))), *parts, [true] * len(kl))


def test_fields_by_hand():
    letters = {"A": 0, "C": 1}
    measured = {
        (3, "ablated"): edits([[1, 2, 3], [3, 2, 1]], [[-2.0, 1.0], [-4.0, 1.0]], -0.5),
        (3, "halved"): edits([[0, 0, 0]] * 2, [[-1.0, 0.5], [-5.0, 0.5]]),
        (3, "doubled"): edits([[0, 0, 0]] * 2, [[2.0, -1.0], [4.0, -1.0]]),
        # The random direction raises C at both sites, at one of them in all steps.
        (3, "random"): edits([[1, 1, 0]] * 2, [[0.5, -4.0], [0.5, -4.0]]),
        (3, "random_halved"): edits([[0, 0, 0]] * 2, [[0.5, -2.0], [0.5, -5.0]]),
        (3, "random_doubled"): edits([[0, 0, 0]] * 2, [[0.5, 4.0], [0.5, 4.0]]),
    }
    found = exact_fields(measured, 3, letters)
    assert (found["n_ablated"], found["ablation_kl"], found["ablation_kl_random"]) == (2, 6.0, 2.0)
    distances = ("ablation_kl_site", "ablation_kl_near", "ablation_kl_elsewhere")
    assert [found[name] for name in distances] == [2.0, 2.0, 2.0]
    assert found["promotion"].tolist() == [3.0, -1.0]
    # Two sites: A was raised by 2 and 4, its interval holds 0; C was lowered by 1 at both.
    assert (found["promotes"], found["suppresses"]) == ("", "C")
    # A at doses 0, 1/2, 1, 2: -2, -1, 0, 2 rises all the way by 2 a dose; -4, -5, 0, 4 does not.
    assert found["dose_monotone"] == 0.5
    slopes = [2.0, np.polyfit([0, 0.5, 1, 2], [-4.0, -5.0, 0.0, 4.0], 1)[0]]
    assert found["dose_slope"] == pytest.approx(np.mean(slopes))
    assert found["dose_monotone_random"] == 0.5
    random = [4.0, np.polyfit([0, 0.5, 1, 2], [-4.0, -5.0, 0.0, 4.0], 1)[0]]
    assert found["dose_slope_random"] == pytest.approx(np.mean(random))
    assert (found["n_clamped"], found["clamp_kl"]) == (0, None)
    assert (found["partner"], found["redundancy"]) == (None, None)
    nothing = exact_fields(measured, 4, letters)
    assert nothing.pop("promotion").tolist() == []
    assert set(nothing.values()) == {None}


def test_of_the_partners_the_most_redundant_is_named():
    letters = {"A": 0, "C": 1, "D": 2}
    nothing, little = [0.0, 0.0, 0.0], [0.1, 0.0, -0.1]
    much, more = [1.0, 0.0, -1.0], [2.0, 0.0, -2.0]
    measured = {(3, "ablated"): edits([[1, 0, 0]] * 4, [nothing, nothing, nothing, little])}
    for kind in ("halved", "doubled", "random", "random_halved", "random_doubled"):
        measured[3, kind] = edits([[0, 0, 0]] * 4, [nothing] * 4)
    # With 8 both add up; with 9 either suffices, where it is active: at the first three sites.
    measured[3, ("partner", 8)] = edits([[0, 0, 0]] * 4, [much, much, much, more])
    measured[3, ("pair", 8)] = edits([[0, 0, 0]] * 4, [much, much, much, [2.1, 0.0, -2.1]])
    measured[3, ("partner", 9)] = edits([[0, 0, 0]] * 3, [nothing] * 3)
    measured[3, ("pair", 9)] = edits([[4, 1, 1], [2, 0, 0], [1, 0, 0]], [much, more, much])
    found = exact_fields(measured, 3, letters)
    assert (found["partner"], found["n_pairs"], found["pair_kl"]) == (9, 3, 3.0)
    assert [found[f"redundancy{end}"] for end in ("", "_low", "_high")] == [1.0, 1.0, 1.0]
    del measured[3, ("partner", 9)], measured[3, ("pair", 9)]
    found = exact_fields(measured, 3, letters)
    assert (found["partner"], round(found["redundancy"], 9)) == (8, 0.0)
