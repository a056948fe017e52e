"""Which features change predictions, in worlds where that is known.

In each world a model reads 20 features and no others. Activations are sums of sparse features along
random directions in 128 dimensions. Of the features that are read two count in one context only (at
a quarter of the residues), and two are a redundant pair: either suffices. Each has a partner with a
direction at a cosine of 0.3 to 0.7 and activations that go along with it at 50 to 90 % of its
residues. The model reads orthogonally to the partners (by the dual basis), so that ablating one
does nothing at all. Twenty more features have random directions, which are read by chance alone.

The worlds differ in what else there is:

- ``plain``: nothing else.
- ``linear``: features are read as they are, without a threshold, active or not.
- ``dominated``: all residues' predictions follow one more direction, too, three times as much.
- ``flat``: activations lie in 40 dimensions, and the random directions among these (of a random
  combination of features each); any such direction is read more than one of all 128.
- ``steps``: a feature is read as there or not there. Where it is there, gradients vanish.
- ``heavy``: few activations are far stronger than the rest.

That context is given as a concept of all features, too: those that are read in it alone should
change predictions more inside, those that are read alike should not.

    python -m benchmarks.planted_effects --worlds 20 --check
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from protsae.config.stage_settings import EffectSettings
from protsae.interventions.effects.concept_contrasts import ConceptRows
from protsae.interventions.effects.exact_effects import StudiedPass
from protsae.interventions.effects.feature_effects import feature_effects
from protsae.interventions.effects.partners import REDUNDANT
from protsae.interventions.model_pass import ModelPass
from protsae.stages.intervening.measure_effects import with_q_values

D_MODEL, N_WIRED, N_LETTERS = 128, 20, 20
N_FEATURES = 3 * N_WIRED
PARTNERS = np.arange(N_WIRED, 2 * N_WIRED)
RANDOM = np.arange(2 * N_WIRED, N_FEATURES)
CONTEXT, PAIR = (0, 1), (2, 3)
"""Features that are read: in one context only; either of a pair."""
N_CLUSTERS, LENGTH = 80, 60
LEAST_CALLED, MOST_FALSE = 0.95, 0.05
KINDS = ("plain", "linear", "dominated", "flat", "steps", "heavy")
DOMINATING = 3.0
HELD = {"plain", "linear", "dominated", "heavy"}
"""Kinds in which what is read must be called. In the others it is known that it need not be."""


class World:
    """Directions, what reads them, and passes over proteins."""

    def __init__(self, kind: str, seed: int):
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.kind = kind
        wired = _units(rng.normal(size=(N_WIRED, D_MODEL)))
        cosine = rng.uniform(0.3, 0.7, size=(N_WIRED, 1))
        own = rng.normal(size=(N_WIRED, D_MODEL))
        own = _units(own - (own * wired).sum(1, keepdims=True) * wired)
        partners = cosine * wired + np.sqrt(1 - cosine**2) * own
        random = rng.normal(size=(N_WIRED, D_MODEL))
        if kind == "flat":
            known = np.concatenate([wired, partners])
            random = rng.normal(size=(N_WIRED, len(known))) @ known
        random = _units(random)
        self.decoder = np.concatenate([wired, partners, random]).astype(np.float32)
        # An SAE without errors tells all features apart. The model does not know the random ones.
        self.encoder = np.linalg.pinv(self.decoder)
        self.readout = torch.from_numpy(np.linalg.pinv(self.decoder[: 2 * N_WIRED])).float()
        # By how much each feature that is read shifts the log-odds of the letters.
        says = rng.normal(size=(N_WIRED, N_LETTERS))
        says[PAIR[1]] = says[PAIR[0]]
        self.says = torch.from_numpy(says).float()
        self.kept = rng.uniform(0.5, 0.9, size=N_WIRED)
        # Along it everything is read, and what it says is as long as all that a feature says.
        self.dominating = torch.from_numpy(_units(rng.normal(size=(D_MODEL, 1)).T).T).float()
        self.dominating_says = torch.from_numpy(rng.normal(size=(1, N_LETTERS))).float()

    def codes(self) -> np.ndarray:
        """Activations of a protein's residues; partners go along with features that are read."""
        shape = (LENGTH, N_WIRED)
        wired = self.active(shape)
        # The pair is active together, or neither is, at nine residues of ten.
        together = self.rng.random(LENGTH) < 0.9
        wired[together, PAIR[1]] = wired[together, PAIR[0]]
        other = self.active(shape)
        goes_along = self.rng.random(shape) < self.kept
        partners = np.where(goes_along, wired, other)
        random = self.active(shape)
        return np.concatenate([wired, partners, random], 1).astype(np.float32)

    def active(self, shape: tuple[int, int]) -> np.ndarray:
        """Sparse activations."""
        strength = self.rng.exponential(size=shape)
        if self.kind == "heavy":
            strength = strength**3 / 3
        found: np.ndarray = strength * (self.rng.random(shape) < 0.08)
        return found

    def letters(self, x_ND: torch.Tensor, is_context: torch.Tensor) -> torch.Tensor:
        """log p of the letters, from the features as they are read."""
        f_NF = (x_ND @ self.readout)[..., :N_WIRED]
        if self.kind == "linear":
            read = f_NF.clone()
        elif self.kind == "steps":
            read = 2 * torch.sigmoid(20 * (f_NF - 0.3))
        else:  # A soft threshold: what is silent is hardly read.
            read = F.softplus(f_NF - 0.3, beta=6)
        read[..., list(CONTEXT)] = read[..., list(CONTEXT)] * is_context[..., None]
        pair = read[..., list(PAIR)].sum(-1)
        read[..., PAIR[0]] = torch.tanh(2 * pair)
        read[..., PAIR[1]] = 0.0
        logits = read @ self.says
        if self.kind == "dominated":
            logits = logits + DOMINATING * (x_ND @ self.dominating) @ self.dominating_says
        return logits.log_softmax(-1)

    def passes(self) -> list[StudiedPass]:
        """One protein for each cluster; every residue of it is predicted."""
        return [self._pass(number) for number in range(N_CLUSTERS)]

    def _pass(self, number: int) -> StudiedPass:
        f_NF = self.codes()
        noise = self.rng.normal(size=(LENGTH, D_MODEL)).astype(np.float32)
        # The error of the SAE, which the features do not describe.
        noise -= (noise @ self.encoder) @ self.decoder
        noise *= 0.0 if self.kind == "flat" else 0.3
        x_ND = torch.from_numpy(f_NF @ self.decoder + noise)
        kinds = self.rng.integers(0, 4, LENGTH)
        is_context = torch.from_numpy((kinds == 0).astype(np.float32))

        def predict(x_END: torch.Tensor) -> torch.Tensor:
            return self.letters(x_END, is_context)

        true = predict(x_ND[None])[0].exp().multinomial(1)[:, 0]
        one = ModelPass(x_ND, torch.arange(LENGTH), true, predict)
        return StudiedPass(number, number, np.arange(LENGTH), kinds, lambda is_masked: one)

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """The features that are there, as an SAE without errors finds them."""
        found: np.ndarray = (rows @ self.encoder).clip(min=0)
        return np.where(found < 1e-4, 0.0, found).astype(np.float32)


