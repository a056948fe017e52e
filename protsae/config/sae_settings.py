"""Settings of the SAEs that are trained, and lists in them that stand for many SAEs."""

import itertools
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from protsae.config.reserved_names import COORDINATE, DETECTORS
from protsae.config.section import NULL, Fraction, Name, Positive, Seed, Settings

MAX_VARIANTS = 1000
"""SAEs of a layer, at most: a slip in a list of lists asks for millions."""


Freeze = Literal["none", "decoder", "encoder", "soft"]
"""What of an SAE does not learn."""


class TrainSettings(Settings):
    """One SAE: architecture, size, sparsity and optimisation."""

    architecture: Literal["relu", "topk", "batchtopk", "jumprelu", "gated", "matryoshka"] = Field(
        description="relu and gated: an L1 penalty; jumprelu: an L0 penalty; topk, batchtopk and "
        "matryoshka: k active features"
    )
    expansion: Annotated[float, Field(gt=0, le=100_000)] = Field(
        8, description="n_features = expansion x d_model, unless width is given"
    )
    width: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        None, description="n_features, overrides expansion"
    )
    k: Positive = Field(
        32, description="active features per residue, for topk, batchtopk and matryoshka"
    )
    penalty: Annotated[float, Field(ge=0)] = Field(
        1.0, description="weight of the penalty (relu, gated, jumprelu), with E|x|^2 = d_model"
    )
    nested: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.0625, 0.125, 0.25, 0.5, 1.0),
        min_length=1,
        description="matryoshka: sizes of the nested dictionaries, as shares of n_features",
    )
    mse: Annotated[float, Field(ge=0)] = Field(
        1.0, description="weight of the reconstruction error |x - x_hat|^2, with E|x|^2 = d_model"
    )
    kl: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="weight of d_model x KL(predictions of the model || with the SAE in its "
        "layer), in nats per residue; above 0 trains end to end, on whole proteins",
    )
    bandwidth: Annotated[float, Field(gt=0)] = Field(
        1.0, description="jumprelu: width of the pseudo-gradient, with E|x|^2 = d_model"
    )
    auxk: Annotated[float, Field(ge=0)] = Field(
        1 / 32, description="weight of the loss that revives dead features; 0: none"
    )
    dead_after: Positive = Field(
        100_000, description="residues without activity after which a feature is dead"
    )
    freeze: Freeze = Field(
        "none",
        description="what stays as it was drawn at random, so that the SAE is a baseline for the "
        "others: decoder, encoder (its weights, not its biases), or soft: decoder rows keep a "
        "cosine of 0.8 or more with their first direction",
    )
    lr: Annotated[float, Field(gt=0)] = Field(1e-3, description="Adam learning rate")
    steps: Positive = Field(2000, description="training steps")
    warmup: Fraction = Field(0.05, description="share of steps over which lr rises from 0")
    penalty_warmup: Fraction = Field(
        0.05, description="share of steps over which the penalty's weight rises from 0"
    )
    decay: Fraction = Field(0.2, description="share of steps over which lr falls to 0 at the end")
    seed: Seed = Field(0, description="seed of the initial weights")
    seeds: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        description="SAEs that are trained so, with seed, seed + 1, ...; the first is annotated, "
        "the others say which of its features recur",
    )

    @model_validator(mode="after")
    def _objective(self) -> Self:
        if not self.mse and not self.kl:
            raise ValueError("mse and kl are both 0, so nothing would be learned; raise one")
        return self

    @field_validator("seeds")
    @classmethod
    def _enough_seeds(cls, seeds: int) -> int:
        if seeds == 2:
            raise ValueError("2 leave one other SAE, and chance takes two to measure; give 1 or 3")
        return seeds

    def other_seeds(self) -> dict[str, "TrainSettings"]:
        """The SAEs that differ from this one in the seed alone, by their folders in its own.

        Examples
        --------
        >>> list(TrainSettings(architecture="topk", seed=4, seeds=3).other_seeds())
        ['seed-5', 'seed-6']
        """
        seeds = range(self.seed + 1, self.seed + self.seeds)
        return {f"seed-{s}": self.model_copy(update={"seed": s, "seeds": 1}) for s in seeds}


