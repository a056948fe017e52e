"""Benchmarks that would otherwise break unseen, on fewer worlds and with their own bounds."""

import pytest

from benchmarks import interplm_rule
from benchmarks.planted_annotation import falling_short, null_worlds, scored_worlds
from benchmarks.worlds import KINDS, Kind

N_NULL, N_SCORED, N_FRESH = 20, 2, 300
DEMANDED = [kind for kind in KINDS if kind.demanded]
SCORED = ("unequal families", "position only", "as annotated", "equals")


@pytest.mark.parametrize("kind", [k for k in DEMANDED if k.nulls], ids=lambda kind: kind.name)
def test_null_functions(kind: Kind) -> None:
    worlds = null_worlds(kind, N_NULL)
    assert falling_short([kind], {kind.name: worlds}) == []
    assert worlds["p"].notna().any()


@pytest.mark.parametrize("kind", [k for k in KINDS if k.name in SCORED], ids=lambda kind: kind.name)
def test_end_to_end(kind: Kind) -> None:
    """Too few worlds for the coverage of intervals; the rest must hold."""
    worlds = scored_worlds(kind, N_SCORED, N_FRESH)
    assert falling_short([kind], {kind.name: worlds.drop(columns="covered")}) == []
    assert worlds["power"].notna().all()


def test_what_falls_short_is_told() -> None:
    """Errors by more than two standard errors, power by any; nothing of kinds that are limits."""
    kind = DEMANDED[0]
    worlds = null_worlds(kind, 2).assign(p=[0.06, 0.06], power=[0.9, 0.98])
    short = falling_short([kind], {kind.name: worlds.assign(rotation=0.0, position=0.0, fdp=0.04)})
    expected = ["p 0.060 ± 0.000", "power 0.940 ± 0.080"]
    assert short == [f"{kind.name}: {figure}" for figure in expected]
    limit = next(kind for kind in KINDS if not kind.demanded)
    assert falling_short([limit], {limit.name: worlds}) == []


def test_interplms_rule_beside_the_rotation_null() -> None:
    """The null calls all detectors and at most two beside them; InterPLM's rule finds them, too."""
    world = interplm_rule.make_world(
        0, interplm_rule.N_DETECTORS, interplm_rule.WORLDS["short windows"]
    )
    (calls, found, least), (_, by_interplm, _), *_ = interplm_rule.call(world)
    assert found == by_interplm == interplm_rule.N_DETECTORS
    assert calls <= found + 2
    assert found - 2 <= least <= found
