"""Settings of every stage: one frozen model each, the source of the schema and of the CLI flags.

``config.yaml`` holds one section per stage. The closed JSON schema in ``workflow/schemas`` is
generated from these models (``make schema``), and so are the flags of a stage (``protsae.flags``):
a setting is declared once.
"""

import contextlib
import difflib
import itertools
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from protsae.errors import UserError
from protsae.models import DETECTORS
from protsae.one_line import cut, reason, shown
from protsae.yaml_depth import validate_depth

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Layers = tuple[Annotated[int, Field(ge=0)], ...]
LocalPath = Annotated[str, AfterValidator(os.path.expanduser)]
"""A path, or a name that is none; ``~/`` is the user's home."""

MAX_TEXT = 1 << 18
"""Characters of a configuration, at most: a thousand SAEs take a third; YAML is read slowly."""

MAX_VALUES = 1_000_000
"""Values of a configuration, at most: a bomb of aliases has billions."""

MAX_VARIANTS = 1000
"""SAEs of a layer, at most: a slip in a list of lists asks for millions."""


NULL = (None, "null")
"""No value, in YAML and in a nested value of Snakemake's --config, which makes strings of all."""


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, values do not change after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FetchSettings(Settings):
    """Which proteins, from where, and what is left out."""

    input: LocalPath = Field(
        "data/sample/proteins.json.gz",
        description="'uniprot' for the REST API, or a file: UniProt JSON, Swiss-Prot flat text or "
        "FASTA, plain or .gz",
    )
    query: str | None = Field(
        None, description="UniProt query, for input 'uniprot', e.g. '(reviewed:true) AND ...'"
    )
    annotations: LocalPath | None = Field(
        None,
        description="TSV beside a FASTA input: accession, type, start, end, description (1-based, "
        "inclusive) and, where known, evidence (ECO codes)",
    )
    api: str = Field("https://rest.uniprot.org", description="base URL of the UniProt REST API")
    min_length: Positive = Field(30, description="shortest sequence kept, residues")
    max_length: Positive = Field(2000, description="longest sequence kept, residues")
    fragments: Literal["keep", "drop"] = Field(
        "drop", description="entries that UniProt flags as fragments"
    )
    nonstandard: Literal["keep", "drop"] = Field(
        "keep", description="sequences with a letter outside the 20 standard ones (B J O U X Z)"
    )
    invalid: Literal["error", "drop"] = Field(
        "error", description="sequences with a character that is no letter A-Z ('*' inside, digits)"
    )
    duplicate_accessions: Literal["error", "first"] = Field(
        "error", description="an accession that occurs twice: stop, or keep the first"
    )
    duplicate_sequences: Literal["keep", "first"] = Field(
        "first", description="identical sequences: keep all, or the first"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min_length > self.max_length:
            raise ValueError("min_length must not exceed max_length")
        if (self.input == "uniprot") != (self.query is not None):
            raise ValueError("query goes with input 'uniprot', and only with it")
        return self


class SplitSettings(Settings):
    """Homology clusters and the shares of train, valid and test."""

    identity: Fraction = Field(0.3, description="MMseqs2 minimum sequence identity, fraction")
    coverage: Fraction = Field(0.8, description="MMseqs2 minimum alignment coverage, fraction")
    cascade: bool = Field(
        False,
        description="cluster in steps, for 100,000s of proteins; misses relatives of one protein "
        "in 70",
    )
    valid: Share = Field(0.2, description="share of residues in valid")
    test: Share = Field(0.2, description="share of residues in test")
    seed: Seed = Field(0, description="seed of the assignment of clusters")
    previous: LocalPath | None = Field(
        None,
        description="proteins.parquet of an earlier run: its proteins keep their part, and new "
        "ones follow them",
    )

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.valid + self.test >= 1:
            raise ValueError("valid + test must leave a share above 0 for train")
        return self


class CacheSettings(Settings):
    """How activations are sharded."""

    shards: Positive = Field(2, description="activation files; one job embeds one shard")
    compression: Literal["none", "gzip"] = Field(
        "none",
        description="of activations. gzip saves 10 to 15 % of the disk; writing takes 40 times the "
        "CPU time, reading in order 80 times, shuffled batches 20 times",
    )


class EmbedSettings(Settings):
    """Which ESM-2, which layers, and how the cache is stored."""

    model: LocalPath = Field(
        "data/model/esm2_t6_protsae.pt",
        description="fair-esm name (esm2_t33_650M_UR50D, downloaded by fair-esm) or a local .pt",
    )
    layers: Layers = Field(
        (1, 2, 3, 4, 5, 6),
        min_length=1,
        description="fair-esm repr_layers: 0 = embedding, i = after block i, last = after the "
        "final layer norm",
    )
    precision: Literal["float32", "bfloat16", "float16", "float64"] = Field(
        "float32",
        description="of the matrix products; bfloat16 is about twice as fast on new CPUs and many "
        "times on GPUs, and its error is measured and stored in the cache; float64, at a third of "
        "the speed or less, gives the same cache on every processor",
    )
    dtype: Literal["float16", "float32"] = Field(
        "float16",
        description="stored values; a layer that float16 cannot hold is stored in float32",
    )
    tokens_per_batch: Positive | None = Field(
        None, description="tokens in one forward pass; null: from the free memory"
    )
    context: Annotated[int, Field(ge=4)] = Field(
        1022, description="longest stretch of residues in one pass"
    )
    overlap: Annotated[int, Field(ge=0)] = Field(
        256, description="residues shared by neighbouring windows of a longer protein"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda if present")

    @model_validator(mode="after")
    def _windows(self) -> Self:
        if self.overlap >= self.context:
            raise ValueError("overlap must be smaller than context")
        return self


class StreamSettings(Settings):
    """The batches that all SAEs of a layer are trained on together."""

    batch: Positive = Field(1024, description="residues per step")
    buffer: Positive = Field(
        65536, description="residues held in memory to mix batches from all shards"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda if present")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="of the matrix products, weights are float32; auto: bfloat16 where the device "
        "multiplies it fast",
    )
    checkpoint_every: Positive = Field(500, description="steps between checkpoints")
    seed: Seed = Field(0, description="seed of the order of residues")


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
        1.0, description="weight of the penalty of relu, gated and jumprelu, at E|x|^2 = d_model"
    )
    nested: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.0625, 0.125, 0.25, 0.5, 1.0),
        min_length=1,
        description="sizes of matryoshka's nested dictionaries, shares of n_features",
    )
    mse: Annotated[float, Field(ge=0)] = Field(
        1.0, description="weight of the error of reconstruction, |x - x_hat|^2 at E|x|^2 = d_model"
    )
    kl: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="weight of d_model x KL(predictions of the model || with the SAE in its "
        "layer), nats per residue; above 0 trains end to end, on whole proteins",
    )
    bandwidth: Annotated[float, Field(gt=0)] = Field(
        1.0, description="jumprelu: width of the step's pseudo-gradient, at E|x|^2 = d_model"
    )
    auxk: Annotated[float, Field(ge=0)] = Field(
        1 / 32, description="weight of the loss that revives dead features; 0: none"
    )
    dead_after: Positive = Field(
        100_000, description="residues without activity after which a feature is dead"
    )
    lr: Annotated[float, Field(gt=0)] = Field(1e-3, description="Adam learning rate")
    steps: Positive = Field(2000, description="training steps")
    warmup: Fraction = Field(0.05, description="share of steps over which lr rises from 0")
    penalty_warmup: Fraction = Field(
        0.05, description="share of steps over which the penalty's weight rises from 0"
    )
    decay: Fraction = Field(0.2, description="share of steps over which lr falls to 0 at the end")
    seed: Seed = Field(0, description="seed of the initial weights")

    @model_validator(mode="after")
    def _objective(self) -> Self:
        if not self.mse and not self.kl:
            raise ValueError("mse and kl are both 0, so nothing would be learned; raise one")
        return self