SWEPT = frozenset(TrainSettings.model_fields) - {"nested", "seeds"}
"""Settings that may be a list in config.yaml: one SAE for each combination."""


def expand_lists(variants: dict[str, Any]) -> dict[str, Any]:
    """One variant for each combination of the lists in a variant, named after their values.

    Raises
    ------
    ValueError
        If a list is empty, or two variants get the same name.

    Examples
    --------
    >>> expand_lists({"topk": {"architecture": "topk", "k": [8, 16]}})
    {'topk-k8': {'architecture': 'topk', 'k': 8}, 'topk-k16': {'architecture': 'topk', 'k': 16}}
    """
    expanded: dict[str, Any] = {}
    for name, values in variants.items():
        lists = {}
        if isinstance(values, dict):
            lists = {k: v for k, v in values.items() if k in SWEPT and isinstance(v, list)}
        if len(expanded) + math.prod(map(len, lists.values())) > MAX_VARIANTS:
            raise ValueError(
                f"{name}: its lists give more than {MAX_VARIANTS:,} SAEs; shorten them"
            )
        for key, listed in lists.items():
            if not listed:
                raise ValueError(f"{name}.{key} is an empty list; give one value or more")
        for combination in itertools.product(*lists.values()):
            chosen = dict(zip(lists, combination, strict=True))
            parts = [name, *(f"{_short(key)}{value}" for key, value in chosen.items())]
            full_name = "-".join(parts)
            if full_name in expanded:
                raise ValueError(f"two variants would be named {full_name!r}; rename one")
            expanded[full_name] = {**values, **chosen} if chosen else values
    return expanded


def with_other_seeds(variants: Mapping[str, TrainSettings]) -> dict[str, TrainSettings]:
    """All SAEs that are trained, by their folders in that of the layer.

    Examples
    --------
    >>> list(with_other_seeds({"topk": TrainSettings(architecture="topk", seeds=3)}))
    ['topk', 'topk/seed-1', 'topk/seed-2']
    """
    found = {}
    for name, settings in variants.items():
        found[name] = settings
        found |= {f"{name}/{folder}": other for folder, other in settings.other_seeds().items()}
    return found


def _short(key: str) -> str:
    return "" if key == "architecture" else key


class SaeVariants(Settings):
    """The SAEs of every layer."""

    train: dict[Name, TrainSettings] = Field(
        default={"topk": TrainSettings(architecture="topk")},
        min_length=1,
        description="SAEs by name, each trained on every layer; a list of values trains one SAE "
        "for each, several lists one for each combination",
    )

    @property
    def frozen_saes(self) -> list[str]:
        """Names of the SAEs with a frozen part: baselines of the others.

        Examples
        --------
        >>> topk = TrainSettings(architecture="topk")
        >>> frozen = TrainSettings(architecture="topk", freeze="decoder")
        >>> saes = SaeVariants(train={"topk": topk, "fixed": frozen})
        >>> saes.frozen_saes, saes.learned_saes
        (['fixed'], ['topk'])
        """
        return [name for name, sae in self.train.items() if sae.freeze != "none"]

    @property
    def learned_saes(self) -> list[str]:
        """Names of the others."""
        return [name for name, sae in self.train.items() if sae.freeze == "none"]

    @model_validator(mode="after")
    def _not_a_baseline(self) -> Self:
        for name in (*DETECTORS, COORDINATE):
            if name in self.train:
                raise ValueError(f"train: {name!r} is the name of a baseline; rename the variant")
        return self

    @field_validator("train", mode="before")
    @classmethod
    def _variants(cls, variants: Any) -> Any:
        """``relu: null`` takes a variant away that another file brought in; lists are expanded."""
        if not isinstance(variants, dict):
            return variants
        if nameless := [name for name in variants if not isinstance(name, str)]:
            raise ValueError(f"{nameless[0]!r} is no name of an SAE; write it in quotes")
        return expand_lists({name: v for name, v in variants.items() if v not in NULL})
