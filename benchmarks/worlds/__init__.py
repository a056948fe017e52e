"""Planted worlds like real proteins: what is true of every pair of feature and concept is known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.worlds import by_rule as rules
from benchmarks.worlds import ends, invented, mixtures, partly_known, phases, relatives, whole
from benchmarks.worlds.world import World


@dataclass(frozen=True)
class Kind:
    """One kind of world.

    Attributes
    ----------
    draw : function from (Generator, number of families) to World
        What its docstring states must hold.
    n_families : int
        Homology clusters of a world for the null functions alone.
    nulls : bool
        It says something of p-values.
    demanded : bool
        Otherwise it is measured, and nothing is demanded.
    """

    draw: Callable[[np.random.Generator, int], World]
    n_families: int = 50
    nulls: bool = True
    demanded: bool = True

    @property
    def name(self) -> str:
        """In words."""
        return self.draw.__name__.replace("_", " ")


KINDS = (
    Kind(relatives.families_of_one, 70),
    Kind(relatives.families_of_three, 40),
    Kind(relatives.families_of_ten, 26),
    Kind(relatives.unequal_families),
    Kind(partly_known.unknown_ends, 40),
    Kind(partly_known.unknown_inside, 40),
    Kind(partly_known.known_in_pieces, 40),
    Kind(partly_known.known_by_family, 40),
    Kind(partly_known.known_around_labels),
    Kind(ends.seek_ends),
    Kind(ends.avoid_ends),
    Kind(ends.position_only),
    Kind(ends.fixed_distance),
    Kind(ends.ends_partly_known, 80),
    Kind(phases.period_of_helices),
    Kind(phases.period_of_heptads),
    Kind(phases.period_of_eleven),
    Kind(phases.tandem_repeats),
    Kind(rules.letters_only, nulls=False),
    Kind(rules.composition, nulls=False),
    Kind(whole.rare),
    Kind(whole.whole_proteins),
    Kind(mixtures.as_annotated, 60),
    Kind(invented.patchy_domains),
    Kind(invented.one_giant_family),
    Kind(invented.copies),
    Kind(invented.studied_constructs),
    Kind(invented.length_goes_with_both),
    Kind(invented.equals, nulls=False),
    Kind(phases.period_with_insertions, demanded=False),
    Kind(invented.hidden_relatives, demanded=False),
)