SWEPT = frozenset(TrainSettings.model_fields) - {"nested"}
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


def _short(key: str) -> str:
    return "" if key == "architecture" else key


class SaeVariants(Settings):
    """The SAEs of every layer."""

    train: dict[Name, TrainSettings] = Field(
        default={"topk": TrainSettings(architecture="topk")},
        min_length=1,
        description="SAE variants by name, each trained on each layer; a list of values stands for "
        "one SAE each, and lists for all combinations",
    )

    @model_validator(mode="after")
    def _not_a_baseline(self) -> Self:
        for name in DETECTORS:
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


class EvaluateSettings(Settings):
    """How the test split is scored."""

    mask_fraction: Share = Field(0.15, description="share of residues masked for the cross-entropy")
    masks: Positive = Field(
        5, description="times each protein is masked for the cross-entropy, every time anew"
    )
    max_proteins: Positive = Field(
        400, description="test proteins that the cross-entropy is measured on, at most"
    )
    sample: Positive = Field(
        300, description="test residues whose best sparse codes are searched, beside the encoder's"
    )
    bootstrap: Positive = Field(1000, description="resamplings of clusters for 95 % intervals")
    seed: Seed = Field(0, description="seed of masks, sample and resampling")


class PropertySettings(Settings):
    """Which properties are scored."""

    evidence: Literal["all", "experimental"] = Field(
        "all",
        description="UniProt features that count: all, or those with an experimental evidence "
        "code; the residues of the others are then unknown",
    )
    labels: tuple[LocalPath, ...] = Field(
        (),
        description="files of other labels, one per residue (docs/labels.md), as properties",
    )
    min_residues: Positive = Field(10, description="residues a property needs in valid and in test")
    min_clusters: Positive = Field(
        3, description="homology clusters a property needs in valid and in test"
    )


