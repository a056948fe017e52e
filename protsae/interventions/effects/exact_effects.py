"""Some features ablated, halved, doubled and clamped at their sites, one at a time, exactly."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protsae.interventions.effects.effect_sites import FeatureSites, SiteRows
from protsae.interventions.effects.model_pass import ModelPass
from protsae.interventions.effects.site_edits import edited_logp, kl_by_distance

DOSES = {"ablated": 0.0, "halved": 0.5, "doubled": 2.0}
"""What an active feature is multiplied by."""

RANDOM, CLAMPED, CLAMPED_RANDOM, UNMASKED = "random", "clamped", "clamped_random", "unmasked"
"""A random direction of the norm of the ablation; the feature set to its clamp where it is silent,
and a random direction of that norm; the ablation where neither residue nor prediction is masked."""


@dataclass(frozen=True)
class StudiedPass:
    """A pass that is opened when it is needed.

    Attributes
    ----------
    protein, cluster : int
    positions : ndarray of int, shape (n_predicted,)
        Residues that it predicts, in the protein.
    letters : ndarray of int, shape (n_predicted,)
        What they are.
    open : function
        The pass, masked or not.
    """

    protein: int
    cluster: int
    positions: np.ndarray
    letters: np.ndarray
    open: Callable[[bool], ModelPass]


@dataclass
class MeasuredEdits:
    """What one kind of edit of one feature did, site by site.

    Attributes
    ----------
    kl : list of ndarray, shape (3,)
        At the site, near it, elsewhere.
    change : list of ndarray, shape (n_letters,)
        log p at the site, edited less clean.
    true_change : list of float
        Of the true residue.
    """

    kl: list[np.ndarray]
    change: list[np.ndarray]
    true_change: list[float]


@dataclass(frozen=True)
class _Edit:
    feature: int
    kind: str
    index: int
    delta_D: np.ndarray


Measured = Mapping[tuple[int, str], MeasuredEdits]


def exact_effects(
    passes: Sequence[StudiedPass],
    rows: SiteRows,
    sites: Mapping[int, FeatureSites],
    decoder_FD: np.ndarray,
    encode: Callable[[np.ndarray], np.ndarray],
    n_sites: int,
    tokens_per_batch: int,
    seed: int,
    track: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> Measured:
    """Measure every kind of edit of some features at their first ``n_sites`` sites.

    Parameters
    ----------
    sites : mapping of int to FeatureSites
        By feature.
    encode : function
        Activations (n, d_model) to features (n, n_features).
    track : function
        Iterates over the numbers of passes, and may show how far it is.

    Returns
    -------
    dict of (feature, kind) to MeasuredEdits
        Sites in an order that is the same for all kinds at active sites but `UNMASKED`, which lacks
        those where the feature is silent without the mask.
    """
    planned = _planned(rows, sites, decoder_FD, n_sites, seed)
    found: dict[tuple[int, str], MeasuredEdits] = defaultdict(lambda: MeasuredEdits([], [], []))
    for number in track(sorted(planned)):
        of_pass, masked = passes[number], planned[number]
        _measure(of_pass.open(True), of_pass, masked, tokens_per_batch, found)
        ablated = [edit for edit in masked if edit.kind == "ablated"]
        if ablated:
            unmasked = of_pass.open(False)
            codes = encode(unmasked.x_ND[unmasked.rows].cpu().numpy())
            edits = [
                _Edit(e.feature, UNMASKED, e.index, -activation * decoder_FD[e.feature])
                for e in ablated
                if (activation := float(codes[e.index, e.feature])) > 0
            ]
            _measure(unmasked, of_pass, edits, tokens_per_batch, found)
    return dict(found)


def random_unit(d_model: int, seed: int, feature: int) -> np.ndarray:
    """The random direction that a feature is held against, float32, of norm 1."""
    direction = np.random.default_rng((seed, feature)).normal(size=d_model)
    unit: np.ndarray = (direction / np.linalg.norm(direction)).astype(np.float32)
    return unit


def _planned(
    rows: SiteRows,
    sites: Mapping[int, FeatureSites],
    decoder_FD: np.ndarray,
    n_sites: int,
    seed: int,
) -> dict[int, list[_Edit]]:
    """All edits by pass."""
    planned: dict[int, list[_Edit]] = defaultdict(list)
    for feature, own in sites.items():
        direction = decoder_FD[feature]
        random = random_unit(len(direction), seed, feature) * np.linalg.norm(direction)
        for row, activation in zip(own.active[:n_sites], own.activation, strict=False):
            kinds = {kind: (dose - 1) * activation * direction for kind, dose in DOSES.items()}
            kinds[RANDOM] = activation * random
            for kind, delta in kinds.items():
                planned[rows.pass_number[row]].append(
                    _Edit(feature, kind, int(rows.index[row]), delta)
                )
        for row in own.silent[:n_sites]:
            for kind, along in ((CLAMPED, direction), (CLAMPED_RANDOM, random)):
                planned[rows.pass_number[row]].append(
                    _Edit(feature, kind, int(rows.index[row]), own.clamp * along)
                )
    return planned


def _measure(
    one: ModelPass,
    of_pass: StudiedPass,
    edits: Sequence[_Edit],
    tokens_per_batch: int,
    found: dict[tuple[int, str], MeasuredEdits],
) -> None:
    """Run the edits of a pass, and add what they did."""
    if not edits:
        return
    nothing = np.zeros((1, one.x_ND.shape[1]), np.float32)
    [clean] = edited_logp(one, [0], nothing, tokens_per_batch)
    # As many as run together, so that predictions of no more edits are held at once.
    step = max(1, tokens_per_batch // len(one.x_ND))
    for first in range(0, len(edits), step):
        chosen = edits[first : first + step]
        index = np.array([edit.index for edit in chosen])
        delta = np.stack([edit.delta_D for edit in chosen])
        logp = edited_logp(one, index.tolist(), delta, tokens_per_batch)
        kl = kl_by_distance(clean, logp, of_pass.positions, index)
        change = logp[np.arange(len(chosen)), index].astype(np.float64) - clean[index]
        true_change = change[np.arange(len(chosen)), one.true.cpu().numpy()[index]]
        for edit, *values in zip(chosen, kl, change, true_change, strict=True):
            of_kind = found[edit.feature, edit.kind]
            of_kind.kl.append(values[0])
            of_kind.change.append(values[1])
            of_kind.true_change.append(float(values[2]))
