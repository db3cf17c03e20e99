# `make` prints this list.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
SEEDS    ?= 200
BUCKETS  ?= 200
KILLS    ?= 200
FIRST    ?= 1
BOOK     ?=
LEAST    ?= 5
ROWS     ?= 10000000
FUZZTIME ?= 60s
SEEDFILES ?= 12
space    := $(subst ,, )
# Without the race detector: rooms in which no goroutine is started, by a rule of internal/lint, and the tables of state,
# which belong to one, all of whose tests take many times as long under it; the simulator, each world of which is one goroutine;
# commands and benchmarks, which are timed as whole processes or about results.
PLAIN := expr formats operators windows persistence/state internal/lint internal/sim cmd benchmarks
# Where the output of suites goes that is too long to be read whole.
OUT      := $(shell mktemp -u -t deltaic-make.XXXXXX)

.PHONY: help build test lint fmt conformance crash flows mutants fuzz seeds faults broken interop bench bench-state demo

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

build: ## bin/deltaic, without cgo
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/deltaic ./cmd/deltaic

test: ## all tests with the costly checks, and the race detector where goroutines meet; fuzz corpora as seeds
	$(GO) test -tags invariants -timeout 10m $(PLAIN:%=./%/...)
	CGO_ENABLED=1 $(GO) test -race -tags invariants -timeout 14m $$($(GO) list ./... | grep -vE '^[^/]+/[^/]+/[^/]+/($(subst $(space),|,$(PLAIN)))(/|$$)')

