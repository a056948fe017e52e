"""Interventions as a person writes them: 6/topk/246:clamp=2q0.9@10-20,35."""

import math
import re
from dataclasses import dataclass

from protsae.config.reserved_names import COORDINATE
from protsae.errors import UserError
from protsae.interventions.intervention import ACTIONS, Action
from protsae.one_line import cut

ACTIVE = "active"
"""Where the feature is active, in place of residues."""

EXAMPLE = "6/topk/246:clamp=2q0.9@10-20,35"

_EDIT = re.compile(r"([^:@]+):([^=@]*)(?:=([^@]*))?(?:@(.*))?", re.DOTALL)
_FEATURES = re.compile(r"(.+)/([0-9]{1,9}(?:,[0-9]{1,9})*)", re.DOTALL)
_LAYER = r"(?:[^/]+/)?[0-9]{1,9}"
_FILE = re.compile(rf"({_LAYER})/direction=(.+)", re.DOTALL)
_OF_LAYER = re.compile(rf"({_LAYER})/{COORDINATE}")
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)?q([01]?\.?[0-9]+)")
_RESIDUES = re.compile(r"[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*")


@dataclass(frozen=True)
class Amount:
    """A number, or so many times a quantile of the feature's positive activations on train.

    Attributes
    ----------
    number : float
        The amount itself, or the factor of the quantile.
    quantile : float, optional
        Above 0 and below 1.
    """

    number: float
    quantile: float | None = None


@dataclass(frozen=True)
class Coordinates:
    """Coordinates of a layer's activations.

    Attributes
    ----------
    layer : str
        As written: 6, or MODEL/6.
    numbers : tuple of int
        From 0 on.
    """

    layer: str
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.layer}/{COORDINATE}/{','.join(map(str, self.numbers))}"


@dataclass(frozen=True)
class DirectionFile:
    """A direction of a layer's activations, in a file.

    Attributes
    ----------
    layer : str
        As of `Coordinates`.
    path : str
    """

    layer: str
    path: str

    def __str__(self) -> str:
        return f"{self.layer}/direction={self.path}"


Along = Coordinates | DirectionFile
"""What is no feature of an SAE, but a direction by itself."""


@dataclass(frozen=True)
class WrittenEdit:
    """An intervention, as read; which SAE and which activations it means is for a run to say.

    Attributes
    ----------
    text : str
        As it was written.
    features : tuple of str
        Full names, such as 6/topk/246; all of one SAE. None if ``along`` is given.
    action : str
        One of `ACTIONS`.
    amount : Amount
        0 for ``ablate``, which takes none.
    intervals : tuple of (int, int), optional
        Residues, 1-based and inclusive, as written.
    concept : str, optional
        Residues that have it.
    where_active : bool
        Only where the number that is changed is above 0.
    along : Coordinates or DirectionFile, optional
        In place of features.
    """

    text: str
    features: tuple[str, ...]
    action: Action
    amount: Amount
    intervals: tuple[tuple[int, int], ...] | None = None
    concept: str | None = None
    where_active: bool = False
    along: Along | None = None


def parse_edit(text: str) -> WrittenEdit:
    """Read FEATURE[,FEATURE...]:ACTION[=AMOUNT][@WHERE].

    FEATURE is a name as `protsae show` takes it; after a comma, its number alone. Or it is a
    coordinate of a layer's activations, ``6/coordinate/17``, or a direction, by the name of a file,
    ``6/direction=helix.npy``. ACTION is ablate, clamp, scale or add. AMOUNT is a number, for clamp
    and add of features also 2q0.9: 2 x the 0.9 quantile of the feature's positive activations on
    train. WHERE is residues (10-20,35), ``active``, or a concept; all residues by default.

    Raises
    ------
    UserError
        Which part is not of this form, what was expected, and an example.

    Examples
    --------
    >>> edit = parse_edit("6/topk/246,17:clamp=2q0.9@10-20,35")
    >>> edit.features, edit.action, edit.amount, edit.intervals
    (('6/topk/246', '6/topk/17'), 'clamp', Amount(number=2.0, quantile=0.9), ((10, 20), (35, 35)))
    >>> parse_edit("3/topk/17:ablate@SIGNAL").concept
    'SIGNAL'
    >>> parse_edit("3/topk/17:add=4@active").where_active
    True
    >>> parse_edit("6/coordinate/17,4:clamp=-2").along
    Coordinates(layer='6', numbers=(17, 4))
    >>> parse_edit("6/direction=mine/helix.npy:add=1.5@active").along
    DirectionFile(layer='6', path='mine/helix.npy')
    >>> parse_edit("3/topk/17:clamp")
    Traceback (most recent call last):
    protsae.errors.UserError: --edit 3/topk/17:clamp: clamp without an amount; expected a number...
    """
    found = _EDIT.fullmatch(text)
    if found is None:
        raise _unread(text, "no edit", "FEATURE:ACTION[=AMOUNT][@WHERE]")
    features, along = _what(text, found[1])
    action = next((known for known in ACTIONS if known == found[2]), None)
    if action is None:
        raise _unread(text, f"action {cut(found[2], 40)!r}", f"one of {', '.join(ACTIONS)}")
    amount = _amount(text, action, found[3], along is None)
    return WrittenEdit(text, features, action, amount, *_where(text, found[4]), along)