MOST_QUANTILES = 255
"""Thresholds that a byte, which says how many an activation exceeds, can count."""


class AnnotateSettings(PropertySettings):
    """Which properties are scored and how."""

    quantiles: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(
        (0.0, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.997, 0.999),
        min_length=1,
        description="thresholds tried: quantiles of a feature's positive activations on train",
    )
    reference_rates: LocalPath | None = Field(
        None,
        description="file of base rates (docs/tables.md, base_rates.tsv) that F1 is also given at; "
        "null: none",
    )
    min_f1: Fraction = Field(0.1, description="lowest valid F1 of a pair kept in associations")
    bootstrap: Positive = Field(
        1000, description="resamplings of clusters for the interval of properties captured"
    )
    interplm: bool = Field(
        False, description="also write the pairs that InterPLM's rule calls, for comparison only"
    )
    examples: Positive = Field(5, description="strongest proteins kept for each feature")
    flank: Positive = Field(40, description="residues kept on each side of an example's peak")
    sample: Positive = Field(
        200_000, description="train residues that thresholds are set on, at most; fewer if dense"
    )
    batch: Positive = Field(4096, description="residues read at a time; bounds memory")
    seed: Seed = Field(0, description="seed of sampling and resampling")

    @field_validator("quantiles")
    @classmethod
    def _distinct(cls, quantiles: tuple[float, ...]) -> tuple[float, ...]:
        if len(quantiles) > MOST_QUANTILES:
            raise ValueError(f"{len(quantiles)} quantiles; expected at most {MOST_QUANTILES}")
        twice = [q for q, n in Counter(quantiles).items() if n > 1]
        if twice:
            raise ValueError(f"{twice[0]} is given more than once; give every quantile once")
        return quantiles


class ProbeSettings(Settings):
    """How the supervised baselines are fitted and scored."""

    sample: Positive = Field(40000, description="train residues that probes are fitted to, at most")
    penalties: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (0.01, 0.001, 0.0001),
        min_length=1,
        description="L2 penalties tried, 1 / (n_residues x scikit-learn's C); the one with the "
        "best F1 on valid is used, for each property",
    )
    batch: Positive = Field(4096, description="residues scored at a time; bounds memory")
    seed: Seed = Field(0, description="seed of sampling and of control labels")


class LookupSettings(Settings):
    """What the sequence alone is looked up in."""

    flank: Annotated[int, Field(ge=0)] = Field(
        7, description="residues on each side whose BLOSUM62 scores a probe sees"
    )
    evalue: Annotated[float, Field(gt=0)] = Field(
        0.001, description="highest MMseqs2 E-value of a hit whose annotations are copied over"
    )


class ReportSettings(Settings):
    """What the page shows."""

    features_per_layer: Positive = Field(12, description="best features shown for each layer")


