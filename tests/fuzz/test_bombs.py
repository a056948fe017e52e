"""A line of 1.5 GB, packed into 1.5 MB, is refused before it fills the memory."""

import gzip

import pytest

from tests.fuzz.parsers import INPUT, PARSERS
from tests.fuzz.test_any_input import outcome

_MEGABYTE = gzip.compress(b"M" * (1 << 20), mtime=0)
STARTS = {
    "fasta": b">a\n",
    "uniprot-json": b'[{"primaryAccession": "',
    "swissprot": b"ID   A_B   Reviewed;   9 AA.\nDE   ",
    "annotations-tsv": b"accession\ttype\tstart\tend\n",
    "labels": b'{"set": "',
    "base-rates": b"concept\tbase_rate\n",
    "pdb": b"ATOM  ",
    "mmcif": b"data_x\nloop_\n_atom_site.id\n",
}
PLACES = {"pdb": f"{INPUT}/x.pdb", "mmcif": f"{INPUT}/x.cif"}


@pytest.mark.parametrize("name", STARTS)
def test_a_bomb_of_one_line(name: str) -> None:
    bomb = gzip.compress(STARTS[name], mtime=0) + 1500 * _MEGABYTE
    assert outcome(PARSERS[name], {PLACES.get(name, INPUT): bomb}) == "refused"


@pytest.mark.parametrize("name", ["config", "saes-flag"])
def test_a_long_configuration(name: str) -> None:
    text = b"".join(b"v%d: {architecture: topk, k: 3}\n" % i for i in range(100_000))
    assert outcome(PARSERS[name], {INPUT: text}) == "refused"
