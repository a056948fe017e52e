"""Whether all files of a run are there, whole, and belong together."""

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from protsae.config.reserved_names import is_permuted, model_of
from protsae.config.settings import Config, parse_settings
from protsae.config.yaml_text import read_yaml
from protsae.errors import UserError
from protsae.io.atomic import is_temporary
from protsae.io.progress import progress
from protsae.io.saes.sae_identity import UNKNOWN, train_set_sha256
from protsae.one_line import reason
from protsae.run.layout import FURTHER, STAGES, llm_files, stage_files
from protsae.run.run_places import run_config_path
from protsae.run.same_study import misplaced
from protsae.run.verify_file import FURTHER_SET, Stamp, check_file

CONFIG = "config.yaml"
BOUND = ("features.parquet", "best_features.parquet", "associations.parquet")
"""Tables of the whole run. Each must state the SAEs that its rows are of."""
ON_REQUEST = ("scaling",)
"""Stages that run only if they are asked for."""
KEPT = ("logs", "proteins/pages")
"""Folders whose files no rule declares: what stages say, and the pages of a download."""


@dataclass(frozen=True)
class Verified:
    """What a check of a run has found.

    Attributes
    ----------
    n_files, n_bytes : int
        Read.
    problems : list of str
        One line each, with the path first.
    not_run : list of str
        Stages that have written nothing, and on which no file builds; not those of `ON_REQUEST`.
    """

    n_files: int
    n_bytes: int
    problems: list[str]
    not_run: list[str]


def verify_run(results: Path, workers: int) -> Verified:
    """Read every file of a run, compare what they say of each other, and look for strays.

    Raises
    ------
    UserError
        If the folder has no config.yaml, so that it is not known what there should be.
    """
    path = run_config_path(results)
    config = parse_settings(Config, read_yaml(path), str(path))
    files = stage_files(config)
    present = {_name(results, path) for path in results.rglob("*") if path.is_file()}
    started = _started(files, present)
    expected = [name for stage in STAGES if stage in started for name in files[stage]]
    of_llm = [name for name in llm_files(config) if name in present]
    expected += of_llm
    found = _check_files(results, expected, workers)
    stamps = {name: stamp for name, stamp in found.items() if isinstance(stamp, dict)}
    problems = [problem for problem in found.values() if isinstance(problem, str)]
    problems += [f"{results / name}: {what}" for name, what in compare(stamps)]
    declared = {name for names in files.values() for name in names} | {CONFIG, *of_llm}
    problems += [
        f"{results / name}: {_stray(name)}"
        for name in sorted(present - declared)
        if not _is_kept(name)
    ]
    n_bytes = sum((results / name).stat().st_size for name in stamps)
    due = [stage for stage in STAGES if files[stage] and stage not in ON_REQUEST]
    not_run = [stage for stage in due if stage not in started]
    return Verified(len(stamps), n_bytes, problems, not_run)


def _check_files(results: Path, names: list[str], workers: int) -> dict[str, Stamp | str]:
    """What each file says of itself, or what is wrong with it."""
    found: dict[str, Stamp | str] = {}
    with ProcessPoolExecutor(workers) as pool:
        tasks = [(name, pool.submit(check_file, results, name)) for name in names]
        for name, task in progress(tasks, "verifying", "files"):
            with suppress(BrokenProcessPool):
                found[name] = _outcome(results / name, task)
    # A library that crashes on a file takes the whole pool with it, and all files after it.
    for name in names:
        if name not in found:
            with ProcessPoolExecutor(1) as pool:
                task = pool.submit(check_file, results, name)
                try:
                    found[name] = _outcome(results / name, task)
                except BrokenProcessPool:
                    found[name] = f"{results / name}: damaged: the library that reads it crashes"
    return {name: found[name] for name in names}


def _outcome(path: Path, task: Future[Stamp]) -> Stamp | str:
    try:
        return task.result()
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"{path}: cannot be read ({reason(error)})"


def compare(stamps: dict[str, Stamp]) -> Iterator[tuple[str, str]]:
    """Every contradiction between files: name of the file, and what is wrong with it."""
    proteins = stamps.get("proteins/proteins.parquet", {})
    study = {key: proteins.get(key) for key in ("protein_set_sha256", "split_sha256")}
    further = stamps.get("proteins/further.parquet", {})
    annotations = stamps.get("proteins/annotations.parquet", {})
    study["annotations_sha256"] = annotations.get("annotations_sha256")
    for name, stamp in stamps.items():
        is_further = _is_further(name)
        expected = {"protein_set_sha256": further.get(FURTHER_SET)} if is_further else study
        for key, value in expected.items():
            if value is not None and stamp.get(key, value) != value:
                yield name, _differs(key, stamp[key], value, "as of the proteins and annotations")
        if problem := misplaced(name, stamp):
            yield name, problem
        yield from _compare_texts(name, stamp, stamps)
        if name in BOUND and "saes" not in stamp:
            yield name, "does not state the SAEs that it is of; run the tables stage again"
        if name.startswith("activations/"):
            yield from _compare_weights(name, stamp, stamps)
        if name.endswith("protsae.json"):
            yield from _compare_sae(name, stamp, stamps)
        for variant, digest in _saes_of(name, stamp).items():
            sae = stamps.get(_sae(name, variant), {}).get("sae_sha256", digest)
            if sae != digest:
                yield name, _differs(f"SAE {variant}", digest, sae, "which is there")
    for lengths, are_further in (
        (proteins.get("lengths", {}), False),
        (further.get("lengths", {}), True),
    ):
        shards = {name: stamp for name, stamp in stamps.items() if _is_further(name) == are_further}
        yield from _compare_proteins(lengths, shards)


