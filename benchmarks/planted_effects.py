"""Which features change predictions, in worlds where that is known.

In each world a model reads 20 features and no others. Activations are sums of sparse features along
random directions in 128 dimensions. Of the features that are read two count in one context only (at
a quarter of the residues), and two are a redundant pair: either suffices. Each has a partner with a
direction at a cosine of 0.3 to 0.7 and activations that go along with it at 50 to 90 % of its
residues. The model reads orthogonally to the partners (by the dual basis), so that ablating one
does nothing at all. Twenty more features have random directions, which are read by chance alone.

    python -m benchmarks.planted_effects --worlds 20 --check
"""

import argparse

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from protsae.config.stage_settings import EffectSettings
from protsae.interventions.effects.exact_effects import StudiedPass
from protsae.interventions.effects.feature_effects import feature_effects
from protsae.interventions.effects.model_pass import ModelPass
from protsae.stages.intervening.measure_effects import with_q_values

D_MODEL, N_WIRED, N_LETTERS = 128, 20, 20
N_FEATURES = 3 * N_WIRED
PARTNERS = np.arange(N_WIRED, 2 * N_WIRED)
RANDOM = np.arange(2 * N_WIRED, N_FEATURES)
CONTEXT, REDUNDANT = (0, 1), (2, 3)
"""Features that are read: in one context only; either of a pair."""
N_CLUSTERS, LENGTH = 80, 60
LEAST_CALLED, MOST_FALSE = 0.95, 0.05


class World:
    """Directions, what reads them, and passes over proteins."""

    def __init__(self, seed: int):
        rng = np.random.default_rng(seed)
        self.rng = rng
        wired = _units(rng.normal(size=(N_WIRED, D_MODEL)))
        cosine = rng.uniform(0.3, 0.7, size=(N_WIRED, 1))
        own = rng.normal(size=(N_WIRED, D_MODEL))
        own = _units(own - (own * wired).sum(1, keepdims=True) * wired)
        partners = cosine * wired + np.sqrt(1 - cosine**2) * own
        random = _units(rng.normal(size=(N_WIRED, D_MODEL)))
        self.decoder = np.concatenate([wired, partners, random]).astype(np.float32)
        # An SAE without errors tells all features apart. The model does not know the random ones.
        self.encoder = np.linalg.pinv(self.decoder)
        self.readout = torch.from_numpy(np.linalg.pinv(self.decoder[: 2 * N_WIRED])).float()
        # By how much each feature that is read shifts the log-odds of the letters.
        says = rng.normal(size=(N_WIRED, N_LETTERS))
        says[REDUNDANT[1]] = says[REDUNDANT[0]]
        self.says = torch.from_numpy(says).float()
        self.kept = rng.uniform(0.5, 0.9, size=N_WIRED)

    def codes(self) -> np.ndarray:
        """Activations of a protein's residues; partners go along with features that are read."""
        shape = (LENGTH, N_WIRED)
        wired = self.rng.exponential(size=shape) * (self.rng.random(shape) < 0.08)
        # The pair is active together, or neither is, at nine residues of ten.
        together = self.rng.random(LENGTH) < 0.9
        wired[together, REDUNDANT[1]] = wired[together, REDUNDANT[0]]
        other = self.rng.exponential(size=shape) * (self.rng.random(shape) < 0.08)
        goes_along = self.rng.random(shape) < self.kept
        partners = np.where(goes_along, wired, other)
        random = self.rng.exponential(size=shape) * (self.rng.random(shape) < 0.08)
        return np.concatenate([wired, partners, random], 1).astype(np.float32)

    def letters(self, f_NF: torch.Tensor, is_context: torch.Tensor) -> torch.Tensor:
        """log p of the letters, from the features as they are read."""
        # A soft threshold: what is silent is hardly read.
        read = F.softplus(f_NF[..., :N_WIRED] - 0.3, beta=6)
        read[..., list(CONTEXT)] = read[..., list(CONTEXT)] * is_context[..., None]
        pair = read[..., list(REDUNDANT)].sum(-1)
        read[..., REDUNDANT[0]] = torch.tanh(2 * pair)
        read[..., REDUNDANT[1]] = 0.0
        return (read @ self.says).log_softmax(-1)

    def passes(self) -> list[StudiedPass]:
        """One protein for each cluster; every residue of it is predicted."""
        return [self._pass(number) for number in range(N_CLUSTERS)]

    def _pass(self, number: int) -> StudiedPass:
        f_NF = self.codes()
        noise = self.rng.normal(size=(LENGTH, D_MODEL)).astype(np.float32)
        # The error of the SAE, which the features do not describe.
        noise -= (noise @ self.encoder) @ self.decoder
        x_ND = torch.from_numpy(f_NF @ self.decoder + 0.3 * noise)
        kinds = self.rng.integers(0, 4, LENGTH)
        is_context = torch.from_numpy((kinds == 0).astype(np.float32))

        def predict(x_END: torch.Tensor) -> torch.Tensor:
            return self.letters(x_END @ self.readout, is_context)

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


def run_world(seed: int) -> dict[str, np.ndarray]:
    """Which features are called, for necessity and for promotion."""
    torch.manual_seed(seed)
    world = World(seed)
    letters = {chr(ord("a") + n): n for n in range(N_LETTERS)}
    settings = EffectSettings(exact_features=0, seed=seed)
    rows = feature_effects(world.passes(), world.encode, world.decoder, letters, settings, 4096)
    table = with_q_values(pd.DataFrame(rows).assign(variant="planted"))
    return {
        name: table[f"{name}_q_value"].to_numpy(float) <= 0.05
        for name in ("necessity", "promotion")
    }


def main() -> None:
    """Run the worlds and print what was called."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="seed of the first world")
    parser.add_argument("--check", action="store_true", help="fail unless the numbers hold")
    args = parser.parse_args()
    worlds = [run_world(args.first + n) for n in range(args.worlds)]
    need, promotion = (np.stack([w[name] for w in worlds]) for name in ("necessity", "promotion"))
    either = need | promotion
    groups = {
        "read": np.arange(4, N_WIRED),
        "read in one context": np.array(CONTEXT),
        "a redundant pair": np.array(REDUNDANT),
        "partners, not read": PARTNERS,
        "random directions": RANDOM,
    }
    print("| features | planted | necessity | promotion | either |\n|---|---|---|---|---|")
    for name, own in groups.items():
        called = [f"{100 * found[:, own].mean():.1f} %" for found in (need, promotion, either)]
        print(f"| {name} | {args.worlds * len(own)} | {' | '.join(called)} |")
    wired = float(either[:, :N_WIRED].mean())
    false = float(either[:, RANDOM].mean())
    allowed = MOST_FALSE + 2 * (MOST_FALSE * (1 - MOST_FALSE) / either[:, RANDOM].size) ** 0.5
    print(
        f"read and called: {wired:.3f} (at least {LEAST_CALLED}); "
        f"random directions called: {false:.4f} (at most {allowed:.3f})"
    )
    if args.check and (wired < LEAST_CALLED or false > allowed):
        raise SystemExit("the numbers do not hold")


if __name__ == "__main__":
    main()
