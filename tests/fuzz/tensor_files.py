"""Grammars of tensors from elsewhere: folders of SAEs, and ESM-2 checkpoints of fair-esm."""

import io
import tempfile
from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from safetensors.torch import save

from protsae.plm.esm2.save import save_esm
from tests.fuzz.mutations import Files, altered, json_bytes, spoiled
from tests.helpers.tiny_esm import build_esm

D, F = 3, 5
SHAPES = {"W_enc": (D, F), "b_enc": (F,), "W_dec": (F, D), "b_dec": (D,)}


def _tensors(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def _odd(value: torch.Tensor) -> list[Any]:
    """What may stand in place of a tensor."""
    return [
        *(value.double(), value.half(), value.int(), value.bool(), value * torch.nan, value * 1e30),
        *(value.T.contiguous() if value.ndim == 2 else value[None], value.flatten()),
        *(
            value[..., :1].clone() if value.ndim else value,
            torch.tensor(3.0),
            value.to(torch.complex64),
            value + torch.inf,
        ),
        *(torch.zeros(0), value.flatten()[:0]),
    ]


def _unpicklable_odd(value: torch.Tensor) -> list[Any]:
    """What a .pt file can hold, too: no tensors, or tensors that claim more than is there."""
    return [
        *(None, 3, "x", [value], {"a": value}, value.to_sparse(), torch.zeros(1).expand(10**9)),
        *(
            torch.nn.Parameter(value),
            torch.zeros(1).expand(10**6, 10**6),
            torch.empty(2, device="meta"),
        ),
    ]


@st.composite
def _spoiled_tensors(draw: st.DrawFn, tensors: dict[str, Any], pickled: bool) -> dict[Any, Any]:
    """The same tensors, or with up to two that are odd, missing, renamed or too many."""
    found: dict[Any, Any] = dict(tensors)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        name = draw(st.sampled_from(sorted(tensors)))
        odd = _odd(tensors[name]) + (_unpicklable_odd(tensors[name]) if pickled else [])
        kind = draw(st.sampled_from(["odd", "odd", "odd", "missing", "renamed", "more"]))
        if kind == "odd":
            found[name] = odd[draw(st.integers(0, len(odd) - 1))]
        elif kind == "missing":
            found.pop(name, None)
        elif kind == "renamed":
            found[draw(st.sampled_from(["x\n", "é" * 90, "W"]))] = found.pop(name, torch.zeros(1))
        else:
            found[draw(st.sampled_from(["k", "threshold", "scaling_factor", "more"]))] = torch.ones(
                F
            )
    return found


def pickled(found: Any, zipped: bool = True) -> bytes:
    """Bytes of a .pt file, in torch's format of today or of before 1.6."""
    file = io.BytesIO()
    torch.save(found, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _config(settings: dict[str, Any]) -> st.SearchStrategy[bytes]:
    return spoiled(settings).map(json_bytes).flatmap(altered)


@st.composite
def _folder(draw: st.DrawFn, good: Files, bad: dict[str, st.SearchStrategy[bytes]]) -> Files:
    """Good files, of which most often one is bad; or it is missing, or a folder in its place."""
    found = dict(good)
    name = draw(st.sampled_from(sorted(bad)))
    kind = draw(st.integers(0, 19))
    if kind < 12:
        found[name] = draw(bad[name])
    elif kind == 12 and len(found) > 1:
        found.pop(name)
    elif kind == 13:
        found[f"{name}/inside"] = found.pop(name)
    return found


SAELENS: tuple[dict[str, Any], ...] = (
    {"architecture": "standard", "d_in": D, "d_sae": F, "apply_b_dec_to_input": True},
    {"architecture": "topk", "d_in": D, "d_sae": F, "k": 2, "normalize_activations": "none"},
    {"d_in": D, "d_sae": F, "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 2}},
    {"architecture": "jumprelu", "metadata": {"hook_name": "blocks.3.hook_resid_post"}},
    {"architecture": "gated", "hook_layer": 3, "apply_b_dec_to_input": False},
    {"architecture": "standard", "normalize_activations": "expected_average_only_in"},
)


@st.composite
def saelens(draw: st.DrawFn) -> Files:
    """A folder of SAELens, of any architecture."""
    config = draw(st.sampled_from(SAELENS))
    shapes: dict[str, tuple[int, ...]] = dict(SHAPES)
    if config.get("architecture") == "jumprelu":
        shapes["threshold"] = (F,)
    elif config.get("architecture") == "gated":
        shapes |= {"b_gate": shapes.pop("b_enc"), "b_mag": (F,), "r_mag": (F,)}
    tensors = _tensors(shapes)
    bad = {
        "cfg.json": _config(config),
        "sae_weights.safetensors": _spoiled_tensors(tensors, False).map(_safe).flatmap(altered),
    }
    good = {"cfg.json": json_bytes(config), "sae_weights.safetensors": _safe(tensors)}
    if "expected" in str(config.get("normalize_activations")):
        bad["activation_scaler.json"] = _config({"scaling_factor": 0.5})
        good["activation_scaler.json"] = json_bytes({"scaling_factor": 0.5})
    return draw(_folder(good, bad))


def _safe(tensors: dict[str, torch.Tensor]) -> bytes:
    return save({name: value.clone().contiguous() for name, value in tensors.items()})


_LINEAR = {"encoder.weight": (F, D), "encoder.bias": (F,), "decoder.weight": (D, F)}


def sparsify() -> st.SearchStrategy[Files]:
    """A folder of sparsify."""
    shapes = {"encoder.weight": (F, D), "encoder.bias": (F,), "W_dec": (F, D), "b_dec": (D,)}
    tensors, config = _tensors(shapes), {"activation": "topk", "k": 2}
    good = {"cfg.json": json_bytes(config), "sae.safetensors": _safe(tensors)}
    odd = _spoiled_tensors(tensors, False).map(_safe).flatmap(altered)
    return _folder(good, {"cfg.json": _config(config), "sae.safetensors": odd})


@st.composite
def _pt(draw: st.DrawFn, found: Any) -> bytes:
    """A .pt file of either format, with or without accidents."""
    content = pickled(found, draw(st.integers(0, 3)) > 0)
    return draw(altered(content)) if draw(st.integers(0, 2)) == 0 else content


@st.composite
def dictionary_learning(draw: st.DrawFn) -> Files:
    """A folder of dictionary_learning, of three of its classes."""
    name, more = draw(
        st.sampled_from(
            [
                ("AutoEncoder", {"bias": (D,)}),
                ("AutoEncoderTopK", {"b_dec": (D,)}),
                ("BatchTopKSAE", {"b_dec": (D,), "threshold": ()}),
            ]
        )
    )
    config = {"trainer": {"dict_class": name, "layer": 3, "k": 2, "submodule_name": "layers.3"}}
    tensors = _tensors({**_LINEAR, **more})
    good = {"config.json": json_bytes(config), "ae.pt": pickled(tensors)}
    odd = _spoiled_tensors(tensors, True).flatmap(_pt)
    return draw(_folder(good, {"config.json": _config(config), "ae.pt": odd}))


@st.composite
def interplm(draw: st.DrawFn) -> Files:
    """A folder of InterPLM, with its configuration or without."""
    tensors = _tensors({**_LINEAR, "bias": (D,)}) | {"activation_rescale_factor": torch.ones(F)}
    name = draw(
        st.sampled_from(["ReLUSAE", "relu", "x", "[a]", "{a: b}", "&a [*a]", "TopKSAE", "ReLU"])
    )
    config = st.just(f"trainer_cfg:\n  dictionary_cls: {name}\n  lr: 3\n".encode()).flatmap(altered)
    good = {"ae_normalized.pt": pickled(tensors)}
    bad = {"ae_normalized.pt": _spoiled_tensors(tensors, True).flatmap(_pt)}
    if draw(st.booleans()):
        good["config.yaml"], bad["config.yaml"] = draw(config), config
    return draw(_folder(good, bad))


@cache
def _esm() -> tuple[dict[str, Any], dict[str, Any]]:
    """A tiny ESM-2 and its regression, as `save_esm` writes them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "esm2_x.pt"
        save_esm(build_esm(1, 4, 2), path)
        regression = path.with_name("esm2_x-contact-regression.pt")
        found = [torch.load(file, weights_only=True) for file in (path, regression)]
    return found[0], found[1]


SIZES = (
    *(None, 0, -1, 2, 3, 7, 10**6, 10**9, 2**63, 10**400, 1.0, 1.5, True, "1", [1], 4, 1),
    *(float("nan"), float("inf"), "x" * 9000, "a\nb"),
)


@st.composite
def fair_esm(draw: st.DrawFn) -> Files:
    """A checkpoint and its regression, with other sizes than it has, or odd tensors."""
    checkpoint, regression = _esm()
    sizes: OrderedDict[str, object] = OrderedDict()
    vars(sizes).update(vars(checkpoint["cfg"]["model"]))
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        key = draw(st.sampled_from(sorted(vars(sizes))))
        vars(sizes)[key] = draw(st.sampled_from(SIZES))
    weights = draw(_spoiled_tensors(checkpoint["model"], pickled=True))
    found: Any = {"cfg": {"model": sizes}, "model": weights}
    if draw(st.integers(0, 9)) == 0:
        place = draw(st.sampled_from(["cfg", "model", "args"]))
        found[place] = draw(st.sampled_from([None, 3, {}, [], "x", {"model": None}, sizes]))
    if draw(st.integers(0, 19)) == 0:
        found = draw(st.sampled_from([None, [], 3, weights]))
    contact = regression
    if draw(st.integers(0, 4)) == 0:
        contact = {"model": draw(_spoiled_tensors(regression["model"], pickled=True))}
    contacts = "esm2_x-contact-regression.pt"
    good = {"esm2_x.pt": pickled(found), contacts: pickled(contact)}
    return draw(_folder(good, {"esm2_x.pt": _pt(found), contacts: _pt(contact)}))