def _started(files: dict[str, list[str]], present: set[str]) -> set[str]:
    """Stages that have run, and those that they build on."""
    todo = [stage for stage, names in files.items() if present.intersection(names)]
    found: set[str] = set()
    while todo:
        stage = todo.pop()
        if stage not in found:
            found.add(stage)
            todo += STAGES[stage]
    return found


def _compare_texts(name: str, stamp: Stamp, stamps: dict[str, Stamp]) -> Iterator[tuple[str, str]]:
    """A text beside a table has the checksum that the table states."""
    for text, digest in stamp.get("texts", {}).items():
        beside = str(PurePosixPath(name).with_name(text))
        found = stamps.get(beside, {}).get("sha256", digest)
        if found != digest:
            yield (
                beside,
                _differs("content", found, digest, f"as {name} states; run its stage again"),
            )


def _compare_weights(
    name: str, stamp: Stamp, stamps: dict[str, Stamp]
) -> Iterator[tuple[str, str]]:
    """Activations of the permuted model are of the weights that are there."""
    weights = stamps.get(f"models/{model_of(stamp['model'])}.pt", {}).get("sha256")
    if is_permuted(stamp["model"]) and weights not in (None, stamp["weights_sha256"]):
        yield name, _differs("weights", stamp["weights_sha256"], weights, "which are there")


def _compare_sae(name: str, stamp: Stamp, stamps: dict[str, Stamp]) -> Iterator[tuple[str, str]]:
    """An SAE was trained on the activations and the proteins that are there."""
    folder = f"activations/{stamp['model']}/"
    source = next((found for shard, found in stamps.items() if shard.startswith(folder)), {})
    weights = source.get("weights_sha256", stamp["weights_sha256"])
    if stamp["weights_sha256"] not in (weights, UNKNOWN):
        yield name, _differs("weights of the model", stamp["weights_sha256"], weights, "embedded")
    further = stamps.get("proteins/further.parquet", {}).get(FURTHER_SET)
    trained_on = (stamp.get("further") or {}).get("protein_set_sha256")
    if trained_on != further and stamp["train_set_sha256"] != UNKNOWN:
        yield name, _differs("further proteins", trained_on, further, "now")
    proteins = stamps.get("proteins/proteins.parquet", {})
    if "train" in proteins:
        train = train_set_sha256(set(proteins["train"]))
        if stamp["train_set_sha256"] not in (train, UNKNOWN):
            yield name, _differs("proteins of train", stamp["train_set_sha256"], train, "now")


def _compare_proteins(
    lengths: dict[str, int], stamps: dict[str, Stamp]
) -> Iterator[tuple[str, str]]:
    """The shards of a folder have every protein once, with its length."""
    if not lengths:
        return
    folders: dict[str, dict[str, int]] = {}
    for name, stamp in stamps.items():
        if name.endswith(".h5"):
            held = folders.setdefault(str(PurePosixPath(name).parent), {})
            for accession, length in stamp["proteins"].items():
                if accession in held:
                    yield name, f"holds protein {accession}, which another shard holds, too"
                elif lengths.get(accession) != length:
                    yield (
                        name,
                        (
                            f"holds {length} residues of protein {accession}; expected "
                            f"{lengths.get(accession)}"
                        ),
                    )
                held[accession] = length
    for folder, held in folders.items():
        absent = sorted(lengths.keys() - held)
        if absent:
            yield folder, f"no shard holds protein {absent[0]} (and {len(absent) - 1:,} others)"


def _is_further(name: str) -> bool:
    """Whether a file holds activations of further proteins."""
    return PurePosixPath(name).match(f"activations/*/{FURTHER}/*")


def _saes_of(name: str, stamp: Stamp) -> dict[str, str]:
    """Checksums of the SAEs that a file was made from, by variant."""
    if name.endswith("evaluation.json"):
        return {PurePosixPath(name).parent.name: stamp["sae_sha256"]}
    return stamp.get("saes", {})


def _sae(name: str, variant: str) -> str:
    """protsae.json of a variant of the model and layer that a file is of, or of one in full."""
    if "/" in variant:
        return f"sae/{variant}/protsae.json"
    _, model, layer, *_ = PurePosixPath(name).parts
    return f"sae/{model}/{layer}/{variant}/protsae.json"


def _differs(what: str, found: object, expected: object, whence: str) -> str:
    return f"{what} is {str(found)[:12]}; expected {str(expected)[:12]}, {whence}"


def _stray(name: str) -> str:
    if is_temporary(PurePosixPath(name).name):
        return "left by a stage that was killed; run the stage again, or delete it"
    if PurePosixPath(name).name.startswith("."):
        return "checkpoint of an unfinished training; run the train stage again, or delete it"
    return "no rule of this run writes it; move it elsewhere, or delete it"


def _is_kept(name: str) -> bool:
    return any(name.startswith(f"{folder}/") for folder in KEPT)


def _name(results: Path, path: Path) -> str:
    return path.relative_to(results).as_posix()
