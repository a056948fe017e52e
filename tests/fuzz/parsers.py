"""Every parser: the grammar of its inputs, and how the commands read what comes of it."""

import contextlib
import importlib
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
from hypothesis import strategies as st

from protsae.cli import parser_of
from protsae.commands import module_of
from protsae.concepts.concept_table import ConceptTable
from protsae.config.flags import settings_from_flags
from protsae.config.settings import parse_variants, read_config
from protsae.errors import UserError
from protsae.io.foreign_saes.any_program import read_foreign_sae
from protsae.io.protein_files.residue_labels import read_label_sets
from protsae.io.table_files.base_rate_files import read_base_rates
from protsae.plm.esm2.load import load_esm
from protsae.sae.architectures import restore_sae
from protsae.sae.evaluation.sanity_check import trial_problem
from tests.fuzz import (
    label_texts,
    own_files,
    protein_texts,
    setting_texts,
    structure_texts,
    tensor_files,
)
from tests.fuzz.mutations import Files, altered, damaged
from tests.helpers.stored_tables import load
from tests.helpers.tiny_esm import write_proteins

INPUT = "given"
"""Name of the file, or of the folder, in which an input stands."""


@dataclass(frozen=True)
class Parser:
    """One kind of input.

    Attributes
    ----------
    inputs : SearchStrategy
        Good and bad ones.
    read : callable
        Reads the input in the working directory as the commands do, and checks what comes of it.
    names : tuple of str
        Of which a refusal has one: files, or where else the input stands.
    beside : Files
        Files that are good and go with it.
    """

    inputs: st.SearchStrategy[Files]
    read: Callable[[], None]
    names: tuple[str, ...] = (INPUT,)
    beside: Files | None = None


def _one_file(content: st.SearchStrategy[bytes], name: str = INPUT) -> st.SearchStrategy[Files]:
    return damaged(content).map(lambda text: {name: text})


def _run(stage: str, *words: str) -> None:
    """A stage as its command runs it, but for what becomes of errors."""
    module = importlib.import_module(module_of(stage))
    args = parser_of(stage).parse_args(words)
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()),
    ):
        module.run(args)
    _validate_lines(out.getvalue())


def _validate_lines(text: str) -> None:
    for line in text.splitlines():
        assert line.isprintable(), f"a line with {line!r}"
    assert text.count("\n") == len(text.splitlines()), f"other line ends in {text!r}"


def _fetch(name: str = INPUT, *more: str) -> None:
    _run("fetch", "--input", name, "--output", "out", "--min-length", "1", *more)
    proteins, features = (load(f"out/{t}.parquet") for t in ("fetched", "annotations"))
    lengths = dict(zip(proteins["accession"], proteins["sequence"].str.len(), strict=True))
    for table in (proteins, features):
        for cell in table.astype(object).to_numpy().flat:
            assert str(cell).isprintable(), f"a cell with {cell!r}"
    assert proteins["sequence"].str.fullmatch("[A-Z]+").all()
    for row in features.itertuples():
        assert 1 <= row.start <= row.end <= lengths[row.accession], row


def _labels() -> None:
    sequences = {"P1": label_texts.SEQUENCE, "Q3": "MKTAYIAKQR"}
    sets, left_out = read_label_sets([INPUT], sequences)
    assert left_out.keys() == {found.name for found in sets}
    for found in sets:
        for accession, codes in found.codes.items():
            assert len(codes) == len(sequences[accession])
            assert codes.max(initial=0) <= len(found.classes)
    proteins = pd.DataFrame({"accession": list(sequences), "sequence": list(sequences.values())})
    proteins = proteins.assign(split="test", cluster=proteins["accession"], organism="")
    columns = ["accession", "type", "description", "start", "end", "evidence", "certain"]
    table = ConceptTable.build(
        proteins, pd.DataFrame(columns=columns), 1, 1, "all", label_sets=sets
    )
    for name in table.occurrence["concept"]:
        assert name.isprintable(), f"a concept {name!r}"


def _base_rates() -> None:
    for concept, rate in read_base_rates(INPUT).items():
        assert concept.isprintable(), f"a concept {concept!r}"
        assert 0 <= rate <= 1


