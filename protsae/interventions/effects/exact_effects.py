"""Some features ablated, halved, doubled and clamped at their sites, one at a time, exactly."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from protsae.interventions.effects.effect_sites import FeatureSites, SiteRows
from protsae.interventions.effects.site_edits import edited_logp, kl_by_distance
from protsae.interventions.model_pass import ModelPass

DOSES = {"ablated": 0.0, "halved": 0.5, "doubled": 2.0}
"""What an active feature is multiplied by."""

RANDOM, CLAMPED, CLAMPED_RANDOM, UNMASKED = "random", "clamped", "clamped_random", "unmasked"
"""A random direction of the norm of the ablation; the feature set to its clamp where it is silent,
and a random direction of that norm; the ablation where neither residue nor prediction is masked."""

RANDOM_DOSES = {RANDOM: 0.0, "random_halved": 0.5, "random_doubled": 2.0}
"""The same doses along that random direction, as if it were as active as the feature."""

PARTNER, PAIR = "partner", "pair"
"""A partner ablated, and both; kinds of edits of pairs are one of these, and the partner."""

Kind = str | tuple[str, int]


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
    site : list of int
        Which of the feature's sites it is, from 0.
    kl : list of ndarray, shape (3,)
        At the site, near it, elsewhere.
    change : list of ndarray, shape (n_letters,)
        log p at the site, edited less clean.
    true_change : list of float
        Of the true residue.
    """

    site: list[int] = field(default_factory=list)
    kl: list[np.ndarray] = field(default_factory=list)
    change: list[np.ndarray] = field(default_factory=list)
    true_change: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _Edit:
    feature: int
    kind: Kind
    site: int
    index: int
    delta_D: np.ndarray


Measured = Mapping[tuple[int, Kind], MeasuredEdits]


def exact_effects(
    passes: Sequence[StudiedPass],
    rows: SiteRows,
    sites: Mapping[int, FeatureSites],
    decoder_FD: np.ndarray,
    encode: Callable[[np.ndarray], np.ndarray],
    partners_of: Mapping[int, Sequence[int]],
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
    partners_of : mapping of int to sequence of int
        The features that each is ablated together with, from `partners`.
    track : function
        Iterates over the numbers of passes, and may show how far it is.

    Returns
    -------
    dict of (feature, kind) to MeasuredEdits
        Sites in an order that is the same for all kinds at active sites. `UNMASKED` lacks those
        where the feature is silent without the mask, kinds of pairs those where the partner is.
    """
    planned = _planned(rows, sites, decoder_FD, partners_of, n_sites, seed)
    found: dict[tuple[int, Kind], MeasuredEdits] = defaultdict(MeasuredEdits)
    for number in track(sorted(planned)):
        of_pass, masked = passes[number], planned[number]
        _measure(of_pass.open(True), of_pass, masked, tokens_per_batch, found)
        ablated = [edit for edit in masked if edit.kind == "ablated"]
        if ablated:
            unmasked = of_pass.open(False)
            codes = encode(unmasked.x_ND[unmasked.rows].cpu().numpy())
            edits = [
                _Edit(e.feature, UNMASKED, e.site, e.index, -activation * decoder_FD[e.feature])
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
    partners_of: Mapping[int, Sequence[int]],
    n_sites: int,
    seed: int,
) -> dict[int, list[_Edit]]:
    """All edits by pass."""
    planned: dict[int, list[_Edit]] = defaultdict(list)
    for feature, own in sites.items():
        random_D = random_unit(decoder_FD.shape[1], seed, feature)
        random_D *= np.linalg.norm(decoder_FD[feature])
        active = _at_active(rows, own, feature, decoder_FD, random_D, partners_of, n_sites)
        for row, kind, site, delta_D in (*active, *_at_silent(own, decoder_FD[feature], random_D)):
            if site < n_sites:
                edit = _Edit(feature, kind, site, int(rows.index[row]), delta_D)
                planned[rows.pass_number[row]].append(edit)
    return planned


_Planned = Iterator[tuple[int, Kind, int, np.ndarray]]
"""Row, kind, number of the site, and what is added to its activations."""


def _at_active(
    rows: SiteRows,
    own: FeatureSites,
    feature: int,
    decoder_FD: np.ndarray,
    random_D: np.ndarray,
    partners_of: Mapping[int, Sequence[int]],
    n_sites: int,
) -> _Planned:
    others = list(partners_of.get(feature, ()))
    of_others_SP = rows.codes[:, others].tocsr()[own.active[:n_sites]].toarray()
    at_sites = zip(own.active, own.activation, of_others_SP, strict=False)
    for site, (row, activation, of_others) in enumerate(at_sites):
        whole_D = activation * decoder_FD[feature]
        for kind, dose in DOSES.items():
            yield row, kind, site, (dose - 1) * whole_D
        for kind, dose in RANDOM_DOSES.items():
            yield row, kind, site, (dose - 1) * activation * random_D
        for other in np.flatnonzero(of_others > 0):
            partner = others[other]
            removed_D = of_others[other] * decoder_FD[partner]
            yield row, (PARTNER, partner), site, -removed_D
            yield row, (PAIR, partner), site, -removed_D - whole_D


def _at_silent(own: FeatureSites, direction_D: np.ndarray, random_D: np.ndarray) -> _Planned:
    for site, row in enumerate(own.silent):
        yield row, CLAMPED, site, own.clamp * direction_D
        yield row, CLAMPED_RANDOM, site, own.clamp * random_D


def _measure(
    one: ModelPass,
    of_pass: StudiedPass,
    edits: Sequence[_Edit],
    tokens_per_batch: int,
    found: dict[tuple[int, Kind], MeasuredEdits],
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
            of_kind.site.append(edit.site)
            of_kind.kl.append(values[0])
            of_kind.change.append(values[1])
            of_kind.true_change.append(float(values[2]))
