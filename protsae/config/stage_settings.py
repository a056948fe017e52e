"""Settings of every stage but training: one section of the configuration each."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from protsae.config.reserved_names import site_of
from protsae.config.section import Fraction, Layers, LocalPath, Positive, Seed, Settings, Share


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
    """Homology clusters, and how they are divided into training, validation and test set."""

    identity: Fraction = Field(0.3, description="MMseqs2 minimum sequence identity, fraction")
    coverage: Fraction = Field(0.8, description="MMseqs2 minimum alignment coverage, fraction")
    cascade: bool = Field(
        False,
        description="cluster in steps, which is faster for 100,000 proteins or more, but misses "
        "the relatives of one protein in 70",
    )
    valid: Share = Field(0.2, description="share of residues in the validation set")
    test: Share = Field(0.2, description="share of residues in the test set")
    seed: Seed = Field(0, description="seed of the assignment of clusters")
    previous: LocalPath | None = Field(
        None,
        description="proteins.parquet of an earlier run: its proteins keep their split, and new "
        "proteins join the split of their relatives",
    )

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.valid + self.test >= 1:
            raise ValueError("valid + test must leave a share above 0 for train")
        return self


class CacheSettings(Settings):
    """How activations are sharded."""

    shards: Positive = Field(1, description="activation files; one job embeds one shard")
    compression: Literal["none", "gzip"] = Field(
        "none",
        description="compression of activations. gzip saves 10 to 15 % of the disk, but takes 40 "
        "times the CPU time to write, 80 times to read in order and 20 times to read in shuffled "
        "batches",
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
    sites: tuple[Literal["residual", "attention", "mlp_out", "mlp_hidden"], ...] = Field(
        ("residual",),
        description="of which SAEs are trained: residual, the layer itself, and, beside it, "
        "attention or mlp_out, what the block adds to the residual stream, or mlp_hidden, the "
        "neurons of its MLP. Layer 0 has the first only",
    )
    precision: Literal["auto", "float32", "bfloat16", "float16", "float64", "int8"] = Field(
        "float32",
        description="precision of the matrix products. bfloat16 is faster on new CPUs, many times "
        "as fast on GPUs and several times slower on CPUs without instructions for it. int8, for "
        "CPUs, pays from d_model 640 on. The error of each is measured and stored in the cache. "
        "auto: bfloat16 where the device multiplies it fast, else float32. float64 takes at least "
        "three times as long as float32 and gives the same cache on every processor",
    )
    dtype: Literal["float16", "float32"] = Field(
        "float16",
        description="type of the stored values; a layer that float16 cannot hold is stored in "
        "float32",
    )
    tokens_per_batch: Positive | None = Field(
        None, description="tokens in one forward pass; null: as many as the free memory allows"
    )
    context: Annotated[int, Field(ge=4)] = Field(
        1022, description="most residues in one pass; longer proteins are cut into windows"
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

    @model_validator(mode="after")
    def _int8(self) -> Self:
        if self.precision == "int8" and self.device == "cuda":
            raise ValueError("precision: int8 is for CPUs; set bfloat16, or device: cpu")
        return self

    @model_validator(mode="after")
    def _sites(self) -> Self:
        if "residual" not in self.sites or len(set(self.sites)) < len(self.sites):
            raise ValueError(
                f"sites: expected residual, and any other site once, found {list(self.sites)}"
            )
        name = Path(self.model).stem if self.model.endswith(".pt") else self.model
        if site := site_of(name):
            raise ValueError(
                f"model: {name!r} ends in -{site}, as the names of its sites do; rename the model"
            )
        return self


class TrainerSettings(Settings):
    """The batches that all SAEs of a layer are trained on together."""

    batch: Positive = Field(1024, description="residues per step")
    buffer: Positive = Field(
        65536, description="residues held in memory to mix batches from all shards"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda if present")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="precision of the matrix products (weights are always float32); auto: bfloat16 "
        "if the device multiplies it fast",
    )
    checkpoint_every: Positive = Field(500, description="steps between checkpoints")
    seed: Seed = Field(0, description="seed of the order of residues")


class EvaluateSettings(Settings):
    """How the test split is scored."""

    mask_fraction: Share = Field(0.15, description="share of residues masked for the cross-entropy")
    masks: Positive = Field(5, description="draws of masks for each protein, for the cross-entropy")
    max_proteins: Positive = Field(400, description="most test proteins for the cross-entropy")
    optimal_codes: Positive = Field(
        300, description="test residues for which optimal sparse codes are computed"
    )
    bootstrap: Positive = Field(
        1000, description="resamplings of homology clusters for 95 % intervals"
    )
    seed: Seed = Field(0, description="seed of masks, of the residues chosen and of resampling")


class EffectSettings(Settings):
    """How the effect of features on the model's predictions is measured."""

    max_proteins: Positive = Field(100, description="most test proteins whose residues are used")
    sites: Annotated[int, Field(ge=5)] = Field(
        64, description="most residues for each feature, each of another homology cluster"
    )
    draws: Positive = Field(
        2, description="draws from the predictions of each pass that the KL is estimated from"
    )
    exact_features: Annotated[int, Field(ge=0)] = Field(
        32,
        description="features that are edited one by one: a quarter with the largest estimate, a "
        "quarter that change activations most, half at random",
    )
    exact_sites: Positive = Field(8, description="most residues at which each of them is edited")
    seed: Seed = Field(0, description="seed of masks, residues, draws and random directions")


