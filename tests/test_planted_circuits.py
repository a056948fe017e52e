"""One planted world of benchmarks.planted_circuits, of 20, and its rates by hand."""

from benchmarks.planted_circuits import CASES, rates, run_world


def test_the_circuit_built_is_found_and_random_graphs_keep_nothing() -> None:
    found = run_world(3, CASES[0])
    assert found["exact"] == 1
    assert abs(found["random"]) < 0.1
    assert abs(found["strongest"]) < 0.1


def test_rates() -> None:
    assert rates({1, 2, 3, 4}, {1, 2, 5}) == (0.5, 2 / 3)
    assert rates(set(), {1}) == (0, 0)
