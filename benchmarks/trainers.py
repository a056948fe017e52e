"""SAE trainers behind one interface: protsae and its peers, each by its own training step.

Optimiser, schedules, clipping, norms and counters are the peers' own, with their own defaults where
the recipe leaves them open; progress bars, logging and checkpoints are left out. Two things are
set for all: nested widths (they have no default) and, in runs too short for them, shorter warm-ups.

    pip install -e '.[trainers]'   # with a CPU build of torch, uninstall torchvision again
"""

import contextlib
import importlib.metadata
import io
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from protsae.config.sae_settings import TrainSettings
from protsae.device import products_dtype
from protsae.sae.architectures import build_sae
from protsae.sae.autoencoder import Batch
from protsae.sae.training.normalisation import measure_normalisation
from protsae.sae.training.step import SaeTraining, Step

PACKAGES = {
    "saelens": "sae-lens",
    "dictionary_learning": "dictionary-learning",
    "sparsify-adam": "eai-sparsify",
    "sparsify-signum": "eai-sparsify",
}
"""What pip calls each trainer."""

NESTED = (1 / 8, 1 / 4, 1 / 2, 1)
"""Widths of a Matryoshka SAE's nested dictionaries, as shares of the features."""


@dataclass(frozen=True)
class Recipe:
    """What a trainer is asked for.

    Attributes
    ----------
    d_model, n_features, steps, batch : int
    k : int
        Active features of a row, where the architecture has k or a target.
    penalty : float, optional
        Weight of L1 or L0, where it has one; None is the trainer's default.
    lr : float, optional
        None is the trainer's default.
    seed : int
    device : str
    dead_after : int, optional
        Residues without activity after which a feature is dead, for protsae alone; None is the
        default.
    """

    d_model: int
    n_features: int
    steps: int
    batch: int
    k: int = 32
    penalty: float | None = None
    lr: float | None = None
    seed: int = 0
    device: str = "cpu"
    dead_after: int | None = None

    def warmup(self, default: int, share: float) -> int:
        """The trainer's default, at most a share of the steps."""
        return min(default, int(share * self.steps))


class Trainer(Protocol):
    """A trainer in use. ``encode`` and ``decode`` are those of the SAE that it would save."""

    lr: float

    def prepare(self, rows_ND: Tensor) -> None:
        """What it measures on the training rows before the first step."""

    def step(self, x_ND: Tensor) -> None:
        """One step on activations as they come, float32, shape (batch, d_model)."""

    def decoder(self) -> Tensor:
        """Directions, shape (n_features, d_model)."""

    def encode(self, x_ND: Tensor) -> Tensor:
        """Features, shape (n_rows, n_features)."""

    def decode(self, f_NF: Tensor) -> Tensor:
        """Activations rebuilt, shape (n_rows, d_model)."""


def installed_version(trainer: str) -> str | None:
    """The version of a trainer's package; None if it is not installed."""
    try:
        return importlib.metadata.version(PACKAGES[trainer])
    except importlib.metadata.PackageNotFoundError:
        return None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what a peer warns of or prints on import or construction; no service, no network."""
    os.environ |= {"WANDB_MODE": "disabled", "WANDB_SILENT": "true", "HF_HUB_OFFLINE": "1"}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


class Protsae:
    """protsae as its ``train`` stage steps; ``precision`` is that of the matrix products."""

    def __init__(self, architecture: str, recipe: Recipe, precision: str = "auto"):
        device = torch.device(recipe.device)
        self._settings = TrainSettings.model_validate(
            {
                "architecture": architecture,
                "width": recipe.n_features,
                "k": recipe.k,
                "steps": recipe.steps,
                "seed": recipe.seed,
                **({} if recipe.penalty is None else {"penalty": recipe.penalty}),
                **({} if recipe.lr is None else {"lr": recipe.lr}),
                **({} if recipe.dead_after is None else {"dead_after": recipe.dead_after}),
            }
        )
        self.lr = self._settings.lr
        self._dtype = products_dtype(precision, device)
        sae = build_sae(self._settings, recipe.d_model).to(device)
        self._training = SaeTraining(sae, self._settings)
        self._mean_D, self._scale = torch.zeros(recipe.d_model, device=device), 1.0
        self._steps = 0
        self.taken: Step | None = None

    def prepare(self, rows_ND: Tensor) -> None:
        """Mean and scale of the training rows."""
        found = measure_normalisation(block.numpy() for block in rows_ND.cpu().split(16_384))
        self._mean_D = torch.from_numpy(found.mean).float().to(self._mean_D.device)
        self._scale = found.scale

    def step(self, x_ND: Tensor) -> None:
        batch = Batch.of((x_ND - self._mean_D) * self._scale, self._dtype)
        self.taken = self._training.step(batch, self._steps)
        self._steps += 1

    def decoder(self) -> Tensor:
        return self._training.sae.W_dec.detach()

    @torch.no_grad()
    def encode(self, x_ND: Tensor) -> Tensor:
        return self._training.sae.encode((x_ND - self._mean_D) * self._scale)

    @torch.no_grad()
    def decode(self, f_NF: Tensor) -> Tensor:
        return self._training.sae.decode(f_NF) / self._scale + self._mean_D


class SaeLens:
    """SAELens's ``SAETrainer``: what its ``fit`` does in every step."""

    def __init__(self, architecture: str, recipe: Recipe):
        with quiet():
            from sae_lens.config import SAETrainerConfig
            from sae_lens.training.sae_trainer import SAETrainer

            torch.manual_seed(recipe.seed)
            sae = saelens_sae(architecture, recipe)
            self.lr: float = recipe.lr or SAETrainerConfig.lr
            settings = SAETrainerConfig(
                total_training_samples=recipe.steps * recipe.batch,
                train_batch_size_samples=recipe.batch,
                device=recipe.device,
                lr=self.lr,
                lr_end=self.lr / 10,  # as its runner sets it; the rate is constant by default
            )
            self._trainer = SAETrainer(settings, sae, data_provider=iter(()))
        self._saved: Any = None

    def prepare(self, rows_ND: Tensor) -> None:
        """Nothing: it takes rows as they come."""

    def step(self, x_ND: Tensor) -> None:
        self._saved = None
        self._trainer.maybe_reset_sparsity()
        self._trainer.step(x_ND)
        self._trainer.n_training_steps += 1

    def _inference(self) -> Any:
        """The SAE as SAELens saves it for use: BatchTopK and Matryoshka become JumpReLU."""
        if self._saved is None:
            with quiet(), tempfile.TemporaryDirectory() as folder:
                from sae_lens import SAE

                self._trainer.sae.save_inference_model(folder)
                self._saved = SAE.load_from_disk(folder)
        return self._saved

    def decoder(self) -> Tensor:
        return self._inference().W_dec.detach()

    @torch.no_grad()
    def encode(self, x_ND: Tensor) -> Tensor:
        return self._inference().encode(x_ND)

    @torch.no_grad()
    def decode(self, f_NF: Tensor) -> Tensor:
        return self._inference().decode(f_NF)


