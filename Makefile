# make run: everything, offline.  make test: lint, types, tests.  make help: all targets.
VENV ?= .venv
PYTHON ?= python3
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
STAMP := $(VENV)/.installed
SHELL := bash
.SHELLFLAGS := -o pipefail -c
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Hundreds of processes start here: they compile protsae once, not each of them.
unexport PYTHONDONTWRITEBYTECODE

INTEROP ?= .venv-interop

.PHONY: help setup demo run test test-fast test-interop test-chaos test-chaos-full mutants check format schema \
	bench bench-full numbers docs clean

help:
	@echo "make setup   virtual environment in $(VENV) with pinned versions"
	@echo "make demo    the workflow cut down to about a minute, with fewer baselines"
	@echo "make run     the default run: proteins to feature table and report, offline"
	@echo "make test    make check, then the tests"
	@echo "make test-fast       tests of the library: no files, no whole runs, no subprocesses"
	@echo "make test-interop    files in SAELens, AnnData and others, in an environment of its own"
	@echo "make test-chaos      kills, faults, damaged files and made-up inputs"
	@echo "make test-chaos-full the same, more of each; its output goes into docs/chaos.txt"
	@echo "make mutants 200 random one-token changes of the code: do tests notice? (an hour)"
	@echo "make check   ruff, mypy, snakefmt, snakemake --lint"
	@echo "make bench   benchmarks at small sizes (minutes)"
	@echo "make bench-full      benchmarks at the sizes of docs/benchmarks.md (hours)"
	@echo "make numbers the figures that the documents quote: three runs (half an hour)"
	@echo "make docs    the documentation site, in site/"
	@echo "make schema  config schema and column lists of docs/tables.md, from the code"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "protsae needs Python 3.11 or newer; set PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --upgrade pip
	$(VENV)/bin/pip install --quiet --constraint constraints.txt --editable '.[test,slurm]'
	touch $@

demo: setup
	protsae demo --cores $(CORES)

run: setup
	protsae run --cores $(CORES) || { \
		echo "If an earlier run was killed: protsae run --unlock, then make run again." >&2; exit 1; }
	protsae verify results

# One worker more than there are cores: some of the tests wait for other processes.
test: check
	pytest -n $$(($(CORES) + 1)) --dist worksteal

FAST_TESTS := $(addprefix tests/,statistics config concepts proteins features sae references \
	missing_annotations stages association test_architecture.py)
NOT_FAST := $(addprefix --ignore=tests/,concepts/test_concept_table.py features/test_feature_rows.py \
	references/test_probe_scores.py sae/training sae/evaluation/test_power_law.py sae/sparse_coding \
	stages/atlas/test_open_atlas.py stages/explaining/test_explainer.py \
	stages/run_object/test_open_run.py)

test-fast: setup
	pytest -n $(CORES) --dist worksteal -m "not slow" $(FAST_TESTS) $(NOT_FAST)

# Tests that are skipped where SAELens, AnnData, scanpy, gemmi or gffutils is missing; here that is an
# error. Versions are not pinned: the newest are the ones to agree with.
test-interop: $(INTEROP)/.installed
	$(INTEROP)/bin/python -W ignore -c 'import anndata, gemmi, gffutils, sae_lens, scanpy'
	$(INTEROP)/bin/python -m pytest tests/io/saes/test_sae_files.py \
		tests/io/foreign_saes/test_saelens.py tests/commands/saes/test_encode.py \
		tests/io/other_programs tests/commands/exports

$(INTEROP)/.installed: pyproject.toml
	$(PYTHON) -m venv $(INTEROP)
	$(INTEROP)/bin/pip install --quiet --upgrade pip
	$(INTEROP)/bin/pip install --quiet --editable '.[interop,test]'
	touch $@

CHAOS := pytest -n $(CORES) --dist worksteal tests/chaos tests/fuzz

test-chaos: setup
	PROTSAE_CHAOS=usual FUZZ_INPUTS=1000 $(CHAOS)

test-chaos-full: setup
	git rev-parse HEAD > docs/chaos.txt
	PROTSAE_CHAOS=full FUZZ_INPUTS=10000 $(CHAOS) 2>&1 | tee -a docs/chaos.txt

mutants: setup
	python -m studies.mutants.measure

check: setup
	ruff check .
	ruff format --check .
	mypy --num-workers 2
	snakefmt --check Snakefile workflow
	snakemake --lint

format: setup
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

schema: setup
	python -m protsae.config.settings > workflow/schemas/config.schema.yaml
	python -m protsae.schema.markdown docs/tables.md

bench: setup
	python -m benchmarks.embedding --n 12 --rounds 1 --threads 1
	python -m benchmarks.cache --residues 60000 --repetitions 2
	python -m benchmarks.sae_training --rounds 1 --threads 1 --architectures relu topk
	python -m benchmarks.sparse_coding --batch 256 --repetitions 1
	python -m benchmarks.planted --trainers protsae --architectures topk --steps 500
	python -m benchmarks.annotation --repetitions 1 --n-pairs 1000
	python -m benchmarks.planted_annotation --worlds 10 --scored 1
	python -m benchmarks.interplm_rule --seeds 2 --empty 10
	python -m benchmarks.uniprot_pages --pages 500

bench-full: setup
	python -m benchmarks.embedding
	python -m benchmarks.cache
	python -m benchmarks.sae_training
	python -m benchmarks.sparse_coding
	python -m benchmarks.planted --trainers protsae
	python -m benchmarks.annotation
	python -m benchmarks.planted_annotation --worlds 100 --scored 5
	python -m benchmarks.interplm_rule
	python -m benchmarks.stages
	python -m benchmarks.uniprot_pages

numbers: setup
	python -m studies.quoted_numbers.measure --cores $(CORES)
	python -m studies.quoted_numbers.measure --write

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

$(VENV)/.docs: $(STAMP)
	$(VENV)/bin/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

clean:
	rm -rf results site .snakemake
