# make shards                       demo recordings -> data/demo
# make shards MANIFEST=m.toml OUT=dir   your recordings -> dir
# make train                        demo dataset -> a trained model and its curves in runs/demo
# make table                        synthetic benchmark -> the reduced table in runs/table; LAYOUT=ml48s or coco: pictures
# make study                       what smoothing, the asset regulariser and known negatives do -> runs/study-*; STUDY=full: all of it
# make wheel                       the Python package -> dist
# make test | test-reach | torture | fuzz | bench | lint | doc | clean

MANIFEST ?= data/demo-recordings/manifest.toml
OUT ?= data/demo
CARGO ?= cargo
L48 = target/release/l48
TRAIN = target/release/l48-train
RUN ?= runs/demo
CONFIG ?= manifests/train-demo.toml
PYTHON ?= python3
VENV = .venv
BENCH_VENV = .venv-bench
TORCH_VENV = .venv-torch
WHEEL_VENV = .venv-wheel
REACH_VENV = .venv-reach

.DEFAULT_GOAL := help
.PHONY: help shards demo-recordings l48 wheel reach-env test-reach test test-env libtorch train table study l48-train torture fuzz fuzz-check fuzz-keep \
	bench bench-env lint doc clean

help: ## Show the targets.
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

l48:
	$(CARGO) build --release --locked -p l48 --bin l48

data/demo-recordings/manifest.toml: demo-recordings
demo-recordings: l48
	@$(L48) demo data/demo-recordings

# An unfinished build is resumed, a committed dataset verified; set FLAGS=--overwrite to build it again.
# Exit code 1, built with some recordings rejected, is a success here: the program has printed their number.
FLAGS ?= --resume
shards: l48 $(if $(filter data/demo-recordings/%,$(MANIFEST)),demo-recordings) ## Build a dataset from MANIFEST into OUT (default: the demo).
	@$(L48) build $(MANIFEST) --out $(OUT) $(FLAGS) || [ $$? -eq 1 ]

# Both packages are selected, so that libraries get the features they have in `l48` and few are compiled again.
l48-train: libtorch
	$(CARGO) build --release --locked -p l48 -p trainer --bin l48-train

# An unfinished run is resumed; a finished one prints its result again.
train: shards l48-train ## Train on the dataset OUT with CONFIG into RUN (default: the tiny model on the demo).
	@$(TRAIN) fit $(OUT) --out $(RUN) --config $(CONFIG) --resume

# The synthetic benchmark, with look-alikes that are clearly distinct and with ones that are hard to tell apart, as
# LAYOUT: audio, or pictures as published (ml48s, coco). An unfinished table is resumed.
LAYOUT ?= audio
OF_LAYOUT = $(patsubst %,-%,$(filter-out audio,$(LAYOUT)))
TABLE ?= manifests/table-demo$(filter -coco,$(OF_LAYOUT)).toml
RESULTS ?= runs/table$(OF_LAYOUT)
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
# Photographs have no place, so priors are simulated: about the shares of absent species that place and checklist rule
# out in the other layouts.
PRIOR_RATES ?= geo=0.55,checklist=0.75
TAKE_IN.audio = build $@-recordings/manifest.toml
TAKE_IN.ml48s = import ml48s $@-recordings --val-split $@-recordings/val_split.npy
TAKE_IN.coco = import coco2014 $@-recordings --prior-rates $(PRIOR_RATES)
BENCHMARKS = data/benchmark$(OF_LAYOUT)-0 data/benchmark$(OF_LAYOUT)-90
.PHONY: $(BENCHMARKS)
$(filter %-0,$(BENCHMARKS)): CONFUSABILITY = 0
$(filter %-90,$(BENCHMARKS)): CONFUSABILITY = 0.9
$(BENCHMARKS): l48
	@$(L48) demo $@-recordings --size benchmark --confusability $(CONFUSABILITY) --layout $(LAYOUT)
	@$(L48) $(TAKE_IN.$(LAYOUT)) --out $@ --resume
