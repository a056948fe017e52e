"""Benchmarks that would otherwise break unseen."""

from benchmarks.planted_annotation import N_DETECTORS, WORLDS, call, make_world


def test_a_planted_world_is_found() -> None:
    """By the null that breaks no window: all detectors, and at most two calls beside them."""
    calls, found, least = call(make_world(0, N_DETECTORS, WORLDS["short windows"]))[0]
    assert found == N_DETECTORS
    assert calls <= N_DETECTORS + 2
    assert N_DETECTORS - 2 <= least <= N_DETECTORS
