"""The configuration of a run: the source of its JSON schema and of the flags of the commands.

``config.yaml`` holds one section per stage. The closed JSON schema in ``workflow/schemas`` is
generated from these models (``make schema``), and so are the flags of a stage
(``protsae.config.flags``): a setting is declared once.
"""

import contextlib
import difflib
import sys
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import (
    Field,
    ValidationError,
    model_validator,
)

from protsae.config.sae_settings import SWEPT, SaeVariants, TrainSettings
from protsae.config.section import (
    Layers,
    LocalPath,
    Settings,
)
from protsae.config.stage_settings import (
    AnnotateSettings,
    CacheSettings,
    ConceptSettings,
    EffectSettings,
    EmbedSettings,
    EvaluateSettings,
    FetchSettings,
    NeighbourSettings,
    ProbeSettings,
    ReferenceSettings,
    ReportSettings,
    SparseProbeSettings,
    SplitSettings,
    TrainerSettings,
)
from protsae.config.yaml_text import parse_yaml, read_yaml
from protsae.errors import UserError
from protsae.one_line import cut, shown


class Config(SaeVariants):
    """All settings of a run: one attribute for each section of config.yaml, with its defaults.
    Values are checked when it is made, and do not change."""

    results: LocalPath = Field("results", description="folder that receives everything")
    fetch: FetchSettings = FetchSettings()
    split: SplitSettings = SplitSettings()
    further_proteins: tuple[LocalPath, ...] = Field(
        (),
        description="files of further proteins, FASTA plain or .gz: SAEs train on them beside the "
        "training set, and nothing else sees them; relatives of validation and test proteins are "
        "left out",
    )
    cache: CacheSettings = CacheSettings()
    onehot: bool = Field(True, description="also run every stage on one-hot sequences, a baseline")
    embed: EmbedSettings = EmbedSettings()
    permuted_layers: Layers = Field(
        (),
        description="also run every stage on these layers of the permuted model, a copy with the "
        "weights in random order, as a baseline",
    )
    effect_layers: Layers = Field(
        (),
        description="layers whose features' effect on the model's predictions is measured, those "
        "of them that the run has; of the permuted model as well",
    )
    effect_saes: tuple[str, ...] = Field(
        (),
        description="SAEs whose features' effect is measured, those of them that the run has; none "
        "named: all that are not frozen",
    )
    mlp: bool = Field(
        True,
        description="also score the neurons of each layer's MLP, as a baseline; keeps what the MLP "
        "reads, d_model more numbers for every residue and layer",
    )
    trainer: TrainerSettings = TrainerSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    effects: EffectSettings = EffectSettings()
    concepts: ConceptSettings = ConceptSettings()
    probe: ProbeSettings = ProbeSettings()
    sparse_probe: SparseProbeSettings = SparseProbeSettings()
    references: ReferenceSettings = ReferenceSettings()
    annotate: AnnotateSettings = AnnotateSettings()
    neighbours: NeighbourSettings = NeighbourSettings()
    report: ReportSettings = ReportSettings()

    @model_validator(mode="after")
    def _names(self) -> Self:
        for name, settings in self.train.items():
            if len(self.embed.sites) > 1 and settings.kl > 0:
                raise ValueError(
                    f"train.{name}.kl: SAEs of sites inside of blocks are not trained on the "
                    "model's predictions; set embed.sites: [residual], or kl to 0"
                )
            if self.onehot and settings.kl > 0:
                raise ValueError(
                    f"train.{name}.kl: one-hot sequences have no model to train through; set "
                    "onehot: false, or kl to 0"
                )
        lists = {"embed.layers": self.embed.layers, "permuted_layers": self.permuted_layers}
        for key, layers in lists.items():
            if len(set(layers)) < len(layers):
                raise ValueError(f"{key}: a layer occurs twice in {list(layers)}")
        if 0 in self.effect_layers:
            raise ValueError(
                "effect_layers: the embedding of <mask> is 0, so masked residues have no features "
                "in layer 0; leave it out"
            )
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
        message = message.replace("Input should be", "must be").replace(
            "Field required", "is missing"
        )
        if problem["type"] == "tuple_type":
            message = f"expected a list, such as [{found}]"
        elif problem["type"] in ("dict_type", "model_type"):
            message = "expected keys and values"
        ending = f", found {found}" if problem["type"] not in ("missing", "value_error") else ""
        raise UserError(f"{where}: {key + ': ' if key else ''}{message}{ending}") from None


def parse_variants(text: str, where: str = "--saes") -> dict[str, TrainSettings]:
    """SAEs by name from YAML, as under ``train`` in config.yaml; lists are expanded.

    Raises
    ------
    UserError
        If it is no YAML, or names an unknown setting or a value out of range.

    Examples
    --------
    >>> list(parse_variants("{topk: {architecture: topk, k: [16, 32]}}"))
    ['topk-k16', 'topk-k32']
    """
    return parse_settings(SaeVariants, {"train": parse_yaml(text, where)}, where).train


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
    """Read and validate a YAML configuration file.

    Raises
    ------
    UserError
        If it is no YAML, or has an unknown key or a value out of range.
    """
    return parse_settings(Config, read_yaml(path) or {}, str(path))


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
    files |= {f"concepts.labels.{i}": path for i, path in enumerate(config.concepts.labels)}
    files |= {f"further_proteins.{i}": path for i, path in enumerate(config.further_proteins)}
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


RENAMED = {
    "annotate.evidence": "concepts.evidence",
    "annotate.flank": "annotate.example_flank",
    "annotate.labels": "concepts.labels",
    "annotate.min_clusters": "concepts.min_clusters",
    "annotate.min_residues": "concepts.min_residues",
    "annotate.sample": "annotate.train_residues",
    "evaluate.sample": "evaluate.optimal_codes",
    "lookup": "references",
    "probe.sample": "probe.train_residues",
    "random_layers": "permuted_layers",
    "references.flank": "references.window_flank",
    "stream": "trainer",
}
"""Keys of protsae 0.1, and what they are called since 0.2.0."""


def _unknown_key(model: type[Settings], path: list[str], where: str) -> str:
    if (new := RENAMED.get(".".join(path))) and model is Config:
        return (
            f"{where}: {'.'.join(path)!r} is called {new!r} since protsae 0.2.0; rename it, or, if "
            "an earlier protsae has written this file, run the workflow again"
        )
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