# The plan for recordings, with the datasets of the layout instead.
PLAN = $(if $(OF_LAYOUT),data/table$(OF_LAYOUT).toml,$(TABLE))
table: $(BENCHMARKS) l48-train ## Synthesise the benchmark as LAYOUT and run TABLE on it into RESULTS (default: a reduced matrix).
	@$(if $(OF_LAYOUT),sed 's|data/benchmark-\([0-9]\)|data/benchmark$(OF_LAYOUT)-\1|' $(TABLE) > $(PLAN))
	@$(TRAIN) benchmark $(PLAN) --out $(RESULTS) --jobs $(JOBS)

# The study: what is asked, of which cells, and how it is read, is in manifests/study-*.toml. Its sets are nearer to recordings from
# the field than those of the table (docs/benchmark.md), and the network was trained on other species first. The tiny network
# pools images to 112 x 56, so they are made small. An unfinished study is resumed. STUDY=registered is what was written down
# before the first run, STUDY=full the rest.
STUDY ?= registered
FIELD = --clips 12-14 --target-free 0.2 --same-confusion 0.5 --false-absences 0.05
STUDY_SET.first = --confusability 0.5 --species-seed 1 --seed 1
STUDY_SET.0 = --confusability 0 $(FIELD)
STUDY_SET.50 = --confusability 0.5 $(FIELD)
STUDY_SET.90 = --confusability 0.9 $(FIELD)
STUDY_SET.short-50 = --confusability 0.5 $(subst 12-14,4-6,$(FIELD))
STUDY_SET.long-50 = --confusability 0.5 $(subst 12-14,10-100,$(FIELD))
STUDY_SET.other-50 = --confusability 0.5 $(subst confusion 0.5,confusion 0,$(FIELD))
STUDY_SET.same-50 = --confusability 0.5 $(subst confusion 0.5,confusion 1,$(FIELD))
STUDY_SETS.registered = data/study-first data/study-50 data/study-90
STUDY_SETS.full = $(STUDY_SETS.registered) $(addprefix data/study-,0 short-50 long-50 other-50 same-50)
STUDY_PLANS.registered = study-tuning study-recipes study-ab study-c study-d
STUDY_PLANS.full = study-full-ab study-full-c
STUDY_IMAGES = n_mels = 224\nhop_length = 294\nframes = 224
.PHONY: $(STUDY_SETS.full)
$(STUDY_SETS.full): data/study-%: l48
	@$(L48) demo $@-recordings --size benchmark $(STUDY_SET.$*)
	@sed 's/^# Nothing set.*/$(STUDY_IMAGES)/' $@-recordings/manifest.toml > $@-recordings/small.toml
	@$(L48) build $@-recordings/small.toml --out $@ --resume
data/study-weights.safetensors: data/study-first l48-train
	@$(TRAIN) fit data/study-first --out runs/study-first --config manifests/train-study.toml --resume
	@cp runs/study-first/checkpoints/$$(cat runs/study-first/checkpoints/best)/model.safetensors $@
study: $(STUDY_SETS.$(STUDY)) data/study-weights.safetensors l48-train ## Run the study as registered, or with STUDY=full the rest of it.
	@for plan in $(STUDY_PLANS.$(STUDY)); do \
		$(TRAIN) benchmark manifests/$$plan.toml --out runs/$$plan --jobs $(JOBS) || [ $$? -eq 1 ] || exit 2; \
	done

# Other languages read datasets in the tests: Python packages go to .venv, Node packages to tests/node.
test-env: $(VENV)/ready tests/node/node_modules/ready
$(VENV)/ready: tests/python/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/python/requirements.txt
	@touch $@
tests/node/node_modules/ready: tests/node/package-lock.json
	cd tests/node && npm ci --silent --no-audit --no-fund
	@touch $@

test: test-env libtorch ## Run every test.
	$(CARGO) test --workspace --locked