class PretrainSettings(Settings):
    """Size and training of a small ESM-2 (a command of its own, not part of config.yaml)."""

    layers: Positive = Field(6, description="transformer blocks")
    width: Positive = Field(128, description="d_model")
    heads: Positive = Field(4, description="attention heads; must divide width")
    steps: Positive = Field(6000, description="optimiser steps")
    tokens_per_batch: Positive = Field(8192, description="tokens per step")
    row_tokens: Positive = Field(256, description="longest stretch of a protein seen, tokens")
    lr: Annotated[float, Field(gt=0)] = Field(2e-3, description="highest AdamW learning rate")
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="AdamW's weight decay")
    warmup_steps: Positive = Field(300, description="steps over which the learning rate rises")
    decay_steps: Positive = Field(
        5700, description="last steps, over which the learning rate falls to 0; constant between"
    )
    valid: Fraction = Field(0.01, description="share of sequences held out, by whole clusters")
    evaluate_every: Positive = Field(500, description="steps between validations and checkpoints")
    bf16: bool = Field(True, description="matrix products in bfloat16, weights in float32")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda if present")
    seed: Seed = Field(0, description="seed of weights, order and masks")

    @model_validator(mode="after")
    def _heads(self) -> Self:
        if self.width % self.heads or self.width // self.heads % 2:
            raise ValueError("width / heads must be an even whole number (rotary positions)")
        if self.row_tokens > self.tokens_per_batch:
            raise ValueError(
                f"row_tokens {self.row_tokens} must not exceed tokens_per_batch "
                f"{self.tokens_per_batch}"
            )
        return self


class Config(SaeVariants):
    """The whole of config.yaml."""

    results: LocalPath = Field("results", description="folder that receives everything")
    fetch: FetchSettings = FetchSettings()
    split: SplitSettings = SplitSettings()
    cache: CacheSettings = CacheSettings()
    onehot: bool = Field(True, description="also run every stage on one-hot sequences, a baseline")
    embed: EmbedSettings = EmbedSettings()
    random_layers: Layers = Field(
        (),
        description="also run every stage on these layers of a copy with shuffled weights, a "
        "control",
    )
    stream: StreamSettings = StreamSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    probe: ProbeSettings = ProbeSettings()
    lookup: LookupSettings = LookupSettings()
    annotate: AnnotateSettings = AnnotateSettings()
    report: ReportSettings = ReportSettings()

    @model_validator(mode="after")
    def _names(self) -> Self:
        for name, settings in self.train.items():
            if self.onehot and settings.kl > 0:
                raise ValueError(
                    f"train.{name}.kl: one-hot sequences have no model to train through; set "
                    "onehot: false, or kl to 0"
                )
        lists = {"embed.layers": self.embed.layers, "random_layers": self.random_layers}
        for key, layers in lists.items():
            if len(set(layers)) < len(layers):
                raise ValueError(f"{key}: a layer occurs twice in {list(layers)}")
        for key, path in {"results": self.results, **local_files(self)}.items():
            if not path.isprintable() or set("{}") & set(path):
                raise ValueError(
                    f"{key}: {path!r} has a brace or a character that cannot be printed, which "
                    "Snakemake does not take for itself; rename it"
                )
        own = Path(self.results, "proteins", "proteins.parquet")
        if self.split.previous and Path(self.split.previous).resolve() == own.resolve():
            raise ValueError(
                f"split.previous: {own} is what this run writes; copy it to another place, or "
                "give the run another results folder"
            )
        return self


S = TypeVar("S", bound=Settings)