def _what(text: str, named: str) -> tuple[tuple[str, ...], Along | None]:
    """Features, or what is no feature."""
    if of_file := _FILE.fullmatch(named):
        return (), DirectionFile(of_file[1], of_file[2])
    found = _FEATURES.fullmatch(named)
    if found is None:
        raise _unread(text, "no edit", "FEATURE:ACTION[=AMOUNT][@WHERE]")
    numbers = [int(number) for number in found[2].split(",")]
    coordinates = _OF_LAYER.fullmatch(found[1])
    if repeated := [number for i, number in enumerate(numbers) if number in numbers[:i]]:
        kind = COORDINATE if coordinates else "feature"
        raise _unread(text, f"{kind} {repeated[0]} is named twice", f"each {kind} once")
    if coordinates:
        return (), Coordinates(coordinates[1], tuple(numbers))
    return tuple(f"{found[1]}/{number}" for number in numbers), None


def parse_residues(text: str, where: str) -> tuple[tuple[int, int], ...]:
    """Intervals of residues, 1-based and inclusive, such as 1-20,45.

    Raises
    ------
    UserError
        If it is no such list; the message starts with ``where``.

    Examples
    --------
    >>> parse_residues("1-20,45", "--keep")
    ((1, 20), (45, 45))
    >>> parse_residues("20-1", "--keep")
    Traceback (most recent call last):
    protsae.errors.UserError: --keep: residues '20-1'; expected positions from 1 on, ...
    """
    problem = UserError(
        f"{where}: residues {cut(repr(text), 60)}; expected positions from 1 on, first to last, "
        "such as 10-20,35"
    )
    if not _RESIDUES.fullmatch(text):
        raise problem
    ends = [part.partition("-") for part in text.split(",")]
    intervals = tuple((int(first), int(last or first)) for first, _, last in ends)
    if any(first < 1 or last < first for first, last in intervals):
        raise problem
    return intervals


def _where(
    text: str, where: str | None
) -> tuple[tuple[tuple[int, int], ...] | None, str | None, bool]:
    """Intervals, concept, and whether only where active."""
    if where is None:
        return None, None, False
    if where == ACTIVE:
        return None, None, True
    if not where.strip():
        raise _unread(text, "nothing after @", f"residues, {ACTIVE!r} or a concept")
    if where[0].isdigit():
        return parse_residues(where, f"--edit {cut(text, 80)}"), None, False
    return None, where, False


def _amount(text: str, action: Action, amount: str | None, is_of_features: bool) -> Amount:
    if action == "ablate":
        if amount is not None:
            raise _unread(text, f"ablate with the amount {cut(amount, 40)!r}", "none: it sets 0")
        return Amount(0.0)
    has_quantiles = is_of_features and action != "scale"
    kinds = "a number, or 2q0.9 (2 x the 0.9 quantile)" if has_quantiles else "a number"
    if amount is None:
        raise _unread(text, f"{action} without an amount", kinds)
    if (found := _AMOUNT.fullmatch(amount)) and has_quantiles:
        factor, quantile = float(found[1] or 1), float(found[2])
        if not 0 < quantile < 1:
            raise _unread(text, f"quantile {found[2]}", "one above 0 and below 1")
        return Amount(factor, quantile)
    try:
        number = float(amount)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _unread(text, f"amount {cut(amount, 40)!r}", kinds)
    if number < 0 and action != "add" and is_of_features:
        raise _unread(
            text,
            f"{action} by a negative amount, {amount}",
            "0 or more, as activations are never negative; add takes negative numbers",
        )
    return Amount(number)


def _unread(text: str, found: str, expected: str) -> UserError:
    return UserError(f"--edit {cut(text, 80)}: {found}; expected {expected}; such as {EXAMPLE}")
