"""One planted world of benchmarks.planted_effects, of 20."""

from benchmarks.planted_effects import (
    CONTEXT,
    N_WIRED,
    PARTNERS,
    RANDOM,
    REDUNDANT,
    run_world,
)


def test_features_that_the_model_reads_are_called_and_hardly_others() -> None:
    called = run_world(0)
    need, promotion = called["necessity"], called["promotion"]
    plain = [n for n in range(N_WIRED) if n not in (*CONTEXT, *REDUNDANT)]
    assert need[plain].all()
    # Either of the pair suffices, which shows where neither is active.
    assert promotion[list(REDUNDANT)].all()
    assert not (need | promotion)[PARTNERS].any()
    assert (need | promotion)[RANDOM].sum() <= 3  # of 20; q allows 1 in 20 of those called
