"""The time left: by cost, from what is measured, and not before."""

from dataclasses import replace

import pytest

from protsae.screen.run_state import (
    Job,
    RunState,
    job_began,
    job_ended,
    planned,
    seconds_left,
)

TWO_STAGES = planned(RunState(), {"encode_shard": 10, "lookup": 1, "all": 1, "total": 12})


def test_nothing_is_known_at_first() -> None:
    assert seconds_left(TWO_STAGES, 5.0) is None
    began = job_began(TWO_STAGES, 1, Job("encode", "", "", 5.0))
    assert seconds_left(began, 9.0) is None


def test_a_little_work_says_nothing() -> None:
    """One job of onehot, typically 1 s, beside 100 of lookup, typically 32 s."""
    state = planned(RunState(), {"onehot_shard": 1, "lookup": 100})
    state = job_began(state, 1, Job("onehot", "", "", 0.0))
    assert seconds_left(job_ended(state, 1, 7.0, well=True), 7.0) is None


def test_work_under_way_counts() -> None:
    """Nine of ten took 6 s each, one by one; the tenth has run for 2 s; then lookup, 64 s."""
    state = replace(TWO_STAGES, done={"encode": 9}, seconds={"encode": 54.0}, began=0.0)
    state = job_began(state, 10, Job("encode", "", "", 54.0))
    assert seconds_left(state, 56.0) == pytest.approx(4 + 64)


def test_a_job_slower_than_its_stage_is_no_negative_work() -> None:
    state = replace(TWO_STAGES, done={"encode": 9}, seconds={"encode": 54.0}, began=0.0)
    state = job_began(state, 10, Job("encode", "", "", 54.0))
    assert seconds_left(state, 154.0) == pytest.approx(64)


def test_an_earlier_run_is_a_measurement() -> None:
    state = replace(TWO_STAGES, earlier={"encode": 5.0, "lookup": 30.0})
    state = job_began(state, 1, Job("encode", "", "", 0.0))
    assert seconds_left(state, 1.0) == pytest.approx(10 * 5 + 30 - 1)


def test_a_job_that_is_tried_again() -> None:
    state = job_began(TWO_STAGES, 3, Job("lookup", "", "", 1.0))
    state = job_ended(state, 3, 4.0, well=False)
    assert (state.failed, state.running) == ({"lookup": 1}, {})
    state = job_ended(job_began(state, 3, Job("lookup", "", "", 5.0)), 3, 12.0, well=True)
    assert (state.done, state.seconds, state.began) == ({"lookup": 1}, {"lookup": 7.0}, 1.0)
    assert state.is_done("lookup")
    assert not state.is_done("encode")
    assert job_ended(state, 99, 13.0, well=True) == state
