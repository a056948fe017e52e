"""Claimed against found: the best detectors of a finished run on proteins of another source.

For each concept that is completely annotated in a second set of proteins (TMbed's topology,
secondary structure of PDB chains), takes from the run the SAE feature, coordinate, principal
component, random direction, neuron and feature of frozen SAEs of all layers with the highest F1 on
valid, the best detector of the permuted model, and the rule on the sequence; nothing is chosen or
fitted anew. Proteins that share a homology cluster with a protein of train or valid, of which
MMseqs2 finds a relative there, or whose sequence is in the run, are left out and counted. Then, by
concept and detector: what the run claims on its test, that F1 at the base rate here, what is found
here with its interval over homology clusters, and whether the feature is above all others here.
definition_* say how UniProt's labels score as a detector of these, on sequences that the run and
the set share: where definitions differ, a feature fitted to UniProt's cannot be expected to do
better.

Run it where the run was started: its config.yaml names the model by the path from there.

    python -m studies.second_population.measure results residue_labels.jsonl.gz \\
      docs/findings
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from protsae.association.pairs.layer_data import Layer
from protsae.concepts.concept_table import ConceptTable
from protsae.config.reserved_names import MLP, is_permuted
from protsae.config.settings import Config, read_config
from protsae.detectors.activations import Encoded
from protsae.detectors.encoding import encoder
from protsae.errors import UserError
from protsae.io.mmseqs import MAX_EVALUE, cluster_sequences, search
from protsae.io.progress import progress
from protsae.io.table_files.parquet import write_tsv
from protsae.io.table_files.proteins_table import read_split_proteins
from protsae.plm.embedding import Embedder
from protsae.plm.esm2.load import LoadedEsm, load_same_esm
from protsae.plm.esm2.places import Inside, Place
from protsae.references.rules.rule_library import rule_library
from protsae.references.rules.sequence_rows import SequenceRows
from protsae.references.rules.sequence_rules import Rule
from protsae.stages.annotate_layer import layer_baselines
from protsae.stages.embed_proteins import make_embedder
from protsae.stages.inputs.concept_inputs import read_concepts
from protsae.stages.inputs.mlp_neurons import block_neurons
from protsae.stages.inputs.open_saes import open_codes, open_saes
from studies.findings.markdown import second_population_table
from studies.findings.tables import SAE
from studies.second_population.labels import (
    POPULATIONS,
    Labelled,
    drawn,
    places_in_run,
    read_populations,
    same_residues,
    usable,
    without_relatives,
)
from studies.second_population.scores import (
    Residues,
    chosen_detectors,
    claimed_rules,
    found_rows,
    with_verdicts,
)

N_PROTEINS = 1000
FILE = "second_population.tsv"


def main() -> None:
    """Read a finished run, embed the second population, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("records", type=Path, help="residue_labels.jsonl.gz")
    parser.add_argument("output", type=Path)
    parser.add_argument("--variant", default="topk", help="the SAE of the run that is shown")
    parser.add_argument("--proteins", type=int, default=N_PROTEINS, help="at most, of each set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    try:
        table = second_population(
            args.results, args.records, args.variant, args.proteins, args.seed, args.threads
        )
    except UserError as error:
        sys.exit(str(error))
    args.output.mkdir(parents=True, exist_ok=True)
    write_tsv(args.output / FILE, table)
    print(second_population_table(pd.read_csv(args.output / FILE, sep="\t")))


def second_population(
    results: Path,
    records: Path,
    variant: str = "topk",
    n_proteins: int = N_PROTEINS,
    seed: int = 0,
    threads: int = 1,
) -> pd.DataFrame:
    """Claimed and found, a row for each set of proteins, concept and detector.

    Parameters
    ----------
    results : Path
        Of a finished run, with its activations and codes.
    records : Path
        As `read_populations` reads them.
    variant : str
        The SAE that is shown.
    n_proteins : int
        At most so many of each set are drawn; those left out are not replaced.

    Raises
    ------
    UserError
        If the run is not finished, the model is another, or a record is not of the format.
    """
    if not (results / "associations.parquet").is_file():
        raise UserError(f"{results}: no finished run; expected associations.parquet")
    config = read_config(results / "config.yaml")
    run = Run(results, config, variant, threads)
    every = read_populations(records)
    chosen = _new_proteins(run, every, n_proteins, seed)
    tables = []
    for name, (proteins, cluster) in chosen.items():
        population = POPULATIONS[name]
        concepts = [c for c in population.concepts if c in run.concepts]
        sequences = [protein.sequence for protein in proteins]
        claimed, activations, thresholds = run.detectors(concepts, sequences)
        residues = Residues(
            np.concatenate(
                [
                    np.stack([p.has(population.concepts[c]) for c in concepts], axis=1)
                    for p in proteins
                ]
            ),
            np.concatenate([protein.known for protein in proteins]),
            np.repeat(pd.factorize(cluster)[0], [len(s) for s in sequences]),
            concepts,
        )
        rows = found_rows(claimed, activations, thresholds, residues)
        places = places_in_run(every[name], run.proteins)
        same = same_residues(population, every[name], places, run.labels(concepts), concepts)
        tables.append(rows.merge(same, on="concept").assign(population=population.name))
        for concept in sorted(set(concepts) - set(claimed.loc[claimed["set"] == SAE, "concept"])):
            print(f"{concept}: no SAE feature is good enough on valid to be compared")
    table = with_verdicts(pd.concat(tables, ignore_index=True))
    order = [c for population in POPULATIONS.values() for c in population.concepts]
    table = table.sort_values("concept", key=lambda c: c.map(order.index), kind="stable")
    first = ["population", "concept", "set", "model", "layer", "feature", "rule", "threshold"]
    table = table.astype({"layer": "Int64", "feature": "Int64"}).drop(columns="variant")
    return table[[*first, *(name for name in table.columns if name not in first)]]


class Run:
    """A finished run: its proteins, what it claims, and its detectors on other sequences.

    Attributes
    ----------
    proteins : DataFrame
        proteins.parquet.
    table : ConceptTable
    concepts : list of str
        Concepts that were scored.
    """

    def __init__(self, results: Path, config: Config, variant: str, threads: int) -> None:
        self.results, self.config, self.variant, self.threads = results, config, variant, threads
        folder = results / "proteins"
        self.proteins, self._protein_set = read_split_proteins(folder / "proteins.parquet")
        self.table: ConceptTable = read_concepts(
            folder / "annotations.parquet", self.proteins, self._protein_set, config.concepts
        )
        self.concepts = [named.name for named in self.table.concepts]

    def labels(self, concepts: Sequence[str]) -> Callable[[str], tuple[np.ndarray, np.ndarray]]:
        """Labels of an accession, and where they are known, for `same_residues`."""
        column = [self.concepts.index(name) for name in concepts]
        known_column = self.table.known_column[column]

        def of(accession: str) -> tuple[np.ndarray, np.ndarray]:
            labels = self.table.labels([accession])[:, column].toarray() > 0
            return labels, self.table.known([accession])[:, known_column]

        return of

    def detectors(
        self, concepts: Sequence[str], sequences: Sequence[str]
    ) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
        """What the run claims of the best detectors, and them on these sequences.

        Returns
        -------
        claimed : DataFrame
            A row for each detector, as `chosen_detectors` and `claimed_rules` give them.
        activations : ndarray, float32, shape (n_residues, n_detectors)
            1 and 0 of rules.
        thresholds : ndarray, float64, shape (n_detectors,)
        """
        pairs = pd.read_parquet(self.results / "associations.parquet")
        learnt = chosen_detectors(pairs, concepts, self.variant, self.config.frozen_saes)
        rules = pd.read_parquet(self.results / "rules.parquet")
        rules = rules[rules["concept"].isin(concepts)]
        counts = pd.read_parquet(self.results / "rule_counts.parquet")
        fixed = claimed_rules(rules, counts)
        rows = SequenceRows(sequences)
        by_name = named_rules(set(fixed["rule"]))
        answers = [by_name[name].holds(rows) for name in fixed["rule"]]
        yes = np.stack(answers, axis=1).astype(np.float32)
        claimed = pd.concat([learnt, fixed], ignore_index=True)
        activations = np.hstack([self.activations(learnt, sequences), yes])
        return claimed, activations, claimed["threshold"].fillna(0.5).to_numpy(dtype=float)

    def activations(self, chosen: pd.DataFrame, sequences: Sequence[str]) -> np.ndarray:
        """Of detectors, by model, layer, variant and feature, on any sequences.

        Returns
        -------
        ndarray, float32, shape (n_residues, n_detectors)
        """
        lengths = np.array([len(sequence) for sequence in sequences])
        first_row = np.cumsum(lengths) - lengths
        found = np.zeros((int(lengths.sum()), len(chosen)), dtype=np.float32)
        for model, of_model in chosen.groupby("model", sort=True):
            layers = {
                layer: self._detectors(
                    str(model), layer, set(of_model["variant"][of_model["layer"] == layer])
                )
                for layer in of_model["layer"].unique().tolist()
            }
            esm, embedder = self._embedder(str(model), layers)
            groups = {
                (int(rows["layer"].iloc[0]), str(rows["variant"].iloc[0])): rows
                for _, rows in of_model.groupby(["layer", "variant"])
            }
            detectors: dict[tuple[int, str], tuple[Place, Encoded]] = {
                (layer, variant): (
                    (Inside(layer, "mlp_in"), block_neurons(esm, layer, _nothing))
                    if variant == MLP
                    else (layer, layers[layer][0][variant])
                )
                for layer, variant in groups
            }
            with progress(len(found), f"embedding with {model}", "residues") as bar:
                for piece in embedder(sequences):
                    start = int(first_row[piece.protein]) + piece.start
                    for key, wanted in groups.items():
                        place, codes = detectors[key]
                        rows = piece.rows[place].astype(np.float32)
                        features = wanted["feature"].to_numpy(dtype=int)
                        columns = chosen.index.get_indexer(wanted.index)
                        values = codes.join([codes.encode(rows)])[:, features].toarray()
                        found[start : start + len(rows), columns] = values
                    bar.update(len(rows))
        return found

    def _detectors(
        self, model: str, layer: int, variants: set[str]
    ) -> tuple[dict[str, Encoded], torch.dtype, str]:
        """These sets of detectors but neurons, the type that activations are stored in, and the
        checksum of the model's weights."""
        name = f"layer-{layer:02d}"
        shards = _paths(self.results / "activations" / model, "shard-*.h5")
        folders = _paths(self.results / "sae" / model / name, "*")
        train = set(self.proteins.loc[self.proteins["split"] == "train", "accession"])
        cache, saes = open_saes(folders, shards, self._protein_set, train)
        found = {
            variant: Encoded(_nothing, encoder(trained.sae), trained.sae.n_features)
            for variant, trained in saes.items()
        }
        if not variants <= {*found, MLP}:
            order = self.proteins["accession"].tolist()
            codes = _paths(self.results / "codes" / model / name, "shard-*.h5")
            stored = open_codes(codes, saes, cache, order)
            found |= layer_baselines(
                Layer(self.proteins, self.table, self.config.annotate), cache, stored
            )
        return found, getattr(torch, cache.dtype.name), cache.source.weights_sha256

    def _embedder(
        self, model: str, layers: Mapping[int, tuple[dict[str, Encoded], torch.dtype, str]]
    ) -> tuple[LoadedEsm, Embedder]:
        """The model, and its embedder as the embed stage had it: of layers and what MLPs read."""
        settings = self.config.embed.model_copy(update={"layers": tuple(layers)})
        if is_permuted(model):
            weights = str(self.results / "models" / f"{model}.pt")
            settings = settings.model_copy(update={"model": weights})
        _, _, checksum = next(iter(layers.values()))
        esm = load_same_esm(settings.model, settings.device, checksum)
        embedder = make_embedder(esm, settings, self.threads, ["mlp_in"] if self.config.mlp else [])
        embedder.dtypes |= {layer: dtype for layer, (_, dtype, _) in layers.items()}
        return esm, embedder


def _nothing(_accessions: set[str], _max_rows: int) -> Iterator[tuple[list[str], np.ndarray]]:
    """No stored activations: those of other sequences are computed."""
    return iter(())


def named_rules(names: set[str]) -> dict[str, Rule]:
    """The rules of the library with these names."""
    library = rule_library()
    every = (library.rule(index) for index in range(len(library)))
    return {rule.name: rule for rule in every if rule.name in names}


def _new_proteins(
    run: Run, every: Mapping[str, Sequence[Labelled]], n_proteins: int, seed: int
) -> dict[str, tuple[list[Labelled], np.ndarray]]:
    """Of each set the proteins drawn that are new to the run, and their homology clusters."""
    of_run = set(run.proteins["sequence"])
    lengths = run.config.fetch.min_length, run.config.fetch.max_length
    chosen, notes = {}, {}
    for name, proteins in every.items():
        kept, notes[name] = usable(proteins, of_run, *lengths)
        chosen[name] = drawn(kept, n_proteins, seed)
        notes[name]["not drawn"] = len(kept) - len(chosen[name])
    used = run.proteins.loc[run.proteins["split"].isin(["train", "valid"]), "sequence"].tolist()
    pooled = [protein.sequence for proteins in chosen.values() for protein in proteins]
    print(f"searching {len(pooled):,} proteins against {len(used):,} of train and valid")
    hits = {hit.query for hit in search(pooled, used, MAX_EVALUE, run.threads)}
    split = run.config.split
    cluster = cluster_sequences(
        [*pooled, *used],
        split.identity,
        split.coverage,
        cascade=split.cascade,
        threads=run.threads,
    )
    found, first = {}, 0
    for name, proteins in chosen.items():
        stop = first + len(proteins)
        own = np.concatenate([cluster[first:stop], cluster[len(pooled) :]])
        mine = [hit - first for hit in hits if first <= hit < stop]
        kept_index, left_out = without_relatives(mine, own, len(proteins))
        found[name] = [proteins[i] for i in kept_index], own[kept_index]
        n_clusters = len(np.unique(own[kept_index]))
        print(
            f"{POPULATIONS[name].name}: {len(kept_index):,} of {len(every[name]):,} proteins in "
            f"{n_clusters:,} homology clusters; left out:"
        )
        for reason, number in (notes[name] + left_out).items():
            print(f"  {number:6,}  {reason}")
        print(f"  labels: {POPULATIONS[name].differs}")
        first = stop
    return found


def _paths(folder: Path, pattern: str) -> list[str]:
    """Files or folders there.

    Raises
    ------
    UserError
        If there are none.
    """
    found = sorted(map(str, folder.glob(pattern)))
    if not found:
        raise UserError(f"{folder}: no {pattern}; expected those of a finished run, none removed")
    return found


if __name__ == "__main__":
    main()
