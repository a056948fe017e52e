"""The model card of a repository of SAEs: README.md with YAML front matter, as the Hub reads it.

References
----------
huggingface.co/docs/hub/model-cards
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import yaml

from protsae import __version__
from protsae.association.joined_baselines import best_per_concept
from protsae.features.protein_segments import LEVELS, trust
from protsae.io.saes.sae_files import SaeSource
from protsae.one_line import one_line
from protsae.stages.atlas.run_card import NO_LICENCE
from protsae.statistics.cluster_intervals import MIN_CLUSTERS

TAGS = ["sparse-autoencoder", "protein-language-model", "interpretability", "biology", "saelens"]
HUB_LICENCES = frozenset(
    {"apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0"}
)
"""Names of the Hub's own; any other licence is "other" there, with a name."""

MOST_CONCEPTS = 12

_OF_PAIR = [
    *("folder", "feature", "concept", "own_concept", "defined_by_sequence", "valid_f1"),
    *("f1", "f1_low", "f1_high", "q_value", "best_baseline", "best_baseline_f1", "verdict"),
]

_RELEASED = re.compile(r"esm2_t\d+_\w+_UR50D")


@dataclass(frozen=True, eq=False)
class CardSae:
    """What the card says of one SAE.

    Attributes
    ----------
    folder : str
        In the repository.
    source : SaeSource
    scores : mapping
        evaluation.json.
    features : DataFrame
        Its rows of the feature table.
    best_features : DataFrame
        Its rows of the table of best features.
    """

    folder: str
    source: SaeSource
    scores: Mapping[str, Any]
    features: pd.DataFrame
    best_features: pd.DataFrame


def card_text(saes: Sequence[CardSae], of_run: Mapping[str, Any]) -> str:
    """The whole card.

    Parameters
    ----------
    saes : sequence of CardSae
        One or more, of one model.
    of_run : mapping
        As `card_of` gives it.
    """
    source = saes[0].source
    n = of_run["n_proteins"]
    front = yaml.safe_dump(front_matter(source.model, str(of_run["licence"])), sort_keys=False)
    return _CARD.format(
        front=front,
        model=source.model,
        weights=source.weights_sha256[:12],
        saes="\n".join(_sae_row(sae) for sae in saes),
        concepts=_concepts(saes),
        least=MIN_CLUSTERS,
        data=one_line(yaml.safe_dump(dict(of_run["source"]), default_flow_style=True).strip()),
        train=f"{n.get('train', 0):,}",
        train_residues=f"{of_run['n_residues'].get('train', 0):,}",
        valid=f"{n.get('valid', 0):,}",
        test=f"{n.get('test', 0):,}",
        further=_further(of_run["further_proteins"]),
        example=saes[0].folder,
        d_model=saes[0].scores["d_model"],
        licence=of_run["licence"],
        version=__version__,
    )


def front_matter(model: str, licence: str) -> dict[str, Any]:
    """What the Hub reads: licence, library, tags and, of a released ESM-2, the base model.

    Examples
    --------
    >>> found = front_matter("esm2_t33_650M_UR50D", "CC-BY-4.0")
    >>> found["license"], found["base_model"]
    ('cc-by-4.0', 'facebook/esm2_t33_650M_UR50D')
    >>> front_matter("mine", "in house")["license_name"]
    'in house'
    """
    made: dict[str, Any] = {}
    if licence.lower() in HUB_LICENCES:
        made["license"] = licence.lower()
    elif licence != NO_LICENCE:
        made |= {"license": "other", "license_name": licence}
    if _RELEASED.fullmatch(model):
        made["base_model"] = f"facebook/{model}"
    return {**made, "library_name": "saelens", "tags": list(TAGS)}


def _sae_row(sae: CardSae) -> str:
    scores = sae.scores
    n_called = int((trust(sae.features) <= LEVELS["annotated"]).sum())
    numbers = [_number(scores[name]) for name in ("l0", "fvu", "loss_recovered", "dead_fraction")]
    row = [
        f"`{sae.folder}`",
        sae.source.architecture,
        f"{scores['n_features']:,}",
        *numbers,
        f"{n_called:,}",
    ]
    return f"| {' | '.join(row)} |"


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3g}"