# zig compiles the C parts, for any Linux of the last ten years; auditwheel says what the wheel needs.
wheel: $(WHEEL_VENV)/ready ## Make the Python package, with the program in it, in dist.
	rm -rf dist
	PATH="$(CURDIR)/$(WHEEL_VENV)/bin:$$PATH" maturin build --manifest-path python/Cargo.toml --release --locked --zig \
		--compatibility manylinux2014 --out dist
	$(WHEEL_VENV)/bin/auditwheel show dist/l48-*.whl
$(WHEEL_VENV)/ready: python/requirements-build.txt
	$(PYTHON) -m venv $(WHEEL_VENV)
	$(WHEEL_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r python/requirements-build.txt
	@touch $@

# torch is several GB: once the wheel is installed with what it needs, the environment also sees the one that libtorch is
# from. Packages that use torch come without it.
reach-env: wheel libtorch
	rm -rf $(REACH_VENV)
	$(PYTHON) -m venv $(REACH_VENV)
	$(REACH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check dist/l48-*.whl -r python/tests/requirements.txt
	$(TORCH_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
		>"$$($(REACH_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/libtorch.pth"
	$(REACH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r python/tests/requirements-torch.txt
test-reach: reach-env python/tests/azurite/node_modules/ready ## Install the wheel into a fresh environment and test it there.
	$(CARGO) build --release --locked -p l48 -p trainer --bin l48-train --features trainer/cloud
	$(REACH_VENV)/bin/pytest -c python/pyproject.toml python/tests
	$(REACH_VENV)/bin/mypy --config-file python/pyproject.toml
	$(REACH_VENV)/bin/stubtest l48 --mypy-config-file python/pyproject.toml

# What speaks Azure in the tests.
python/tests/azurite/node_modules/ready: python/tests/azurite/package-lock.json
	cd python/tests/azurite && npm ci --silent --no-audit --no-fund
	@touch $@

# libtorch comes with the PyTorch wheel (several GB, once); .cargo/config.toml says where the build finds it.
libtorch: .libtorch
.libtorch: trainer/requirements.txt
	$(PYTHON) -m venv $(TORCH_VENV)
	$(TORCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps --no-compile -r trainer/requirements.txt
	@ln -sfn "$$($(TORCH_VENV)/bin/python -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parent)')" $@
	@touch -h $@

# Other pipelines and formats, to compare with: PyTorch alone is several GB.
bench-env: $(BENCH_VENV)/ready
$(BENCH_VENV)/ready: tests/bench/requirements.txt tests/bench/requirements-no-deps.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/bench/requirements.txt
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r tests/bench/requirements-no-deps.txt
	@touch $@

# Set L48_DATA to a folder with audio/ to measure with your own recordings; see docs/benchmarks.md.
bench: bench-env wheel ## Measure every stage, and compare with other tools.
	$(CARGO) bench --locked -p frontend -p pipeline -p shardfmt --benches
	$(CARGO) build --release --locked -p l48 -p shardfmt --bin l48 --example read_random
	$(BENCH_VENV)/bin/python tests/bench/ingest.py
	$(BENCH_VENV)/bin/python tests/bench/import.py
	$(BENCH_VENV)/bin/python tests/bench/read.py
	$(BENCH_VENV)/bin/python tests/bench/scaling.py
	$(BENCH_VENV)/bin/python tests/bench/memory.py
	$(BENCH_VENV)/bin/python tests/bench/plan.py
	$(CARGO) build --release --locked -p loader --example large_supervision
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps dist/l48-*.whl
	$(BENCH_VENV)/bin/python tests/bench/stream.py
	$(MAKE) l48-train
	$(BENCH_VENV)/bin/python tests/bench/train.py
	$(BENCH_VENV)/bin/python tests/bench/backbones.py

# Random kills, besides those at every write boundary.
TORTURE ?= 500
# Random kills on a Ray cluster and of consumers in Python; each takes a second or more.
TORTURE_PYTHON ?= 200
TORTURE_RAY ?= 100
torture: reach-env ## Kill programs at every write boundary and at TORTURE random moments, in Python and on a Ray cluster too.
	L48_TORTURE=$(TORTURE) $(CARGO) test --workspace --locked --test e2e torture
	L48_TORTURE=$(TORTURE) $(CARGO) test --workspace --locked --test run resume
	L48_TORTURE=$(TORTURE_PYTHON) $(REACH_VENV)/bin/pytest -c python/pyproject.toml python/tests/test_torch_kills.py
	L48_TORTURE=$(TORTURE_RAY) $(REACH_VENV)/bin/pytest -c python/pyproject.toml python/tests/test_ray.py

# Needs `cargo install cargo-fuzz`, a nightly toolchain and a C++ compiler. Inputs worth keeping go to target/fuzz;
# `fuzz-keep` rebuilds the committed corpora from those and from themselves.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS = shardfmt/shard_open_read shardfmt/sidecar_tables shardfmt/dataset_json \
	pipeline/manifest_tables pipeline/raven_audacity pipeline/decode_clip pipeline/wav_reader
FUZZ_LIMITS = -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=512 -max_len=65536
FUZZ_RUN = scratch=$$(mktemp -d -p $(or $(wildcard /dev/shm),/tmp)); trap 'rm -rf "$$scratch"' EXIT; \
	TMPDIR=$$scratch $(CARGO) +nightly fuzz run --fuzz-dir $(*D)/fuzz --features libfuzzer $(*F)
.PHONY: $(FUZZ_TARGETS:%=fuzz/%) $(FUZZ_TARGETS:%=fuzz-keep/%)
fuzz: $(FUZZ_TARGETS:%=fuzz/%) ## Run every fuzz target for FUZZ_SECONDS.
$(FUZZ_TARGETS:%=fuzz/%): fuzz/%:
	@mkdir -p target/fuzz/$(*F)
	$(FUZZ_RUN) target/fuzz/$(*F) $(*D)/fuzz/corpus/$(*F) -- $(FUZZ_LIMITS) -max_total_time=$(FUZZ_SECONDS)
fuzz-keep: $(FUZZ_TARGETS:%=fuzz-keep/%)
$(FUZZ_TARGETS:%=fuzz-keep/%): fuzz-keep/%:
	rm -rf target/fuzz/$(*F).kept && mkdir -p target/fuzz/$(*F) target/fuzz/$(*F).kept
	$(FUZZ_RUN) target/fuzz/$(*F).kept $(*D)/fuzz/corpus/$(*F) target/fuzz/$(*F) -- $(FUZZ_LIMITS) -merge=1
	rm -rf $(*D)/fuzz/corpus/$(*F) && mv target/fuzz/$(*F).kept $(*D)/fuzz/corpus/$(*F)

fuzz-check: ## Check that the fuzz targets compile; part of lint.
	$(CARGO) clippy --locked -p shardfmt-fuzz -p pipeline-fuzz --all-targets -- -D warnings

lint: libtorch ## Check formatting and lints, warnings denied.
	$(CARGO) fmt --all -- --check
	rustfmt --edition 2024 --check trainer/src/loss/*.rs # declared by a macro, where cargo fmt does not look
	$(CARGO) clippy --workspace --all-targets --features l48-python/cloud --locked -- -D warnings

doc: libtorch ## Build the API documentation.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

clean: ## Remove build products, environments and the demo.
	rm -rf target runs/demo runs/table runs/table-ml48s runs/table-coco runs/study-* data/study-* .libtorch $(TORCH_VENV) $(VENV) $(BENCH_VENV) $(WHEEL_VENV) $(REACH_VENV) dist tests/node/node_modules python/tests/azurite/node_modules \
		data/demo data/demo-recordings data/table-*.toml $(foreach set,benchmark benchmark-ml48s benchmark-coco,data/$(set)-0* data/$(set)-90*)
