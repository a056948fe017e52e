"""Sequences designed by a model with interventions, and what the clean model makes of them.

Round by round some residues are masked together, the model runs with the interventions, and the
residues are sampled from its predictions. Designs with the same random numbers differ only by what
the interventions do to these predictions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from protsae.interventions.edited_predictions import (
    Pass,
    packed_passes,
    passes,
    token_rows,
)
from protsae.interventions.intervention import Intervention, hooks
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.tokens import MASK, STANDARD_TOKENS, Window, batches, tokenise

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
"""Of ``STANDARD_TOKENS``, in that order."""

TO_DESIGN = "_"
"""Stands in a start for a residue that is not there yet: it is masked until it is drawn."""


@dataclass(frozen=True)
class Schedule:
    """How designs are made.

    Attributes
    ----------
    rounds : int
    share : float
        Of the residues that are free to change, masked and drawn anew in a round; at least one is.
    hot, cold : float
        Temperature of the first and the last round, and evenly between; above 0.
    """

    rounds: int = 20
    share: float = 0.15
    hot: float = 1.0
    cold: float = 0.3

    def temperature(self, number: int) -> float:
        """Of a round, from 0.

        Examples
        --------
        >>> [round(Schedule(3, hot=1.0, cold=0.5).temperature(number), 2) for number in range(3)]
        [1.0, 0.75, 0.5]
        """
        return self.hot + (self.cold - self.hot) * number / max(1, self.rounds - 1)

    def n_drawn(self, n_free: int) -> int:
        """Residues that a round draws, of so many that are free to change.

        Examples
        --------
        >>> [Schedule(share=0.15).n_drawn(n) for n in (0, 1, 20, 100)]
        [0, 1, 3, 15]
        """
        return min(n_free, max(1, round(self.share * n_free)))


def chosen_places(
    tokens: np.ndarray, free: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Residues of a round, sorted: at random among the free ones, those still masked first.

    Examples
    --------
    >>> tokens, rng = np.array([5, 32, 5, 32]), np.random.default_rng(0)
    >>> chosen_places(tokens, np.array([0, 1, 3]), 2, rng).tolist()
    [1, 3]
    """
    order = rng.permutation(free)
    order = order[np.argsort(tokens[order] != MASK, kind="stable")]
    return np.sort(order[:n])


def sample(logits: np.ndarray, temperature: float, uniform: np.ndarray) -> np.ndarray:
    """Index drawn from softmax(logits / temperature) of each row, by inverting its distribution.

    Parameters
    ----------
    logits : ndarray, float64, shape (n, n_letters)
    uniform : ndarray, shape (n,)
        In [0, 1): the share of probability below what is drawn.

    Examples
    --------
    >>> even = np.zeros((3, 4))
    >>> sample(even, 1.0, np.array([0.0, 0.3, 0.99])).tolist()
    [0, 1, 3]
    """
    scaled = logits / temperature
    p = np.exp(scaled - scaled.max(1, keepdims=True))
    below = np.cumsum(p, axis=1)
    found: np.ndarray = (below <= uniform[:, None] * below[:, -1:]).sum(1)
    return np.minimum(found, logits.shape[1] - 1)


@torch.no_grad()
def steer(
    esm2: FusedEsm2,
    starts: Sequence[str],
    interventions: Sequence[Intervention],
    free: Sequence[np.ndarray],
    schedule: Schedule,
    seeds: Sequence[tuple[int, ...]],
    tokens_per_batch: int,
) -> list[str]:
    """Design one sequence from each start.

    Parameters
    ----------
    starts : sequence of str
        Letters; `TO_DESIGN` where there is none yet. Each goes through the model in one piece.
    interventions : sequence of Intervention
        ``is_edited`` in the order of the starts; none, and nothing is steered.
    free : sequence of ndarray
        Residues that may change, bool, shape (n_residues,).
    schedule : Schedule
        With rounds enough that each residue to design is drawn.
    seeds : sequence of tuple of int
        Of each design. Which residues are drawn and the uniform numbers depend on it alone.

    Returns
    -------
    list of str
        Of the lengths of the starts.
    """
    tokens = [start_tokens(start) for start in starts]
    rngs = [np.random.default_rng(seed) for seed in seeds]
    places = [np.flatnonzero(one) for one in free]
    at = [
        [torch.ones(len(own), dtype=torch.bool) for own in tokens]
        if one.is_edited is None
        else one.is_edited
        for one in interventions
    ]
    for number in range(schedule.rounds):
        drawn = [
            chosen_places(own, place, schedule.n_drawn(len(place)), rng)
            for own, place, rng in zip(tokens, places, rngs, strict=True)
        ]
        uniform = [rng.random(len(own)) for own, rng in zip(drawn, rngs, strict=True)]
        for batch in batches([len(own) for own in tokens], tokens_per_batch):
            chosen = [_whole(i, tokens[i], drawn[i]) for i in batch]
            packed, rows = packed_passes(chosen, is_masked=True)
            packed, rows = packed.to(esm2.device), rows.to(esm2.device)
            masks = [token_rows(packed, chosen, [residues[i] for i in batch]) for residues in at]
            final_ND = esm2(packed, edits=hooks(interventions, masks), rows=rows).final_ND
            logits = esm2.logits(final_ND)[:, STANDARD_TOKENS].double().cpu().numpy()
            numbers = np.concatenate([uniform[i] for i in batch])
            new = STANDARD_TOKENS[sample(logits, schedule.temperature(number), numbers)]
            ends = np.cumsum([len(drawn[i]) for i in batch])[:-1]
            for i, letters in zip(batch, np.split(new, ends), strict=True):
                tokens[i][drawn[i]] = letters
    return [_letters(own, start) for own, start in zip(tokens, starts, strict=True)]