def saelens_sae(architecture: str, recipe: Recipe) -> Any:
    """An untrained SAE of SAELens."""
    import sae_lens

    k = {"k": recipe.k}
    widths = {"matryoshka_widths": [round(share * recipe.n_features) for share in NESTED]}
    l0, l1 = (
        {} if recipe.penalty is None else {f"{name}_coefficient": recipe.penalty}
        for name in ("l0", "l1")
    )
    choices: dict[str, tuple[str, dict[str, Any]]] = {
        "relu": ("Standard", l1),
        "topk": ("TopK", k),
        "batchtopk": ("BatchTopK", k),
        "jumprelu": ("JumpReLU", l0),
        "gated": ("Gated", l1),
        "matryoshka": ("MatryoshkaBatchTopK", k | widths),
    }
    name, settings = choices[architecture]
    config = getattr(sae_lens, f"{name}TrainingSAEConfig")
    sizes = {"d_in": recipe.d_model, "d_sae": recipe.n_features, "device": recipe.device}
    return getattr(sae_lens, f"{name}TrainingSAE")(config(**sizes, **settings))


class DictionaryLearning:
    """dictionary_learning: the ``update`` of its trainers, as ``trainSAE`` calls it."""

    def __init__(self, architecture: str, recipe: Recipe):
        with quiet():
            self._trainer = dictionary_learning_trainer(architecture, recipe)
        self.lr: float = self._trainer.lr
        self._steps = 0

    def prepare(self, rows_ND: Tensor) -> None:
        """Nothing: it takes rows as they come."""

    def step(self, x_ND: Tensor) -> None:
        self._trainer.update(self._steps, x_ND)
        self._steps += 1

    def decoder(self) -> Tensor:
        sae = self._trainer.ae
        return (sae.W_dec if hasattr(sae, "W_dec") else sae.decoder.weight.T).detach()

    @torch.no_grad()
    def encode(self, x_ND: Tensor) -> Tensor:
        return self._trainer.ae.encode(x_ND)

    @torch.no_grad()
    def decode(self, f_NF: Tensor) -> Tensor:
        return self._trainer.ae.decode(f_NF)


