# The front door. `make help` says what there is.
# The work is done by the scripts in kit/, which may also be called directly.

SHELL := /bin/bash
KERNEL ?= debug
export KSRC CI

.PHONY: help deps tree build demo test test-base test-iommu check run bench bench-base
.PHONY: series series-check check-builds clean

help:
	@echo 'make demo          watch a simulated device connect, step by step'
	@echo 'make test          everything that must pass before a change is proposed'
	@echo
	@echo 'make tree          lay out the patched kernel tree under build/tree'
	@echo 'make build         build a kernel and the selftests   [KERNEL=debug|fast]'
	@echo 'make test-base     the selftests of the base that go through what the series touches'
	@echo 'make test-iommu    simulated devices beside an IOMMU of Intel, and of AMD'
	@echo 'make run           a shell in that kernel             [KERNEL=debug|fast]'
	@echo 'make check         boot a kernel and run suites        [SUITES="connect faults" KERNEL=fast]'
	@echo 'make bench         measure; writes build/bench.json'
	@echo 'make bench-base    the same on the untouched core of the base kernel'
	@echo
	@echo 'make series        write build/series/*.patch, ready for git am on the base'
	@echo 'make series-check  prove that the series gives the same tree, builds and is clean'
	@echo 'make check-builds  i386, modular, off, random configurations, htmldocs'
	@echo 'make clean         remove build/ (never the cache in ~/.cache/tsm-kit)'
	@echo
	@echo 'KSRC=/path/to/linux-7.3 takes another base, a tree or a tarball.'

deps:
	@kit/deps.sh

tree: deps
	@kit/tree.sh

build: tree
	@kit/build.sh $(KERNEL)

demo: deps
	@kit/demo.sh

test:
	@kit/deps.sh checks
	@kit/test.sh

test-base:
	@kit/deps.sh
	@kit/test-base.sh

test-iommu: deps
	@kit/test-iommu.sh

check: tree
	@kit/build.sh $(KERNEL)
	@KERNEL=$(KERNEL) kit/run-tests.sh $(SUITES)

run: build
	@kit/run.sh $(KERNEL)

bench: deps
	@kit/bench.sh

bench-base: deps
	@kit/bench.sh --base-core

series: deps
	@kit/series.sh

series-check:
	@kit/deps.sh checks
	@kit/series-check.sh

check-builds:
	@kit/deps.sh docs
	@kit/check-builds.sh

clean:
	rm -rf build