@cache
def _proteins_table() -> bytes:
    """proteins.parquet with the sequence of the structures' helix."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "proteins.parquet"
        write_proteins(path, [structure_texts.LETTERS, "MKTAYIAKQRCISFVKSHFS"])
        return path.read_bytes()


def _structures() -> None:
    Path("proteins.parquet").write_bytes(_proteins_table())
    words = ("--structures", INPUT, "--proteins", "proteins.parquet", "--output", "l.jsonl")
    _run("labels", *words)
    sets, _ = read_label_sets(["l.jsonl"], {"P00000": structure_texts.LETTERS})
    assert [len(found.codes) for found in sets] == [1, 1]


def _config() -> None:
    for name in read_config(INPUT).train:
        assert name.isprintable()


def _command_line() -> None:
    stage, *words = json.loads(Path(INPUT).read_bytes())
    parser = setting_texts.stage_parser(stage)
    error = io.StringIO()
    try:
        with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
            args = parser.parse_args(words)
    except SystemExit as ended:
        line = error.getvalue().splitlines()[-1] if error.getvalue() else ""
        if ended.code:
            raise UserError(line) from None
        raise UserError(f"protsae {stage}: usage") from None
    for model in setting_texts.STAGES[stage]:
        settings_from_flags(model, args)


def _saes() -> None:
    try:
        text = Path(INPUT).read_text("utf-8", "surrogateescape")
    except ValueError:
        text = ""
    for name in parse_variants(text):
        assert name.isprintable()


def _foreign_sae() -> None:
    architecture, k, weights = read_foreign_sae(INPUT, 3)
    sae = restore_sae(architecture, k, weights)
    problem = trial_problem(sae)
    if problem:  # as adopt says it
        raise UserError(f"{INPUT}: {problem}")


def _esm() -> None:
    loaded = load_esm("esm2_x.pt", "cpu")
    assert all(bool(weight.isfinite().all()) for weight in loaded.model.parameters())


def _of_saes(folders: st.SearchStrategy[Files]) -> Parser:
    inputs = folders.map(lambda files: {f"{INPUT}/{name}": text for name, text in files.items()})
    return Parser(inputs, _foreign_sae)


_FASTA_BESIDE = {"proteins.fasta": protein_texts.FASTA_BESIDE}

PARSERS = {
    "fasta": Parser(_one_file(protein_texts.fasta()), _fetch),
    "uniprot-json": Parser(_one_file(protein_texts.uniprot_json()), _fetch),
    "swissprot": Parser(_one_file(protein_texts.swissprot()), _fetch),
    "annotations-tsv": Parser(
        _one_file(protein_texts.annotations_tsv()),
        lambda: _fetch("proteins.fasta", "--annotations", INPUT),
        beside=_FASTA_BESIDE,
    ),
    "labels": Parser(_one_file(label_texts.labels()), _labels),
    "base-rates": Parser(_one_file(label_texts.base_rates()), _base_rates),
    "pdb": Parser(_one_file(structure_texts.pdb(), f"{INPUT}/x.pdb"), _structures),
    "mmcif": Parser(_one_file(structure_texts.mmcif(), f"{INPUT}/x.cif"), _structures),
    "config": Parser(_one_file(setting_texts.config()), _config),
    "saes-flag": Parser(
        setting_texts.saes().flatmap(altered).map(lambda text: {INPUT: text}), _saes, ("--saes",)
    ),
    "flags": Parser(
        setting_texts.command_lines().map(lambda text: {INPUT: text}),
        _command_line,
        ("command line", "protsae "),
    ),
    "saelens": _of_saes(tensor_files.saelens()),
    "sparsify": _of_saes(tensor_files.sparsify()),
    "dictionary-learning": _of_saes(tensor_files.dictionary_learning()),
    "interplm": _of_saes(tensor_files.interplm()),
    "fair-esm": Parser(tensor_files.fair_esm(), _esm, ("esm2_x",)),
    **{
        f"own-{kind}": Parser(own_files.damaged_files(kind), read, ("x",))
        for kind, (_, read) in own_files.KINDS.items()
    },
}
