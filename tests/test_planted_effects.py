"""One planted world of each kind of benchmarks.planted_effects, of 20."""

import pytest

from benchmarks.planted_effects import CONTEXT, KINDS, N_WIRED, PAIR, PARTNERS, RANDOM, run_world


@pytest.mark.parametrize("kind", KINDS)
def test_features_that_the_model_reads_are_called_and_hardly_others(kind: str) -> None:
    found = run_world(kind, 0)
    called, beyond = found["effect_q_value"], found["covariance_q_value"]
    read = [n for n in range(N_WIRED) if n not in (*CONTEXT, *PAIR)]
    assert called[read].sum() >= len(read) - 1
    assert called[list(PAIR)].all()
    assert not called[PARTNERS].any()
    # Of 20; q allows 1 in 20 of those called. In few dimensions the first bar is too low.
    assert (beyond if kind == "flat" else called)[RANDOM].sum() <= 3
    assert not found["redundant"][[*read, *PARTNERS]].any()
    if kind == "plain":
        assert found["redundant"][list(PAIR)].any()
