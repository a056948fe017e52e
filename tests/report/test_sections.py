"""Sections on kinds, probes and candidates: what they choose, what they say, and when empty."""

import re
from pathlib import Path

import pandas as pd
import pytest

from protsae.errors import UserError
from protsae.features.pattern_kinds import KINDS
from protsae.io.table_files.parquet import read_metadata
from protsae.report.page import render_page
from protsae.report.page_data import SHOWN_ON_MAPS, read_page_data
from protsae.report.sections.candidate_list import (
    OF_A_TYPE,
    best_candidates,
    candidate_section,
    found_again,
    pooled_reliability,
)
from protsae.report.sections.kind_counts import kind_counts, kind_section
from protsae.report.sections.layer_maps import GROUPS, layer_maps
from protsae.report.sections.layer_probes import CONCEPTS, probe_section, probed_concepts
from protsae.schema.missing_annotation_tables import CANDIDATES, RECOVERY, RELIABILITY
from tests.helpers.run_folder import (
    LAYERS,
    MODEL,
    PROTEINS,
    candidate_rows,
    probe_rows,
    recovery_rows,
    reliability_rows,
    table_of,
    write_map,
    write_run,
)
from tests.helpers.stored_tables import load, store


def _words(html: str) -> str:
    """Text without tags, white space as one blank."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def _section(page: str, name: str) -> str:
    return _words(page.split(f'<section id="{name}"')[1].split("</section>")[0])


def _of_layers(rows) -> pd.DataFrame:
    return pd.concat([rows(*layer) for layer in LAYERS], ignore_index=True)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return render_page(read_page_data(write_run(tmp_path_factory.mktemp("run")), 12))


def _candidates(*rows: tuple) -> pd.DataFrame:
    names = ("model", "layer", "variant", "accession", "start", "end", "concept", "probability")
    return table_of(CANDIDATES, **dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def test_candidates_of_baselines_and_controls_are_left_out() -> None:
    place = ("topk", "P1", 3, 9, "SIGNAL", 0.9)
    rows = [(model, 1, *place) for model in ("onehot", "esm-permuted", "esm")]
    assert best_candidates(_candidates(*rows))["model"].tolist() == ["esm"]


@pytest.mark.parametrize(
    ("accession", "start", "concept", "n_places"),
    [
        pytest.param("P1", 14, "TRANSMEM: Helical", 1, id="five-residues-on"),
        pytest.param("P1", 15, "TRANSMEM", 2, id="six-residues-on"),
        pytest.param("P1", 3, "SIGNAL", 2, id="another-type"),
        pytest.param("P2", 3, "TRANSMEM", 2, id="another-protein"),
    ],
)
def test_one_place_is_one_candidate(accession, start, concept, n_places) -> None:
    first = ("esm", 1, "topk", "P1", 3, 9, "TRANSMEM", 0.9)
    other = ("esm", 2, "topk", accession, start, start + 2, concept, 0.8)
    best = best_candidates(_candidates(other, first))
    assert best["probability"].tolist() == [0.9, 0.8][:n_places]
    assert best["n_saes"].tolist() == [[2], [1, 1]][n_places - 1]


def test_no_type_fills_the_list() -> None:
    many = [("esm", 1, "topk", f"P{i}", 3, 9, "SIGNAL", 0.9) for i in range(OF_A_TYPE + 2)]
    best = best_candidates(_candidates(*many, ("esm", 1, "topk", "P0", 3, 9, "HELIX", 0.6)))
    assert best["concept"].tolist() == ["SIGNAL"] * OF_A_TYPE + ["HELIX"]
    assert len(best_candidates(_candidates(*many), 3)) == 3


def test_what_was_found_again_is_summed() -> None:
    assert found_again(recovery_rows(MODEL, 1)) == (4, 10)
    pooled = pooled_reliability(reliability_rows(MODEL, 1))
    assert pooled[["n_candidates", "n_hidden", "observed_share"]].values.tolist() == [[20, 4, 0.2]]


def test_the_page_says_what_the_candidates_are_worth(page: str) -> None:
    said = _section(page, "candidates")
    # 2 layers of the model, 2 variants: 4 SAEs with 5 hidden each, of which 3 or 1 are found.
    assert "4 SAEs searched for 1 concept." in said
    assert "Of 20 hidden instances, 8 (40 %) were among as many top candidates" in said
    assert "permuted model" not in said  # the tiny run has none
    assert "0.5–0.6 40 8 (0.20) 0.25" in said  # noqa: RUF001
    assert "The 1 most probable of 4 candidates" in said
    # Of both layers and variants, one place: layer 2's ReLU feature 0 is the surest.
    assert "P00002 TWO_ECOLI SIGNAL 2–4 0.70 layer 2, relu 0 4 of 4 3 of 5" in said  # noqa: RUF001


def test_a_candidate_links_to_the_card_of_its_feature(page: str) -> None:
    [target] = re.findall(r'<a href="#(layer-\d+-feature-\d+)">layer 2, relu 0</a>', page)
    card = page.split(f'<details class="card" id="{target}"')[1].split("</details>")[0]
    assert "relu, feature 0: point" in card


def test_no_candidates() -> None:
    nothing = candidate_section(
        _of_layers(candidate_rows).head(0),
        _of_layers(recovery_rows),
        _of_layers(reliability_rows),
        {},
        PROTEINS.set_index("accession"),
    )
    assert nothing["rows"] == []
    assert nothing["found"] == (8, 20)


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize(
    ("emptied", "sentence"),
    [
        (["candidates"], "There are no candidates: no segment without annotation reaches a"),
        (["candidates", "recovery", "reliability"], "Nothing was searched for: no feature detects"),
    ],
)
def test_what_is_said_when_there_are_none(tmp_path, emptied, sentence) -> None:
    write_run(tmp_path)
    tables = {table.name: table for table in (CANDIDATES, RECOVERY, RELIABILITY)}
    for name in emptied:
        for path in tmp_path.glob(f"annotation/*/*/{name}.parquet"):
            store(path, pd.DataFrame(columns=tables[name].names), {})
    assert sentence in _section(render_page(read_page_data(tmp_path, 3)), "candidates")


def test_probed_concepts_are_those_in_most_clusters() -> None:
    rows = pd.DataFrame(
        {
            "concept": [f"BINDING: {i:02d}" for i in range(CONCEPTS)] + ["residue: C", "HELIX"],
            "concept_type": ["BINDING"] * CONCEPTS + ["residue", "HELIX"],
            "n_clusters": [*range(CONCEPTS), 31, 29],
            "auroc": 0.7,
        }
    )
    shown = probed_concepts(rows)
    assert shown[:2] == ["HELIX", "BINDING: 11"]
    assert len(shown) == CONCEPTS
    assert "residue: C" not in shown


def test_the_page_says_what_probes_reach(page: str) -> None:
    said = _section(page, "probes")
    assert "concept clusters one-hot layer 1 layer 2" in said
    assert "SIGNAL 7 0.50 0.55 0.70 0.55 0.90 0.55" in said
    assert said.index("SIGNAL 7") < said.index("residue: C 13")


@pytest.mark.usefixtures("without_figures")
def test_no_probes_with_an_auroc(tmp_path) -> None:
    write_run(tmp_path)
    for path in tmp_path.glob("probes/*/*/probes.parquet"):
        store(path, load(path).assign(auroc=float("nan")))
    said = _section(render_page(read_page_data(tmp_path, 3)), "probes")
    assert "No concept of this run has a probe with an AUROC." in said


def test_probe_cells_follow_the_layers_of_the_page() -> None:
    probes = pd.concat([probe_rows(MODEL, 2), probe_rows("onehot", 0)])
    signal = probe_section(probes, LAYERS)["rows"][0]
    assert [cell and round(cell["auroc"], 9) for cell in signal["cells"]] == [0.5, None, 0.9]
    assert [cell and cell["level"] for cell in signal["cells"]] == [0, None, 7]


def test_kinds_are_counted_by_sae() -> None:
    rows = [("esm", 2, "topk", "domain"), ("esm", 2, "topk", "dead"), ("esm", 1, "relu", "dead")]
    features = pd.DataFrame(rows, columns=["model", "layer", "variant", "kind"])
    counts = kind_counts(features)
    assert counts.index.tolist() == [("esm", 2, "topk"), ("esm", 1, "relu")]
    assert counts[["dead", "domain"]].values.tolist() == [[1, 1], [1, 0]]
    assert counts.columns.tolist() == list(KINDS)
    section = kind_section(features)
    assert section["kinds"] == ["dead", "domain"]
    assert [row["counts"] for row in section["rows"]] == [[1, 1], [1, 0]]


def test_every_kind_has_a_colour_of_its_own() -> None:
    rows = pd.DataFrame({"model": "esm", "layer": 1, "variant": "topk", "kind": list(KINDS)})
    figure = kind_section(rows)["figure"]
    assert len(set(re.findall(r"fill: (var\(--[\w-]+\))", figure))) == len(KINDS)
    assert all(kind in figure for kind in KINDS)


def test_the_page_says_the_kinds(page: str) -> None:
    assert "layer variant point one-hot relu 4 one-hot topk 4" in _section(page, "kinds")


def test_cards_have_a_logo_or_say_why_not(page: str) -> None:
    cards = re.findall(r'<details class="card".*?</details>', page, re.DOTALL)
    logos = [card for card in cards if '<svg class="logo"' in card]
    assert logos
    for card in cards:
        words = _words(card)
        has = "Logo of the strongest residues in 12 homology clusters of train and valid" in words
        none = "No logo: fewer than 10 homology clusters have activations" in words
        assert (has, none) == ((True, False) if card in logos else (False, True))
        assert ("SIGNAL" in words.split(" ", 3)[:3]) == has  # feature 0, the one with a logo
    used = set(re.findall(r'href="#(aa-.)"', page))
    assert "aa-C" in used
    assert all(f'<path id="{outline}"' in page for outline in used)


@pytest.mark.usefixtures("without_figures")
def test_a_map_stands_in_its_layer_and_says_what_features_are(tmp_path: Path) -> None:
    """Of four features one detects SIGNAL at q 0.001, one C at 0.01, one a site at 0.3."""
    write_map(write_run(tmp_path))
    page = render_page(read_page_data(tmp_path, 12))
    assert page.count(">Map of the features<") == 1
    section = page.split('<section id="layer-1"')[1].split("</section>")[0]
    assert re.findall(r"<title>([^<]+)</title>", section) == [
        "Feature 3: no description",
        "Feature 1: no description; detects residue: C, F1 0.90",
        "Feature 0: Signal peptide (confidence: moderate); detects SIGNAL, F1 0.80",
    ]
    assert (
        "Features that detect nothing, at q ≤ 0.05 1 an amino acid: C G P 1 an annotation 1"
    ) in _words(section)
    assert (
        'aria-label="Map of the features of topk, layer 1, by what they detect. nothing, at q ≤ '
        '0.05: 1; an amino acid: C G P: 1; an annotation: 1" width="720" height="370"'
    ) in section
    assert page.count('id="map-dot"') == 1


def test_no_map_no_shapes(page: str) -> None:
    assert "map-dot" not in page
    assert "Map of the features" not in page


def test_a_map_of_other_saes_is_refused(tmp_path: Path) -> None:
    path = write_map(write_run(tmp_path))
    stamp = read_metadata(path)
    store(path, load(path), {**stamp, "saes": {f"{MODEL}/layer-01/topk": "1"}})
    with pytest.raises(UserError) as caught:
        read_page_data(tmp_path, 12)
    assert str(caught.value) == (
        f"{path}: of an earlier run; run the neighbours stage again, or delete {path.parent}"
    )


def test_a_map_without_places_is_none() -> None:
    """As with ``map: false``."""
    rows = pd.DataFrame({"variant": ["topk"], "feature": [0], "x": [None], "y": [None]})
    assert layer_maps(rows.reindex(columns=[*rows, *SHOWN_ON_MAPS]), "layer 1") == []


def test_looks_on_maps_differ_in_colour_or_shape() -> None:
    assert len({group.look for group in GROUPS}) == len(GROUPS)