def start_tokens(start: str) -> np.ndarray:
    """Tokens of a start; <mask> where a residue is to be designed.

    Examples
    --------
    >>> start_tokens("L_A").tolist()
    [4, 32, 5]
    """
    tokens = tokenise(start.replace(TO_DESIGN, "X"))
    tokens[[letter == TO_DESIGN for letter in start]] = MASK
    return tokens


def _letters(tokens: np.ndarray, start: str) -> str:
    """Letters of tokens; those that are no amino acid stay as they were."""
    letter = dict(zip(STANDARD_TOKENS.tolist(), LETTERS, strict=True))
    return "".join(letter.get(int(t), old) for t, old in zip(tokens, start, strict=True))


def _whole(index: int, tokens: np.ndarray, predicted: np.ndarray) -> Pass:
    return Pass(Window(index, 0, len(tokens), 0, len(tokens)), tokens, predicted)


@torch.no_grad()
def pseudo_perplexity(
    esm2: FusedEsm2, sequences: Sequence[str], tokens_per_batch: int, seed: int = 0
) -> np.ndarray:
    """exp(-mean log p(true residue)) of each sequence under the clean model; float64.

    Each residue is masked when it is predicted, in sets of about 15 % (`passes`). Letters that are
    no amino acid are not predicted. Low: the model finds the sequence likely, which it also does of
    repeats.

    References
    ----------
    Lin et al. 2023, Science 379:1123, who mask one residue at a time.
    """
    longest = max(map(len, sequences))
    own = passes(sequences, longest, 0, is_masked=True, seed=seed)
    sums, counts = np.zeros((2, len(sequences)))
    for batch in batches([len(one.tokens) for one in own], tokens_per_batch):
        chosen = [own[i] for i in batch]
        packed, rows = packed_passes(chosen, is_masked=True)
        final_ND = esm2(packed.to(esm2.device), rows=rows.to(esm2.device)).final_ND
        logp = esm2.logits(final_ND).log_softmax(1).double().cpu().numpy()
        true = np.concatenate([one.tokens[one.predicted] for one in chosen])
        of = np.concatenate([np.full(len(one.predicted), one.window.protein) for one in chosen])
        counted = np.isin(true, STANDARD_TOKENS)
        np.add.at(sums, of[counted], -logp[np.arange(len(true)), true][counted])
        np.add.at(counts, of[counted], 1)
    with np.errstate(invalid="ignore"):
        found: np.ndarray = np.exp(sums / counts)
    return found


@torch.no_grad()
def readings(
    esm2: FusedEsm2, sequence: str, interventions: Sequence[Intervention]
) -> list[np.ndarray]:
    """What each intervention reads in a sequence with nothing masked or edited.

    Returns
    -------
    list of ndarray
        float64, shape (n_residues, n_directions), for each intervention.
    """
    packed, _ = packed_passes([_whole(0, start_tokens(sequence), np.arange(0))], is_masked=False)
    packed = packed.to(esm2.device)
    places = {one.place for one in interventions}
    found = esm2(packed, layers=places).representations
    inner = packed.residues_N
    return [
        one.directions.read(found[one.place][inner].float()).double().cpu().numpy()
        for one in interventions
    ]


@torch.no_grad()
def mean_change(esm2: FusedEsm2, start: str, one: Intervention) -> float:
    """Mean of |x' - x| over the residues that an intervention changes in a start; 0 if none."""
    packed, _ = packed_passes([_whole(0, start_tokens(start), np.arange(0))], is_masked=False)
    packed = packed.to(esm2.device)
    x_ND = esm2(packed, layers=(one.place,)).representations[one.place]
    rows_N = packed.residues_N.clone()
    if one.is_edited is not None:
        rows_N[packed.residues_N] = one.is_edited[0].to(rows_N.device)
    norm_N = (one.edited(x_ND, rows_N) - x_ND)[rows_N].double().norm(dim=1)
    changed = norm_N[norm_N > 0]
    return float(changed.mean()) if len(changed) else 0.0