lint: ## formatting, go vet with and without build tags, the rules of the house
	@unformatted=$$(git ls-files -z '*.go' | xargs -0 gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags invariants,mutants ./...
	$(GO) test -count=1 ./internal/lint

fmt: ## format every Go file
	gofmt -w $$(git ls-files '*.go')

conformance: ## Delta conformance tables; DELTAIC_DELTA_CORPUS names the folder; delta/testdata/conformance-floor.txt is the least number that must pass
	@if [ -z "$${DELTAIC_DELTA_CORPUS:-}" ]; then echo "DELTAIC_DELTA_CORPUS is not set: only the small tables under delta/testdata are read"; fi
	@status=0; $(GO) test ./delta/... ./internal/oracle/... -run 'Conformance|OwnTables' -count=1 -v > $(OUT) 2>&1 || status=$$?; \
	grep -E '^(ok|FAIL|panic:)|--- FAIL' $(OUT) || true; grep -oE 'conformance table: (failed|lacks).*|conformance: [0-9]+ passed.*' $(OUT) || true; \
	if [ $$status -ne 0 ]; then grep -B 20 -- '--- FAIL' $(OUT) | head -n 200; fi; rm -f $(OUT); exit $$status

TEARS ?= all
crash: ## enumerated crash points LEAST=5 times each, SEEDS=200 simulation seeds, BUCKETS=200 with all objects in a bucket, KILLS=200 real kills
	$(if $(filter all,$(TEARS)),DELTAIC_TEST_TEARS=all $(GO) test ./delta -run CrashAtEvery -count=1 -timeout 20m)
	$(GO) run ./internal/crash/cmd/crash -least $(LEAST) -seeds $(SEEDS) -buckets $(BUCKETS) -kills $(KILLS)

flows: ## SEEDS=200 random flows from FIRST=1 on through crashes, compared with DuckDB (benchmarks/duckdb is built for it; needs a C compiler); BOOK=file adds runs up
	@CGO_ENABLED=1 $(GO) build -C benchmarks/duckdb -o "$$PWD/bin/duckdb-anchor" .
	DELTAIC_DUCKDB=$$PWD/bin/duckdb-anchor $(GO) run ./internal/flows/cmd/flows -seeds $(SEEDS) -first $(FIRST) -book "$(BOOK)"

mutants: ## every planted bug passes the unit tests and is caught by the simulator or, if DELTAIC_DUCKDB names a program, by random flows
	$(GO) run ./internal/crash/cmd/mutants

faults: ## the fault matrix of one node, each cell to its whole extent (some need root; overload for DELTAIC_TEST_OVERLOAD=10 minutes): docs/FAULTS.md
	$(GO) run ./internal/faults/cmd/faults

broken: ## ROWS=10000000 rows of which 1 % are broken in twenty ways: quarantine, its price, and the way back through kills
	DELTAIC_TEST_ROWS=$(ROWS) $(GO) test . -run TestRowsThatFail -count=1 -v -timeout 60m

# An input that reaches new code is made smaller by a few tries only: go test takes up to a minute for each otherwise, in which it tries nothing else.
fuzz: ## every fuzz target in turn, FUZZTIME=60s each
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			$(GO) test $$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x; \
		done; \
	done

# Inputs that reach code which no seed does are kept in testdata/fuzz, from the smallest to those of 8 KiB: go test runs them from then on.
seeds: ## after make fuzz: SEEDFILES=12 of what it found for each target become seeds
	@module=$$($(GO) list -m); cache=$$($(GO) env GOCACHE)/fuzz/$$module; cd "$$cache"; \
	find . -mindepth 2 -type d -name 'Fuzz*' | sort | while read -r found; do \
		kept=$(CURDIR)/$$(dirname "$$found")/testdata/fuzz/$$(basename "$$found"); \
		grep -qs "^func $$(basename "$$found")(" $(CURDIR)/$$(dirname "$$found")/*_test.go || continue; \
		mkdir -p "$$kept"; [ "$$(ls "$$kept" | wc -l)" -lt $(SEEDFILES) ] || continue; \
		find "$$found" -type f -size -17 -printf '%s %p\n' | sort -n | \
			awk -v n=$(SEEDFILES) '{f[NR] = $$2} END {k = NR < n ? NR : n; for (i = 0; i < k; i++) print f[1 + int(i * NR / k)]}' | xargs -r cp -n -t "$$kept"; \
	done

interop: ## suites with a real broker, Spark, delta-rs and DuckDB; DELTAIC_INTEROP names the folder of their scripts
	@if [ -z "$${DELTAIC_INTEROP:-}" ]; then echo "set DELTAIC_INTEROP to the folder with the scripts kafka/up and oracle/setup"; exit 1; fi
	$(GO) test ./benchmarks/interop -count=1 -timeout 60m -v

bench: build ## B1, B5, B6, B8 to B11, B14, B17, B18, B19 and twenty expressions with their anchors, for 2 cores; results under benchmarks/results
	@mkdir -p benchmarks/results; out=benchmarks/results/$$(date -u +%Y-%m-%d)-$$(git rev-parse --short HEAD).jsonl; \
	if CGO_ENABLED=1 $(GO) build -C benchmarks/duckdb -o "$$PWD/bin/duckdb-anchor" .; then export DELTAIC_DUCKDB=$$PWD/bin/duckdb-anchor; \
	else echo "the DuckDB anchor could not be built (it needs a C compiler): the suites run without it"; fi; \
	for suite in "start --rounds 5" "commit --commits 500 --rounds 4" "latency --rate 50000 --duration 30s" "latency --case kafka-kafka --rounds 2 --duration 20s" \
		"expressions --rows 1000000 --rounds 1" "ingest --events 5000000 --rounds 2" \
		"checkpoint --keys 1000000 --stretch 3s --rounds 1" "state --keys 500000 --memory-limit 24MiB --anchor-updates 100000" \
		"window --events 300000 --hop-keys 2000" "distinct --events 300000 --case q15,q16,q17,q18,q19" "skew --events 300000 --parallelism 2" "delta --files 200000 --commits 10000 --rows 2000000"; do \
		echo "deltaic bench $$suite"; bin/deltaic bench $$suite --json | tee -a $$out; \
	done; echo "appended to $$out"

bench-state: build ## B14 at size: 50 M keys in a control group of 1 GiB (needs root; about half an hour)
	benchmarks/state/within 1073741824 bin/deltaic bench state --keys 50000000 --memory-limit 512MiB --process-limit 900MiB --json

demo: ## the demo: embedded broker, generator, bronze, silver and quarantine tables, until Ctrl-C
	$(GO) run ./cmd/deltaic demo
