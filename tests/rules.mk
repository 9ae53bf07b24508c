# Tests and checks. Included by the Makefile, which builds what they run.

# Clang, clang-tidy, spin, a NATS server: not needed to build or to test.
CHECK_STAMP := build/.deps-check
$(CHECK_STAMP): .ci/deps .ci/deps-check
	$(Q)mkdir -p build && bash .ci/deps-check && touch $@

# --- tests ------------------------------------------------------------------------------------------------------------
.PHONY: scenario test
scenario: all $(SCENARIO_TOOLS) ## run the scenarios: real processes over loopback (SCENARIOS=tests/scenario/NAME.sh for one)
	$(Q)BUILD=$(BUILD) bash tests/scenario/run.sh $(SCENARIOS)

test: all $(UNIT_TESTS) $(SCENARIO_TOOLS) ## run all tests: unit and scenario; the last line is the sum
	$(Q)bash tests/all.sh $(BUILD) $(UNIT_TESTS)

.PHONY: san
san: ## the tests again, with the address and undefined-behaviour sanitizers
	$(Q)$(MAKE) --no-print-directory SAN=1 all test

COVERAGE_LEAST ?= 0
.PHONY: coverage coverage-run
coverage: | $(CHECK_STAMP) ## the tests again, then which lines of the product they ran
	$(Q)$(MAKE) --no-print-directory COV=1 coverage-run

coverage-run: all
	$(Q)find $(BUILD) -name '*.gcda' -delete; failed=0; $(MAKE) --no-print-directory COV=1 test || failed=1; \
	  gcovr -r . --object-directory $(BUILD) -f proto/ -f broker/ -f agents/ --fail-under-line $(COVERAGE_LEAST) \
	  --txt $(BUILD)/coverage.txt --html-details $(BUILD)/coverage.html -s || failed=1; exit $$failed

.PHONY: lint
lint: $(UNIT_TESTS) $(PROGRAMS) | $(CHECK_STAMP) ## the walls of the house, clang-format, cppcheck, clang-tidy
	$(Q)LINT_CFLAGS="$(PKG_CFLAGS)" .ci/lint $(BUILD)

# --- benches --------------------------------------------------------------------------------------------------------
# One after the other, since each wants the machine to itself. The figures: tests/bench/bench.h.
# The test world fails by cmocka's assertions; the peer that deliveries are held against is NATS JetStream.
$(BENCHES): LIBS += -lcmocka -lnats

.PHONY: bench
bench: $(BENCHES) | $(CHECK_STAMP) ## measure, each figure beside its limit: build/bench.jsonl (QUICK=1: under 40 s)
	$(Q)rm -f $(BUILD)/bench.jsonl; failed=0; for bench in $(BENCHES); do \
	  BENCH_FILE=$(BUILD)/bench.jsonl QUICK=$(QUICK) $$bench || { echo "bench: $$bench failed" >&2; failed=1; }; \
	done; exit $$failed

# --- fuzzing --------------------------------------------------------------------------------------------------------
# Everything is built anew with clang's coverage and sanitizers. Corpora and what was found lie under build/fuzz/.
FUZZ_SECONDS ?= 20
.PHONY: fuzz fuzz-run
fuzz: | $(CHECK_STAMP) ## run each fuzz target for FUZZ_SECONDS (20)
	$(Q)$(MAKE) --no-print-directory FUZZ=1 BUILD=build/fuzz CC=clang fuzz-run

fuzz-run: $(FUZZERS) $(BUILD)/tests/fuzz/corpus
	$(Q)$(BUILD)/tests/fuzz/corpus $(BUILD)/corpus
	$(Q)bash tests/fuzz/run.sh $(BUILD) $(FUZZ_SECONDS) $(FUZZERS)

# --- faults -----------------------------------------------------------------------------------------------------------
# Only the preloaded library goes into the programs' processes; the driver sees of them what a user would.
FAULT_SRC := $(filter-out tests/fault/shim.c,$(wildcard tests/fault/*.c))
FAULT_SHIM := $(BUILD)/tests/fault/shim.so

$(FAULT_SHIM): tests/fault/shim.c tests/fault/trace.h | $(DEPS_STAMP)
	$(Q)mkdir -p $(@D) && echo "  CC    $<" && $(CC) -std=c17 -D_GNU_SOURCE -g -O2 $(WARN) $(WERROR) -I. -fPIC -shared -pthread \
	  $< -ldl -o $@

$(BUILD)/tests/fault/fault: $(call obj,$(FAULT_SRC)) $(SUPPORT_LIB) $(EDGE_LIB) $(PROTO_LIB)
	$(link)

.PHONY: fault
fault: all $(BUILD)/tests/fault/fault $(FAULT_SHIM) ## kill, cut off, fill up: nothing acknowledged is lost (QUICK=1, FAULTS="NAME...", RUNS=n, SEED=n)
	$(Q)BUILD=$(BUILD) FAULT_SHIM=$(FAULT_SHIM) $(BUILD)/tests/fault/fault $(FAULTS)

# --- models ---------------------------------------------------------------------------------------------------------
# Trails and what was said of each case lie under build/model/; MODEL is submit, feed or revoke for one alone.
.PHONY: model
model: | $(CHECK_STAMP) ## check the models by spin: each holds, each broken variant is caught (MODEL=NAME for one)
	$(Q)bash tests/model/run.sh $(BUILD)/model $(MODEL)