def _units(rows: np.ndarray) -> np.ndarray:
    units: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return units


GROUPS = {
    "read": np.arange(4, N_WIRED),
    "read in one context": np.array(CONTEXT),
    "a redundant pair": np.array(PAIR),
    "partners, not read": PARTNERS,
    "random directions": RANDOM,
}


def run_world(kind: str, seed: int) -> dict[str, np.ndarray]:
    """Which features are called: for necessity, for promotion, for either, beyond activations.

    And which are said to be redundant, and to change predictions more in the context.
    """
    torch.manual_seed(seed)
    world = World(kind, seed)
    letters = {chr(ord("a") + n): n for n in range(N_LETTERS)}
    settings = EffectSettings(exact_features=N_FEATURES, seed=seed)
    passes = world.passes()
    is_context = np.concatenate([one.letters == 0 for one in passes]).astype(np.int8)
    concepts = ConceptRows(["context"] * N_FEATURES, {"context": is_context})
    of_world = (passes, world.encode, world.decoder, letters, settings, 4096)
    rows = feature_effects(*of_world, concepts=concepts)
    table = with_q_values(pd.DataFrame(rows).assign(variant="planted"))
    names = ("necessity_q_value", "promotion_q_value", "effect_q_value", "covariance_q_value")
    found = {name: table[name].to_numpy(float) <= 0.05 for name in names}
    found["redundant"] = table["redundancy_low"].to_numpy(float) > REDUNDANT
    inside = ("inside_kl_difference_low", "inside_unit_kl_difference_low")
    return found | {name: table[name].to_numpy(float) > 0 for name in inside}


def print_kind(kind: str, worlds: Sequence[dict[str, np.ndarray]]) -> bool:
    """Print a kind's rows; whether they hold."""
    found = {name: np.stack([world[name] for world in worlds]) for name in worlds[0]}
    for name, own in GROUPS.items():
        called = [f"{100 * called[:, own].mean():.1f} %" for called in found.values()]
        print(f"| {kind} | {name} | {len(worlds) * len(own)} | {' | '.join(called)} |", flush=True)
    # Linear readers are read by their context at three residues of four, too little to be told.
    wired = np.arange(len(CONTEXT) if kind == "linear" else 0, N_WIRED)
    read = float(found["effect_q_value"][:, wired].mean())
    # In few dimensions random directions are read more than in all, but not more than activations.
    null = found["covariance_q_value" if kind == "flat" else "effect_q_value"][:, RANDOM]
    allowed = MOST_FALSE + 2 * (MOST_FALSE * (1 - MOST_FALSE) / null.size) ** 0.5
    called_well = null.mean() <= allowed and (kind not in HELD or read >= LEAST_CALLED)
    return bool(called_well and _contexts_hold(kind, found["inside_unit_kl_difference_low"]))


def _contexts_hold(kind: str, inside: np.ndarray) -> bool:
    """What is read in the context alone does more there, and what is read alike does not."""
    alike = inside[:, GROUPS["read"]]
    level = MOST_FALSE / 2  # of one end of a 95 % interval
    allowed = level + 2 * (level * (1 - level) / alike.size) ** 0.5
    found = float(inside[:, list(CONTEXT)].mean())
    return bool(alike.mean() <= allowed and (kind not in HELD or found >= LEAST_CALLED))


def main() -> None:
    """Run the worlds and print what was called."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=20, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="seed of the first world")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--check", action="store_true", help="fail unless the numbers hold")
    args = parser.parse_args()
    print(
        "| world | features | planted | necessity | promotion | either | beyond activations "
        "| said to be redundant | more in the context | more a unit |"
    )
    print("|---" * 10 + "|")
    failed = [
        kind
        for kind in args.kinds
        if not print_kind(kind, [run_world(kind, args.first + n) for n in range(args.worlds)])
    ]
    if args.check and failed:
        raise SystemExit(f"the numbers do not hold: {', '.join(failed)}")


if __name__ == "__main__":
    main()
