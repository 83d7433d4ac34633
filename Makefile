# make help lists the targets. CI runs .ci/run, which is make test and make check.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build
MAKEFLAGS += --no-print-directory

TOOLS    := $(CURDIR)/.tools/bin
PYTHON   ?= /usr/bin/python3
FUZZTIME ?= 10s
# The vocabularies of the token counter take 11 MiB of it.
SIZE_LIMIT_MIB := 45

GOLANGCI_VERSION    := 2.15.0
GOVULNCHECK_VERSION := 1.8.0
# Everything a person wrote in Go.
GO_FILES = $(shell git ls-files -co --exclude-standard '*.go' | grep -v _templ.go)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: build
build: ## a static binary, bin/parley; its version comes from git
	@CGO_ENABLED=0 go build -buildvcs=auto -trimpath -ldflags='-s -w' -o bin/parley ./cmd/parley

.PHONY: demo
demo: build ## a review of the built-in bot, report in .parley/demo
	@bin/parley demo --out .parley/demo

.PHONY: test
test: packages test-go test-e2e test-python ## all tests; installs the Debian packages they need

.PHONY: packages
packages:
	@.ci/packages

.PHONY: test-go
test-go:
	@go test ./... | sed '/no test files/d'

.PHONY: test-e2e
test-e2e: build
	@if [ -f e2e/go.mod ]; then cd e2e && go test ./... | sed '/no test files/d'; fi

.PHONY: test-long
test-long: build ## what takes too long for make test: every fault of the example and of a second bot, one by one
	@cd e2e && PARLEY_LONG=1 go test -count=1 ./receptionist ./secondbot

.PHONY: test-python
test-python:
	@for dir in $$(find examples -name tests -type d -printf '%h\n'); do \
		echo "$$dir"; (cd $$dir && $(PYTHON) -B -m unittest discover -q -s tests -t .); done

.PHONY: check
check: format vet lint docs generated race size vuln ## what must hold beside the tests

.PHONY: format
format:
	@wrong=$$(gofmt -l $(GO_FILES)); [ -z "$$wrong" ] || { echo "not gofmt'ed:"; echo "$$wrong"; exit 1; }

.PHONY: vet
vet:
	@go vet ./...
	@GOOS=darwin go vet ./...

.PHONY: lint
lint: ## golangci-lint, at the version named above
	@.ci/tool golangci-lint $(GOLANGCI_VERSION) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@$(TOOLS)/golangci-lint run ./...

.PHONY: race
race: ## the tests of the product under the race detector
	@go test -race ./... | sed '/no test files/d'

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each
	@.ci/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## every benchmark, shortly
	@go test -run '^$$' -bench . -benchmem -benchtime 200ms ./... | sed -E '/no test files|^(PASS|ok)/d'

.PHONY: bench-drive
bench-drive: ## what a turn costs, beside hey (docs/benchmarks.md)
	@go run ./bench/drive

.PHONY: bench-truth
bench-truth: ## reported waits against the log of the bot
	@go run ./bench/truth

.PHONY: bench-attribution
bench-attribution: ## which calls are tied to their turns, by the bot's own log
	@go run ./bench/attribution

.PHONY: bench-analysis
bench-analysis: ## parley report of a million turns
	@go run ./bench/analysis

.PHONY: gallery
gallery: ## faults planted in the example: is the worst one named? Takes an hour, and can be gone on with
	@go run ./bench/gallery

.PHONY: bench-tap
bench-tap: ## what a tap adds to a wire, beside PgBouncer, toxiproxy and nginx
	@go run ./bench/tap

.PHONY: vuln
vuln: ## known weaknesses of the dependencies
	@.ci/tool govulncheck $(GOVULNCHECK_VERSION) golang.org/x/vuln/cmd/govulncheck
	@.ci/vuln $(TOOLS)/govulncheck

.PHONY: size
size: build ## the binary must not grow beyond its limit
	@bytes=$$(stat -c %s bin/parley); echo "bin/parley: $$((bytes >> 20)) MiB of $(SIZE_LIMIT_MIB) MiB"; \
		[ $$bytes -le $$(($(SIZE_LIMIT_MIB) << 20)) ]

.PHONY: generate
generate: ## Go files from templates
	@go generate ./...

.PHONY: generated
generated:
	@sum() { git ls-files -co --exclude-standard '*_templ.go' | xargs -r sha256sum; }; \
		before=$$(sum); $(MAKE) generate; \
		[ "$$before" = "$$(sum)" ] || { echo "generated files were out of date: commit what make generate made"; exit 1; }

.PHONY: docs
docs: ## every link of the documentation leads somewhere
	@$(PYTHON) .ci/docs.py

.PHONY: clean
clean: ## remove what was built, not what was recorded
	@rm -rf bin .parley/demo
