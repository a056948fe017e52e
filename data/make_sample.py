"""Make data/sample/proteins.json.gz: facts of proteins, laid out as by the UniProt REST API.

Run from the repository root: python data/make_sample.py FACTS.jsonl
"""

import argparse
import gzip
import json
import re
from pathlib import Path
from typing import Any

from protsae.io.atomic import atomic_path
from protsae.proteins.records import FEATURE_TYPES

TARGET = Path(__file__).parent / "sample" / "proteins.json.gz"

# A name in brackets at the end is a common name or a synonym, unless it tells strains apart.
_OTHER_NAME = re.compile(r" \((?!strain|isolate|serotype|serovar|subsp|biovar|type)([^()]+)\)$")


def main() -> None:
    """Convert the file named on the command line; same facts, same bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("facts", type=Path, help="one JSON object per protein and line")
    lines = parser.parse_args().facts.read_text().splitlines()
    entries = [to_entry(json.loads(line)) for line in lines]
    text = json.dumps({"results": entries}, separators=(",", ":"), ensure_ascii=False)
    with atomic_path(TARGET) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    print(f"{TARGET.name}: {len(entries)} entries")


def to_entry(fact: dict[str, Any]) -> dict[str, Any]:
    """REST entry of one protein; positions are 1-based inclusive in both."""
    return {
        "entryType": "UniProtKB reviewed (Swiss-Prot)",
        "primaryAccession": fact["accession"],
        "uniProtkbId": fact["entry_name"],
        "organism": {**_names(fact["organism"]), "taxonId": int(fact["taxon_id"])},
        "proteinDescription": {"recommendedName": {"fullName": {"value": fact["protein_name"]}}},
        "features": [_to_feature(feature) for feature in fact["features"]],
        "sequence": {
            "value": fact["sequence"],
            "length": len(fact["sequence"]),
            "crc64": fact["crc64"],
        },
    }


def _names(organism: str) -> dict[str, Any]:
    """Scientific name, common name and synonyms of 'Genus species (Common) (Synonym)'."""
    others: list[str] = []
    while other := _OTHER_NAME.search(organism):
        others.insert(0, other.group(1))
        organism = organism[: other.start()]
    names: dict[str, Any] = {"scientificName": organism}
    if others:
        names["commonName"] = others[0]
    if others[1:]:
        names["synonyms"] = others[1:]
    return names


def _to_feature(fact: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": FEATURE_TYPES[fact["type"]].rest_name,
        "location": {end: {"value": fact[end], "modifier": "EXACT"} for end in ("start", "end")},
        "description": fact["note"],
    }


if __name__ == "__main__":
    main()