def dictionary_learning_trainer(architecture: str, recipe: Recipe) -> Any:
    """A trainer of dictionary_learning."""
    from dictionary_learning.trainers import gdm, jumprelu, standard, top_k
    from dictionary_learning.trainers import matryoshka_batch_top_k as matryoshka
    from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer

    shares = [wide - narrow for narrow, wide in zip((0, *NESTED), NESTED, strict=False)]
    k = {"k": recipe.k}
    ramp = {"sparsity_warmup_steps": recipe.warmup(2000, 2 / 3)}
    l1 = ramp | ({} if recipe.penalty is None else {"l1_penalty": recipe.penalty})
    l0 = ramp | ({} if recipe.penalty is None else {"sparsity_penalty": recipe.penalty})
    choices: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "relu": (standard.StandardTrainerAprilUpdate, l1),
        "topk": (top_k.TopKTrainer, k),
        "batchtopk": (BatchTopKTrainer, k),
        "jumprelu": (jumprelu.JumpReluTrainer, l0 | {"target_l0": float(recipe.k)}),
        "gated": (gdm.GatedSAETrainer, l1),
        "matryoshka": (matryoshka.MatryoshkaBatchTopKTrainer, k | {"group_fractions": shares}),
    }
    trainer, settings = choices[architecture]
    if recipe.lr is not None:
        settings |= {"lr": recipe.lr}
    torch.manual_seed(recipe.seed)  # JumpReluTrainer takes a seed and ignores it
    return trainer(
        steps=recipe.steps,
        activation_dim=recipe.d_model,
        dict_size=recipe.n_features,
        warmup_steps=recipe.warmup(1000, 1 / 3),
        seed=recipe.seed,
        device=recipe.device,
        layer=0,
        lm_name="planted",
        **settings,
    )


class Sparsify:
    """sparsify's step, which its ``Trainer.fit`` keeps inside hooks of a language model.

    Written out from sparsify 1.3.3 with its default settings: local loss, one process, no AuxK,
    no Multi-TopK, no accumulation of gradients.
    """

    def __init__(self, optimiser: str, architecture: str, recipe: Recipe):
        if architecture != "topk":
            raise KeyError(architecture)
        with quiet():
            from schedulefree import ScheduleFreeWrapper
            from sparsify import SparseCoder, SparseCoderConfig
            from sparsify.sign_sgd import SignSGD
            from transformers import get_linear_schedule_with_warmup

            torch.manual_seed(recipe.seed)
            config = SparseCoderConfig(num_latents=recipe.n_features, k=recipe.k)
            self._sae = SparseCoder(recipe.d_model, config, recipe.device, dtype=torch.float32)
            base = {"adam": 2e-4, "signum": 5e-3}[optimiser]
            self.lr: float = recipe.lr or base / (recipe.n_features / 2**14) ** 0.5
            if optimiser == "adam":
                self._optimiser: Any = torch.optim.Adam(self._sae.parameters(), lr=self.lr)
                self._schedulers = [
                    get_linear_schedule_with_warmup(
                        self._optimiser, recipe.warmup(1000, 1 / 3), recipe.steps
                    )
                ]
            else:
                sign = SignSGD(self._sae.parameters(), lr=self.lr)
                self._optimiser = ScheduleFreeWrapper(sign, momentum=0.95)
                self._optimiser.train()
                self._schedulers = []
        self._schedule_free = optimiser == "signum"
        self._since_fired = torch.zeros(recipe.n_features, dtype=torch.long, device=recipe.device)
        self._started = False

    def prepare(self, rows_ND: Tensor) -> None:
        """Nothing: it takes rows as they come."""

    def step(self, x_ND: Tensor) -> None:
        sae = self._sae
        if self._schedule_free:
            self._optimiser.train()
        if not self._started:
            sae.b_dec.data = x_ND.mean(0)
            self._started = True
        sae.set_decoder_norm_to_unit_norm()
        total_variance = (x_ND - x_ND.mean(0)).pow(2).sum()
        out = sae(x=x_ND, y=x_ND, dead_mask=None, total_variance=total_variance)
        did_fire = torch.zeros_like(self._since_fired, dtype=torch.bool)
        did_fire[out.latent_indices.flatten()] = True
        float(out.fvu.detach())  # summed for the log at every step
        out.fvu.backward()
        sae.remove_gradient_parallel_to_decoder_directions()
        self._optimiser.step()
        self._optimiser.zero_grad()
        for scheduler in self._schedulers:
            scheduler.step()
        self._since_fired += len(x_ND)
        self._since_fired[did_fire] = 0

    def _inference(self) -> Any:
        """The SAE as it is saved: schedule-free optimisers move the weights to their average."""
        if self._schedule_free:
            self._optimiser.eval()
        return self._sae

    def decoder(self) -> Tensor:
        return self._inference().W_dec.detach()

    @torch.no_grad()
    def encode(self, x_ND: Tensor) -> Tensor:
        found = self._inference().encode(x_ND)
        return torch.zeros_like(found.pre_acts).scatter(1, found.top_indices, found.top_acts)

    @torch.no_grad()
    def decode(self, f_NF: Tensor) -> Tensor:
        sae = self._inference()
        return f_NF @ sae.W_dec + sae.b_dec


ARCHITECTURES = ("relu", "topk", "batchtopk", "jumprelu", "gated", "matryoshka")

TRAINERS: dict[str, tuple[tuple[str, ...], Callable[[str, Recipe], Trainer]]] = {
    "saelens": (ARCHITECTURES, SaeLens),
    "dictionary_learning": (ARCHITECTURES, DictionaryLearning),
    "sparsify-adam": (("topk",), lambda name, recipe: Sparsify("adam", name, recipe)),
    "sparsify-signum": (("topk",), lambda name, recipe: Sparsify("signum", name, recipe)),
}
"""The architectures that a peer has, and how to build its trainer of one of them."""
