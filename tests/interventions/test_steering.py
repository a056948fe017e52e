"""Designs: what changes and what stays, equal random numbers, and a steer that must succeed."""

import numpy as np
import pytest
import torch

from protsae.interventions.edited_predictions import passes
from protsae.interventions.intervention import Intervention, plain_direction
from protsae.interventions.steering import (
    LETTERS,
    TO_DESIGN,
    Schedule,
    mean_change,
    pseudo_perplexity,
    readings,
    sample,
    steer,
)
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.tokens import STANDARD_TOKENS, tokenise
from tests.helpers.tiny_esm import ALPHABET, build_esm, random_sequence

STARTS = [random_sequence(31), random_sequence(17)]
FREE = [np.ones(31, dtype=bool), np.arange(17) % 3 > 0]
PLAN = Schedule(rounds=7, share=0.2)


def designs(starts=STARTS, interventions=(), free=FREE, plan=PLAN, seeds=((0,), (1,)), tokens=500):
    return steer(FusedEsm2(build_esm()), starts, interventions, free, plan, seeds, tokens)


def test_letters_are_those_of_the_tokens() -> None:
    assert tokenise(LETTERS).tolist() == STANDARD_TOKENS.tolist()


def test_kept_residues_stay_and_the_others_are_amino_acids() -> None:
    for start, free, found in zip(STARTS, FREE, designs(), strict=True):
        assert len(found) == len(start)
        assert set(found) <= set(LETTERS)
        assert [found[i] for i in np.flatnonzero(~free)] == [
            start[i] for i in np.flatnonzero(~free)
        ]
        assert found != start


def test_a_design_depends_on_its_seed_alone() -> None:
    both = designs()
    assert designs(tokens=20) == both  # a batch each
    assert designs(STARTS[1:], free=FREE[1:], seeds=((1,),)) == both[1:]
    assert designs(seeds=((2,), (3,)))[0] != both[0]


def test_letters_that_are_no_amino_acid_stay_where_they_are_kept() -> None:
    free = [np.array([True] * 4 + [False] * 2)]
    [found] = designs(["MKVLXJ"], free=free, seeds=((0,),))
    assert found.endswith("XJ")


def test_masks_are_all_drawn() -> None:
    start, free = TO_DESIGN * 23, [np.ones(23, dtype=bool)]
    [found] = designs([start], free=free, plan=Schedule(rounds=5, share=0.2), seeds=((0,),))
    assert TO_DESIGN not in found
    assert len(found) == 23


def test_interventions_that_change_nothing_design_the_same() -> None:
    along = plain_direction(torch.ones(24))
    assert designs(interventions=[Intervention(1, along, "add", (0.0,))]) == designs()


def test_adding_the_embedding_of_a_letter_before_the_head_steers_to_it() -> None:
    """After the last layer the head is all that follows: its gradient is the way to tryptophan."""
    esm2 = FusedEsm2(build_esm().requires_grad_(False))
    x_1D = torch.zeros(1, esm2.d_model, requires_grad=True)
    esm2.logits(x_1D).log_softmax(1)[0, tokenise("W")[0]].backward()
    along = plain_direction(x_1D.grad[0])
    edit = [Intervention(esm2.n_layers, along, "add", (30.0,))]
    cold = Schedule(rounds=9, share=0.5, hot=0.5, cold=0.1)
    shares = [
        np.mean([letter == "W" for letter in "".join(designs(interventions=own, plan=cold))])
        for own in ((), edit)
    ]
    assert shares[1] > shares[0] + 0.4


def test_sampling_follows_the_temperature() -> None:
    logits = np.log(np.array([[0.1, 0.2, 0.7]])).repeat(10_000, 0)
    uniform = np.random.default_rng(0).random(10_000)
    warm = np.bincount(sample(logits, 1.0, uniform), minlength=3) / 10_000
    np.testing.assert_allclose(warm, [0.1, 0.2, 0.7], atol=0.02)
    cold = np.bincount(sample(logits, 0.5, uniform), minlength=3) / 10_000
    np.testing.assert_allclose(cold, np.array([1, 4, 49]) / 54, atol=0.02)
    assert set(sample(logits, 1e-6, uniform)) == {2}


def test_pseudo_perplexity_is_that_of_fair_esm_with_the_same_masks() -> None:
    model, sequence = build_esm(), random_sequence(31)
    _, _, tokens = ALPHABET.get_batch_converter()([("", sequence)])
    total = 0.0
    for one in passes([sequence], 31, 0, True, 0):
        masked = tokens.clone()
        masked[0, 1 + one.predicted] = ALPHABET.mask_idx
        with torch.no_grad():
            logp = model(masked)["logits"][0, 1:-1].log_softmax(1)
        total -= float(logp[one.predicted, tokens[0, 1 + one.predicted]].sum())
    found = pseudo_perplexity(FusedEsm2(model), ["MKV", sequence, "XX"], 500)
    assert found[1] == pytest.approx(np.exp(total / 31), rel=1e-4)
    assert np.isnan(found[2])


def test_mean_change_is_the_length_of_what_is_added_where_it_is() -> None:
    esm2 = FusedEsm2(build_esm())
    along = plain_direction(torch.arange(24.0))
    some = torch.arange(31) % 5 == 2
    assert mean_change(esm2, STARTS[0], Intervention(2, along, "add", (3.0,), [some])) == (
        pytest.approx(3, rel=1e-5)
    )
    assert mean_change(esm2, STARTS[0], Intervention(2, along, "add", (0.0,))) == 0


def test_readings_are_of_the_clean_sequence() -> None:
    esm2 = FusedEsm2(build_esm())
    along = plain_direction(torch.eye(24)[3])
    [found] = readings(esm2, STARTS[1], [Intervention(2, along, "clamp", (9.0,))])
    _, _, tokens = ALPHABET.get_batch_converter()([("", STARTS[1])])
    with torch.no_grad():
        x_LD = esm2.model(tokens, repr_layers=[2])["representations"][2][0, 1:-1]
    np.testing.assert_allclose(found[:, 0], x_LD[:, 3], atol=1e-4)