class NeighbourSettings(Settings):
    """How the features of a run are related to one another."""

    saes: tuple[str, ...] = Field(
        (),
        description="SAEs whose features are compared, those of them that the run has; none named: "
        "all that are not frozen",
    )
    neighbours: Positive = Field(10, description="neighbours of each feature, of each kind")
    map: bool = Field(True, description="also place features on a map (UMAP)")
    seed: Seed = Field(0, description="seed of proteins drawn, communities and the map")


class ConceptSettings(Settings):
    """Which concepts are scored."""

    evidence: Literal["all", "experimental"] = Field(
        "all",
        description="UniProt features that count: all, or only those with an experimental evidence "
        "code; residues of the others are then unknown",
    )
    labels: tuple[LocalPath, ...] = Field(
        (),
        description="files with one label per residue (docs/labels.md), as further concepts",
    )
    min_residues: Positive = Field(
        10, description="fewest residues with a concept, in the validation and in the test set"
    )
    min_clusters: Positive = Field(
        3,
        description="fewest homology clusters with a concept, in the validation and in the test "
        "set",
    )


MOST_QUANTILES = 255
"""Thresholds that a byte, which says how many an activation exceeds, can count."""


class AnnotateSettings(Settings):
    """How detectors are scored against the concepts."""

    quantiles: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(
        (0.0, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.997, 0.999),
        min_length=1,
        description="thresholds tried: quantiles of a feature's positive activations on the "
        "training set",
    )
    reference_rates: LocalPath | None = Field(
        None,
        description="file of base rates (docs/tables.md, base_rates.tsv) for which F1 is also "
        "predicted; null: none",
    )
    min_f1: Fraction = Field(
        0.1, description="lowest validation F1 of a pair that is kept in associations.parquet"
    )
    bootstrap: Positive = Field(
        1000, description="resamplings of homology clusters for the interval of concepts captured"
    )
    interplm: bool = Field(
        False, description="also write the pairs that InterPLM's rule calls, only for comparison"
    )
    examples: Positive = Field(
        5, description="examples of each feature's highest activations, one of a homology cluster"
    )
    further_examples: Positive = Field(
        2,
        description="examples of each other selection: of every strength, on without the concept, "
        "and off at the concept",
    )
    example_flank: Positive = Field(
        40, description="residues kept on each side of an example's peak"
    )
    train_residues: Positive = Field(
        200_000,
        description="most training residues for setting thresholds; fewer if detectors are dense",
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
    """How linear probes are fitted and scored."""

    train_residues: Positive = Field(40000, description="most training residues for fitting probes")
    penalties: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (0.01, 0.001, 0.0001),
        min_length=1,
        description="L2 penalties tried, 1 / (n_residues x scikit-learn's C); for each concept the "
        "one with the highest F1 on the validation set is used",
    )
    batch: Positive = Field(4096, description="residues scored at a time; bounds memory")
    seed: Seed = Field(0, description="seed of sampling and of control labels")


class SparseProbeSettings(Settings):
    """Which k-sparse probes are fitted."""

    layers: Layers = Field(
        (), description="layers of the model that are probed, those of them that the run has"
    )
    saes: tuple[str, ...] = Field(
        (),
        description="SAEs that are probed, those of them that the run has; none: all. Frozen ones "
        "always are",
    )
    sizes: tuple[Positive, ...] = Field(
        (1, 2, 5, 10, 20), min_length=1, description="how many detectors a probe uses"
    )
    train_residues: Positive = Field(
        40000, description="most training residues for choosing detectors and fitting probes"
    )
    batch: Positive = Field(4096, description="residues read at a time; bounds memory")
    seed: Seed = Field(0, description="seed of the residues drawn")


class ReferenceSettings(Settings):
    """How the window reference and the homology reference are made."""

    window_flank: Annotated[int, Field(ge=0)] = Field(
        7, description="residues on each side whose BLOSUM62 scores the window reference uses"
    )
    evalue: Annotated[float, Field(gt=0)] = Field(
        0.001, description="highest MMseqs2 E-value of a hit whose annotations are transferred"
    )


class ReportSettings(Settings):
    """What the report shows."""

    features_per_layer: Positive = Field(12, description="best features shown for each layer")


class BaseRateSettings(Settings):
    """Which base rates are counted (a command of its own, not part of config.yaml)."""

    evidence: Literal["all", "experimental"] = Field(
        "all", description="UniProt features that count, as concepts.evidence"
    )
    labels: tuple[LocalPath, ...] = Field((), description="files of other labels")
    min_proteins: Annotated[int, Field(ge=0)] = Field(
        10, description="concepts in fewer proteins are left out, as their rate is little known"
    )


class PretrainSettings(Settings):
    """Size and training of a small ESM-2 (a command of its own, not part of config.yaml)."""

    layers: Positive = Field(6, description="transformer blocks")
    width: Positive = Field(128, description="d_model")
    heads: Positive = Field(4, description="attention heads; must divide width")
    steps: Positive = Field(6000, description="optimiser steps")
    tokens_per_batch: Positive = Field(8192, description="tokens per step")
    row_tokens: Positive = Field(256, description="most tokens of a protein in one row")
    lr: Annotated[float, Field(gt=0)] = Field(2e-3, description="highest AdamW learning rate")
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="AdamW's weight decay")
    warmup_steps: Positive = Field(300, description="steps over which the learning rate rises")
    decay_steps: Positive = Field(
        5700, description="last steps, over which the learning rate falls to 0; constant between"
    )
    valid: Fraction = Field(0.01, description="share of sequences held out, by whole clusters")
    evaluate_every: Positive = Field(500, description="steps between validations and checkpoints")
    bf16: bool = Field(
        True, description="compute matrix products in bfloat16, keep float32 weights"
    )
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
