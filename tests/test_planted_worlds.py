"""Planted worlds are what they claim to be."""

import numpy as np

from benchmarks.worlds import KINDS
from benchmarks.worlds.families import Families, draw_families
from benchmarks.worlds.marks import annotated, from_terminus, known_within, on_all, windows


def test_every_world_keeps_its_word() -> None:
    """Labels only where they are known, no pair both null and detected, each concept has labels."""
    for kind in KINDS:
        world = kind.draw(np.random.default_rng(0), 30)
        assert kind.draw.__doc__
        assert not (world.labels & ~world.known).any()
        assert not (world.detectors & world.null).any()
        assert not ((world.rotation_null | world.position_null) & ~world.null).any()
        assert world.labels.any(0).all(), kind.name
        assert kind.nulls == bool(world.null.any())
        assert len(world.letters) == len(world.labels) == world.families.lengths.sum()


def test_relatives_keep_their_places() -> None:
    """An ancestor of 20; a relative with two more in front and three before the ancestor's 11th."""
    families = Families(*map(np.array, ([20], [0, 0], [20, 25], [0, 2], [0, 10], [0, 3])))
    assert families.places(np.array([0, 0, 1, 1]), np.array([9, 10, 9, 10])).tolist() == [
        9,
        10,
        11,
        15,
    ]
    mask = windows(np.random.default_rng(0), families, on_all(families), (20, 20), missing=0.0)
    assert np.flatnonzero(~mask).tolist() == [20, 21]


def test_a_distance_from_an_end_is_one_whatever_the_length() -> None:
    families = draw_families(np.random.default_rng(1), np.full(7, 3))
    mask = from_terminus(
        np.random.default_rng(2), families, on_all(families), (5, 5), (11, 11), "C", missing=0.0
    )
    assert np.unique(families.from_end[mask]).tolist() == list(range(5, 16))
    assert mask.sum() == 11 * families.n_proteins


def test_large_families_are_annotated_more_often() -> None:
    families = draw_families(np.random.default_rng(3), np.tile([1, 10], 500))
    has = annotated(np.random.default_rng(4), families, 0.4)
    assert has[families.size == 10].mean() > 1.5 * has[families.size == 1].mean()


def test_known_parts_have_their_share() -> None:
    families = draw_families(np.random.default_rng(5), np.full(200, 1))
    known = known_within(np.random.default_rng(6), families, 0.25)
    assert 0.22 < known.mean() < 0.28


def test_letters_of_relatives_agree() -> None:
    """A proportion of 0.6 copied from the ancestor in both, and what agrees by chance."""
    families = draw_families(np.random.default_rng(7), np.full(50, 2))
    same = Families(
        families.ancestor,
        families.family,
        families.ancestor[families.family],
        *(np.zeros(100, dtype=np.int64) for _ in range(3)),
    )
    letters = same.letters(np.random.default_rng(8))
    pairs = np.split(letters, same.first[1:])
    agree = np.concatenate([a == b for a, b in zip(pairs[::2], pairs[1::2], strict=True)]).mean()
    chance = 0.07
    assert abs(agree - (0.36 + 0.64 * chance)) < 0.03
