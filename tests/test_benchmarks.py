"""Benchmarks that would otherwise break unseen, on fewer worlds and with their own bounds."""

import pytest
import torch

from benchmarks import interplm_rule, processor, sae_training
from benchmarks.planted_annotation import falling_short, null_worlds, scored_worlds
from benchmarks.trainers import TRAINERS
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


@pytest.mark.parametrize("instruction", ["avx512_bf16", "amx_bf16", None])
def test_the_head_says_whether_bfloat16_is_fast(
    monkeypatch: pytest.MonkeyPatch, instruction: str | None
) -> None:
    has = {instruction: True} if instruction else {}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert processor.has_fast_bfloat16() == bool(instruction)
    with_or_without = "with" if instruction else "without"
    assert f" {with_or_without} bfloat16, torch {torch.__version__}" in processor.machine()
    assert torch.backends.cpu.get_cpu_capability() in processor.machine()


@pytest.mark.parametrize(
    ("architecture", "dtype", "peer", "swept"),
    [
        pytest.param("relu", torch.bfloat16, 2.5, 1.0, id="relu-bfloat16"),
        pytest.param("relu", torch.float32, 1.0, 1.15, id="relu-float32"),
        pytest.param("topk", torch.bfloat16, 2.5, 1.0, id="topk-bfloat16"),
        pytest.param("topk", torch.float32, 1.3, 2.0, id="topk-float32"),
    ],
)
def test_targets_of_training_are_those_of_the_processor(
    architecture: str, dtype: torch.dtype, peer: float, swept: float
) -> None:
    """A step takes 100 ms, as its floor does; the peer and the sweep are just at, or beyond."""
    other = f"{next(iter(TRAINERS))} 1.0"
    for beyond, n_short in ((1.0, 0), (1.01, 2)):
        times = {
            sae_training.FLOOR_FLOAT32: [100.0],
            sae_training.FLOOR_BFLOAT16: [100.0],
            sae_training.PROTSAE: [100.0],
            sae_training.SWEPT: [100 * swept * beyond],
            other: [100 * peer / beyond],
        }
        memory = {sae_training.PROTSAE: 1.0, other: 1.0}
        figures = sae_training.judge(architecture, times, memory, dtype)
        short = [name for name, value in figures.items() if sae_training.falls_short(name, value)]
        assert len(short) == n_short, short
