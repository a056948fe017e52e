"""Whether parts belong together: the proteins, splits, annotations, model and SAEs they state.

Every result states in its metadata what it was computed from (`study_stamp`, and the layer's
model, weights and SAEs). Here these statements are compared, so that a part of another run, layer
or SAE is not joined to this one's.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from protsae.errors import UserError


def validate_same_study(stamps: Mapping[str, Mapping[str, Any]], study: Mapping[str, Any]) -> None:
    """Raise UserError unless every part states this study.

    Parameters
    ----------
    stamps : mapping of path to metadata
        With the stage that wrote each part.
    study : mapping
        The `study_stamp` of the proteins that the parts are used with; without annotations, what
        the first part that depends on some says of them.

    Examples
    --------
    >>> stamps = {"a.json": {"stage": "evaluate", "split_sha256": "13"}}
    >>> validate_same_study(stamps, {"split_sha256": "12"})
    Traceback (most recent call last):
    protsae.errors.UserError: a.json: of another run: its split_sha256 is 13; expected 12, ...
    """
    expected = dict(study)
    source = dict.fromkeys(expected, "as of the proteins given")
    for path, stamp in stamps.items():
        if "annotations_sha256" in stamp and "annotations_sha256" not in expected:
            expected["annotations_sha256"] = stamp["annotations_sha256"]
            source["annotations_sha256"] = f"as of {path}"
        for key, value in expected.items():
            found = stamp.get(key)
            if found != value and (key in stamp or key in study):
                raise UserError(
                    f"{path}: of another run: its {key} is {str(found)[:12]}; expected "
                    f"{str(value)[:12]}, {source[key]}; run the {stamp['stage']} stage again"
                )


def validate_same_layer(
    path: str, stamp: Mapping[str, Any], first: str, expected: Mapping[str, Any]
) -> None:
    """Raise UserError unless two parts of a layer state the same model, weights and layer."""
    for key in ("model", "weights_sha256", "layer"):
        if stamp.get(key) != expected.get(key):
            raise UserError(
                f"{path}: its {key} is {stamp.get(key)}; expected {expected.get(key)}, as of "
                f"{first}; run the {stamp['stage']} stage again"
            )


def place_of(name: str) -> dict[str, str]:
    """The model, layer and SAE whose folder a file of a run is in.

    Parameters
    ----------
    name : str
        Path in the results folder.

    Examples
    --------
    >>> place_of("sae/esm2_tiny/layer-03/topk/evaluation.json")
    {'model': 'esm2_tiny', 'layer': '03', 'variant': 'topk'}
    >>> place_of("activations/onehot/shard-0000.h5")
    {'model': 'onehot'}
    >>> place_of("references.parquet")
    {}
    """
    parts = PurePosixPath(name).parts
    if parts[0] not in ("activations", "codes", "sae", "annotation", "probes"):
        return {}
    place = {"model": parts[1]}
    if parts[2].startswith("layer-"):
        place["layer"] = parts[2].removeprefix("layer-")
    if parts[0] == "sae":
        place["variant"] = parts[3]
    return place


def misplaced(name: str, stamp: Mapping[str, Any]) -> str:
    """How what a file states contradicts the folder it is in; empty if it does not.

    Examples
    --------
    >>> misplaced("probes/esm2_tiny/layer-03/probes.parquet", {"model": "esm2_tiny", "layer": 6})
    'states layer 6, but is in the folder of layer 03'
    """
    for key, folder in place_of(name).items():
        found = stamp.get(key, folder)
        if (f"{found:02d}" if isinstance(found, int) else found) != folder:
            return f"states {key} {found}, but is in the folder of {key} {folder}"
    return ""


def validate_place(results: Path, name: str, stamp: Mapping[str, Any]) -> None:
    """Raise UserError if a file of a run is `misplaced`."""
    if problem := misplaced(name, stamp):
        raise UserError(f"{results / name}: {problem}; run the stage that writes it again")


def validate_annotated(path: str, stamp: Mapping[str, Any], saes: Mapping[str, str]) -> None:
    """Make sure that a table of annotate is of these SAEs.

    Parameters
    ----------
    stamp : mapping
        What the table says that it is of.
    saes : mapping of str to str
        Names and checksums of the SAEs.

    Raises
    ------
    UserError
        If it is of others.
    """
    for name, digest in saes.items():
        if (found := stamp["saes"].get(name)) != digest:
            raise UserError(
                f"{path}: annotates SAE {str(found)[:12]} of variant {name}; expected "
                f"{digest[:12]}, the weights there are; run the annotate stage again"
            )