def parse_settings(model: type[S], values: dict[str, Any], where: str = "config") -> S:
    """Validate ``values``; every problem ends in one line that names the key.

    Raises
    ------
    UserError
        Naming the key, what was found and, for an unknown key, the nearest valid one.

    Examples
    --------
    >>> parse_settings(ReportSettings, {"feature_per_layer": 3})
    Traceback (most recent call last):
    protsae.errors.UserError: config: unknown key 'feature_per_layer'; did you mean \
'features_per_layer'? Valid keys: features_per_layer
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        path = [str(part) for part in problem["loc"]]
        if problem["type"] == "extra_forbidden":
            raise UserError(_unknown_key(model, path, where)) from None
        key = cut(".".join(path), _LONGEST_KEY)
        found = _found(problem["input"])
        message = cut(problem["msg"].removeprefix("Value error, "))
        if problem["type"] == "tuple_type":
            message = f"expected a list, such as [{found}]"
        elif problem["type"] in ("dict_type", "model_type"):
            message = "expected keys and values"
        ending = f", found {found}" if problem["type"] not in ("missing", "value_error") else ""
        raise UserError(f"{where}: {key + ': ' if key else ''}{message}{ending}") from None


_LONGEST_KEY = 100


def _found(value: object) -> str:
    """A value in an error; a list or a section in full only if it is short."""
    if isinstance(value, list | dict) and len(value) <= 5:
        with contextlib.suppress(ValueError):  # an integer of more digits than Python writes
            text = repr(value)
            if len(text) <= _LONGEST_KEY:
                return text
    return shown(value)


def read_config(path: str | Path) -> Config:
    """Read and validate a YAML configuration file."""
    return parse_settings(Config, read_yaml(path) or {}, str(path))


def read_yaml(path: str | Path) -> Any:
    """`parse_yaml` of a file."""
    try:
        with Path(path).open("rb") as file:
            return parse_yaml(file.read(MAX_TEXT + 1), str(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such configuration file") from None


def parse_yaml(text: str | bytes, where: str) -> Any:
    """What a YAML document holds.

    Raises
    ------
    UserError
        If it is longer than `MAX_TEXT`, not YAML, if its aliases expand to more than `MAX_VALUES`
        values, or if a key occurs twice in a section, where YAML would silently keep the last.
    """
    if len(text) > MAX_TEXT:
        raise UserError(f"{where}: longer than {MAX_TEXT:,} characters; expected a configuration")
    try:
        validate_depth(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if _n_values(root, {}) > MAX_VALUES:
            raise UserError(f"{where}: its aliases stand for more than {MAX_VALUES:,} values")
        for node in _sections(root):
            _validate_keys(node, where)
        return yaml.safe_load(text)
    except (UserError, MemoryError):
        raise
    # Whatever tagged values provoke in PyYAML: a number of no digits, a date that is none, ...
    except Exception as error:
        raise UserError(f"{where}: not YAML: {reason(error)}") from None


def _validate_keys(section: yaml.MappingNode, where: str) -> None:
    keys = [key.value for key, _ in section.value if isinstance(key, yaml.ScalarNode)]
    for key, number in Counter(keys).items():
        if number > 1:
            raise UserError(
                f"{where}: {shown(key)} occurs {number} times in one section; YAML keeps the last; "
                "put all of it into one"
            )


def _children(node: yaml.Node | None) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _n_values(node: yaml.Node | None, known: dict[int, float]) -> float:
    """Values that a node stands for once its aliases are followed; infinite if it holds itself."""
    if id(node) not in known:
        known[id(node)] = math.inf
        known[id(node)] = 1 + sum(_n_values(child, known) for child in _children(node))
    return known[id(node)]


def _sections(root: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Every mapping once."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            waiting += _children(node)
            if isinstance(node, yaml.MappingNode):
                yield node


def local_files(config: Config) -> dict[str, str]:
    """Files that the configuration names, by key; names of fair-esm models are not among them.

    Examples
    --------
    >>> local_files(Config())["embed.model"]
    'data/model/esm2_t6_protsae.pt'
    """
    files = {
        "fetch.input": config.fetch.input if config.fetch.input != "uniprot" else None,
        "fetch.annotations": config.fetch.annotations,
        "split.previous": config.split.previous,
        "embed.model": config.embed.model if config.embed.model.endswith(".pt") else None,
        "annotate.reference_rates": config.annotate.reference_rates,
    }
    files |= {f"annotate.labels.{i}": path for i, path in enumerate(config.annotate.labels)}
    return {key: path for key, path in files.items() if path}


def validate_local_files(config: Config) -> None:
    """Raise UserError for a file that the configuration names and that is not there."""
    for key, path in local_files(config).items():
        if not Path(path).is_file():
            raise UserError(f"{key}: {path}: no such file; expected a path from {Path.cwd()}")


def schema() -> dict[str, Any]:
    """The closed JSON schema of config.yaml (editors complete and check the file with it)."""
    found = Config.model_json_schema()
    fields = found["$defs"]["TrainSettings"]["properties"]
    for name in SWEPT & fields.keys():
        described = {
            k: fields[name].pop(k) for k in ("default", "description") if k in fields[name]
        }
        one = fields[name]
        fields[name] = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}], **described}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _unknown_key(model: type[Settings], path: list[str], where: str) -> str:
    *parents, key = path
    valid = list(_section(model, parents).model_fields)
    near = difflib.get_close_matches(key, valid, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    section = f" in {cut('.'.join(parents), _LONGEST_KEY)}" if parents else ""
    return (
        f"{where}: unknown key {cut('.'.join(path), _LONGEST_KEY)!r}; {hint}Valid keys{section}: "
        f"{', '.join(valid)}"
    )


def _section(model: type[Settings], path: list[str]) -> type[Settings]:
    if not path:
        return model
    annotation = model.model_fields[path[0]].annotation
    # Only train is no section itself but holds some, under the free names of SAE variants.
    return annotation if isinstance(annotation, type) else TrainSettings


if __name__ == "__main__":
    sys.stdout.write(yaml.safe_dump(schema(), sort_keys=False, allow_unicode=True, width=100))
