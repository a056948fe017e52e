"""Circuits of a transformer that was built by hand: the graph found is the graph built."""

import numpy as np
import pytest

from benchmarks.worlds.induction import GATE, A, InductionWorld, N, O, P
from protsae.interventions.circuits.circuit_nodes import EVERY
from protsae.interventions.circuits.find_circuit import NothingAtStake, Search, find_circuit
from protsae.interventions.circuits.judged_circuit import judge

SEARCH = Search(share=0.9, steps=40)
BUDGET = 5000


def found_in(world, texts, search=SEARCH):
    opened = [world.open(text) for text in texts]
    dictionaries = [world.dictionary()] * 4
    sites = [lambda one=one: one for one in opened]
    return find_circuit(sites, dictionaries, search, BUDGET), sites, dictionaries


def edges_of(circuit):
    keys = circuit.nodes.keys
    pairs = zip(circuit.edges.source, circuit.edges.target, strict=True)
    return {(keys[source], keys[target]) for source, target in pairs}


@pytest.mark.parametrize("seed", range(5))
def test_the_graph_found_is_the_graph_built(seed):
    world = InductionWorld(seed)
    text = world.text()
    circuit, sites, dictionaries = found_in(world, [text])
    assert set(circuit.features.keys) == text.nodes
    assert edges_of(circuit) == text.edges
    assert len(text.nodes) == 11
    assert len(text.edges) == 10

    judged = judge(circuit, sites, dictionaries, draws=20, seed=0, tokens_per_batch=BUDGET)
    assert 0.9 < judged.graph < 1.1
    assert abs(judged.without) < 0.1
    # Of the many distractors each is as strong as what counts.
    assert judged.random.max() < 0.1
    assert judged.strongest < 0.1
    assert judged.random_as_good == 0


def test_without_errors_the_noise_is_gone_and_the_circuit_stays():
    world = InductionWorld(0)
    circuit, sites, dictionaries = found_in(world, [world.text()])
    judged = judge(circuit, sites, dictionaries, draws=2, seed=0, tokens_per_batch=BUDGET)
    assert judged.no_errors_nodes == pytest.approx(1, abs=0.05)
    assert judged.no_errors_all == pytest.approx(1, abs=0.05)


def test_of_several_texts_nodes_are_features_and_hold_on_others():
    world = InductionWorld(7)
    circuit, _, dictionaries = found_in(world, [world.text(length) for length in (9, 11, 14, 17)])
    a, b = world.a, world.b
    inputs = {(0, EVERY, A.start + a), (0, EVERY, A.start + b), (0, EVERY, GATE)}
    heard = {(1, EVERY, A.start + a), (1, EVERY, A.start + b), (1, EVERY, GATE)}
    rest = {(1, EVERY, P.start + a), (2, EVERY, N.start + b), (2, EVERY, GATE)}
    assert set(circuit.features.keys) == inputs | heard | rest | {(3, EVERY, O.start + b)}

    fresh = [world.open(world.text(length)) for length in (10, 13, 16)]
    sites = [lambda one=one: one for one in fresh]
    judged = judge(circuit, sites, dictionaries, draws=20, seed=0, tokens_per_batch=BUDGET)
    assert judged.n_sites == 3
    assert 0.9 < judged.graph < 1.1
    assert judged.graph_low <= judged.graph <= judged.graph_high
    assert judged.random.max() < 0.5


def test_a_closed_gate_leaves_nothing_at_stake():
    world = InductionWorld(0, leak=0.0)
    text = world.text()
    text.gate[-1] = 0
    with pytest.raises(NothingAtStake, match=r"^-?0\.000$"):
        found_in(world, [text])


def test_gradients_alone_do_not_see_a_key_that_is_far_above_the_others():
    """Attention is saturated: so paths are averaged over."""
    world = InductionWorld(0)
    text = world.text()
    circuit, _, _ = found_in(world, [text], Search(share=0.9, steps=1))
    effects = dict(zip(circuit.active.keys, np.abs(circuit.active.effect), strict=True))
    [key] = [node for node in text.nodes if node[0] == 1 and node[2] == P.start + world.a]
    assert effects[key] < 0.2 * max(effects.values())


def test_a_graph_that_may_not_be_large_enough_says_so():
    world = InductionWorld(1)
    circuit, _, _ = found_in(world, [world.text()], Search(share=0.9, steps=40, most_nodes=6))
    assert circuit.n_needed == 11
    assert circuit.n_features == 6