def _concepts(saes: Sequence[CardSae]) -> str:
    """The best feature of each concept that is called and that the sequence does not define."""
    # The best feature of a concept may match another concept better, so both tables are needed: one
    # has features with the concept they match best, the other the best feature of each concept.
    tables = [
        table.assign(folder=sae.folder)
        for sae in saes
        for table in (sae.features.assign(own_concept=sae.features["concept"]), sae.best_features)
    ]
    rows = pd.concat([table[_OF_PAIR] for table in tables], ignore_index=True)
    called = rows[trust(rows) <= LEVELS["annotated"]]
    best = best_per_concept(called).sort_values("valid_f1", ascending=False, kind="stable")
    if best.empty:
        return "No feature is called for a concept that the sequence does not define."
    lines = [
        "| concept | feature | F1 on test | best baseline | verdict |",
        "|---|---|---|---|---|",
    ]
    for row in best.head(MOST_CONCEPTS).to_dict("records"):
        low, high = row["f1_low"], row["f1_high"]
        interval = "" if np.isnan([low, high]).any() else f" [{low:.2f}, {high:.2f}]"
        concept = _cell(row["concept"])
        verdict = row["verdict"] if isinstance(row["verdict"], str) else "none"
        feature = f"`{row['folder']}` {row['feature']}"
        if row["own_concept"] != row["concept"]:
            feature += f" (itself: {_cell(row['own_concept'])})"
        baseline = f"{row['best_baseline']} {row['best_baseline_f1']:.2f}"
        cells = (concept, feature, f"{row['f1']:.2f}{interval}", baseline, verdict)
        lines.append(f"| {' | '.join(cells)} |")
    more = len(best) - MOST_CONCEPTS
    if more > 0:
        lines += ["", f"and {more} more concept{'s' * (more > 1)}."]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")


def _further(paths: Sequence[str]) -> str:
    return f" SAEs have seen further proteins, too: {len(paths)} files." if paths else ""


_CARD = """---
{front}---

# Sparse autoencoders on {model}

Sparse autoencoders (SAEs) of the residual stream of {model} (sha256 of its weights {weights}...),
one vector of {d_model} numbers for each residue of a protein. Made with protsae {version}.

## Load one

```python
from huggingface_hub import snapshot_download
from sae_lens import SAE

folder = snapshot_download("USER/REPOSITORY")  # the name under which you find this page
sae = SAE.load_from_disk(f"{{folder}}/{example}")
```

`encode` takes the activations of a layer, float32, shape (n_residues, {d_model}), without the
tokens before and after the protein. Layer 0 is the embedding, layer i comes after block i, as in
`repr_layers` of fair-esm. Centring and scale are in the weights. `protsae.json` in each folder says
what the SAE was trained on; protsae refuses it for another model or layer.

## SAEs

| folder | architecture | features | L0 | FVU | loss recovered | dead | called |
|---|---|---|---|---|---|---|---|
{saes}

On proteins of the test set. FVU: variance that is not explained. Dead: share of features that are
active nowhere there. Called: features whose best concept they detect better than chance (q ≤ 0.05),
without concepts that the sequence defines.

## What features detect

{concepts}

The best feature of each concept, chosen on the validation set. "itself": the concept that this
feature matches better, if there is one. Intervals are 95 %, over homology clusters. A baseline is
another detector, such as a rule on the sequence or a feature of an SAE with a frozen decoder. The
verdict says whether the feature is above all of them; there is none where fewer than {least}
homology clusters of the test set have the concept. `features.tsv` in each folder has all features
with their baselines. A concept is what fits a feature best, which is not all that the feature does.

## Data

Source: {data}

{train} proteins ({train_residues} residues) for training, {valid} for validation and {test} for
test; proteins of one homology cluster are in one of the three.{further}

## Licence

{licence}. The model itself is not in this repository and has a licence of its own.
"""
