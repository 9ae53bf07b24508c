# Liaison. `make help` lists the targets. Everything that is built lies under $(BUILD); nothing else is written.

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

PREFIX ?= /usr/local
DESTDIR ?=
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
SAN ?= 0
COV ?= 0
FUZZ ?= 0
BUILD ?= build$(if $(filter 1,$(SAN)),/san)$(if $(filter 1,$(COV)),/cov)$(if $(filter 1,$(FUZZ)),/fuzz)

VERSION := 0.1.0

PACKAGES := libzmq libprotobuf-c libsodium nettle libevent_core libevent_pthreads sqlite3 libconfig jansson smartcols \
	libsystemd
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings \
	-Wformat=2 -Wundef -Wvla
WERROR ?= -Werror
OPT ?= -O2
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -DLIAISON_VERSION='"$(VERSION)"' -DLIAISON_PREFIX='"$(PREFIX)"' -g $(OPT) \
	$(WARN) $(WERROR) -I. -I$(BUILD)/gen -MMD -MP -pthread $(CFLAGS)
LDFLAGS_ALL = -pthread $(LDFLAGS)
ifeq ($(SAN),1)
CFLAGS_ALL += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_ALL += -fsanitize=address,undefined
else ifeq ($(COV),1)
CFLAGS_ALL += --coverage -O0
LDFLAGS_ALL += --coverage
else ifeq ($(FUZZ),1)
CFLAGS_ALL += -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_ALL += -fsanitize=address,undefined
else
CFLAGS_ALL += $(HARDEN)
LDFLAGS_ALL += -pie -Wl,-z,relro,-z,now
endif
# Read once, and only when something is compiled: on a bare machine the packages come with `make deps`.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PACKAGES)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PACKAGES)))$(PKG_LIBS)

# --- what there is to build ----------------------------------------------------------------------------------------
PROTOS := $(wildcard proto/*.proto)
GEN_C := $(PROTOS:%.proto=$(BUILD)/gen/%.pb-c.c)
GEN_H := $(GEN_C:.c=.h)
REGISTERS := $(wildcard config/crossings.conf config/codes.conf)
GEN_REGISTERS := $(REGISTERS:config/%.conf=$(BUILD)/gen/config/%.conf.c)

PROTO_SRC := $(wildcard proto/*.c proto/base/*.c proto/identifiers/*.c)
EDGE_SRC := $(wildcard proto/edge/*.c)
BROKER_SRC := $(filter-out broker/main.c,$(wildcard broker/*.c))
AGENT_SRC := $(filter-out agents/main.c,$(wildcard agents/*.c))
UNIT_SRC := $(wildcard tests/unit/*_test.c)
TEST_SUPPORT_SRC := $(wildcard tests/support/*.c)
SCENARIO_TOOL_SRC := $(wildcard tests/scenario/tools/*.c)
BENCH_SRC := $(wildcard tests/bench/*_bench.c)
BENCH_SUPPORT_SRC := $(filter-out $(BENCH_SRC),$(wildcard tests/bench/*.c))
FUZZ_SRC := $(wildcard tests/fuzz/*_fuzz.c)

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
PROTO_OBJ := $(call obj,$(PROTO_SRC)) $(GEN_C:.c=.o) $(GEN_REGISTERS:.c=.o)
EDGE_OBJ := $(call obj,$(EDGE_SRC))
BROKER_OBJ := $(call obj,$(BROKER_SRC))
AGENT_OBJ := $(call obj,$(AGENT_SRC))
TEST_SUPPORT_OBJ := $(call obj,$(TEST_SUPPORT_SRC))
BENCH_SUPPORT_OBJ := $(call obj,$(BENCH_SUPPORT_SRC))

PROTO_LIB := $(BUILD)/libproto.a
EDGE_LIB := $(BUILD)/libedge.a
BROKER_LIB := $(BUILD)/libbroker.a
AGENT_LIB := $(BUILD)/libagent.a
SUPPORT_LIB := $(BUILD)/libtestsupport.a
PROGRAMS := $(if $(wildcard broker/main.c),$(BUILD)/liaisond) $(if $(wildcard agents/main.c),$(BUILD)/liaison)
UNIT_TESTS := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/unit/%)
SCENARIO_TOOLS := $(SCENARIO_TOOL_SRC:%.c=$(BUILD)/%)
BENCHES := $(BENCH_SRC:tests/bench/%.c=$(BUILD)/tests/bench/%)
FUZZERS := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/tests/fuzz/%)

.PHONY: all
all: $(PROGRAMS) ## build build/liaisond and build/liaison

-include tests/rules.mk

# --- dependencies ---------------------------------------------------------------------------------------------------
DEPS_STAMP := build/.deps
$(DEPS_STAMP): .ci/deps
	$(Q)mkdir -p build && bash .ci/deps && touch $@

.PHONY: deps
deps: ## install the missing Debian packages (as root or by sudo)
	$(Q)rm -f $(DEPS_STAMP) && $(MAKE) --no-print-directory $(DEPS_STAMP)

# --- generated ------------------------------------------------------------------------------------------------------
# Generated code is not ours to warn about.
$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h &: %.proto | $(DEPS_STAMP)
	$(Q)mkdir -p $(BUILD)/gen && echo "  GEN   $<" && protoc-c --proto_path=. --c_out=$(BUILD)/gen $<

$(BUILD)/gen/config/%.conf.c: config/%.conf
	$(Q)mkdir -p $(@D) && echo "  GEN   $<" && { echo 'extern const unsigned char register_$*[]; const unsigned char register_$*[] = {'; \
	  od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; echo '0};'; } > $@

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c $(GEN_H)
	$(Q)echo "  CC    $<" && $(CC) $(CFLAGS_ALL) -w $(PKG_CFLAGS) -c $< -o $@

$(BUILD)/%.o: %.c | $(GEN_H) $(DEPS_STAMP)
	$(Q)mkdir -p $(@D) && echo "  CC    $<" && $(CC) $(CFLAGS_ALL) $(PKG_CFLAGS) -c $< -o $@

define archive
	$(Q)rm -f $@ && ar rcs $@ $^
endef
$(PROTO_LIB): $(PROTO_OBJ)
	$(archive)
$(EDGE_LIB): $(EDGE_OBJ)
	$(archive)
$(BROKER_LIB): $(BROKER_OBJ)
	$(archive)
$(AGENT_LIB): $(AGENT_OBJ)
	$(archive)
$(SUPPORT_LIB): $(TEST_SUPPORT_OBJ)
	$(archive)

# --- programs -------------------------------------------------------------------------------------------------------
define link
	$(Q)mkdir -p $(@D) && echo "  LINK  $@" && $(CC) $(LDFLAGS_ALL) $(filter %.o %.a,$^) $(PKG_LIBS) $(LIBS) -lm -o $@
endef
$(BUILD)/liaisond: $(BUILD)/broker/main.o $(BROKER_LIB) $(EDGE_LIB) $(PROTO_LIB)
	$(link)
$(BUILD)/liaison: $(BUILD)/agents/main.o $(AGENT_LIB) $(EDGE_LIB) $(PROTO_LIB)
	$(link)

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(SUPPORT_LIB) $(BROKER_LIB) $(AGENT_LIB) $(EDGE_LIB) $(PROTO_LIB)
	$(link)
$(UNIT_TESTS): LIBS += -lcmocka
# ICU is what the table of countries is held against, and in no program.
$(BUILD)/tests/unit/identifiers_test: LIBS += -licuuc

# Small programs that scenarios compare with; nothing of the product is linked in, so that they cannot share its mistakes.
$(BUILD)/tests/scenario/tools/%: $(BUILD)/tests/scenario/tools/%.o
	$(link)

$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BENCH_SUPPORT_OBJ) $(SUPPORT_LIB) $(BROKER_LIB) $(AGENT_LIB) \
		$(EDGE_LIB) $(PROTO_LIB)
	$(link)

$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(SUPPORT_LIB) $(BROKER_LIB) $(AGENT_LIB) $(EDGE_LIB) $(PROTO_LIB)
	$(link)
$(FUZZERS): LDFLAGS += -fsanitize=fuzzer
$(FUZZERS) $(BUILD)/tests/fuzz/corpus: LIBS += -lcmocka

.PHONY: unit
unit: $(UNIT_TESTS) ## build and run the unit tests only
	$(Q)set -e; for t in $(UNIT_TESTS); do echo "# $$t"; $$t; done

# --- installing -------------------------------------------------------------------------------------------------------
SHARE := $(DESTDIR)$(PREFIX)/share
SYSTEMD := $(DESTDIR)$(PREFIX)/lib/systemd
SAMPLES := $(wildcard config/*.conf) $(shell find config/examples config/maps -type f)

.PHONY: install uninstall
install: $(PROGRAMS) ## install programs, manuals, samples and services under DESTDIR and PREFIX (/usr/local)
	$(Q)install -d $(DESTDIR)$(PREFIX)/bin && install $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	$(Q)for page in $(wildcard config/man/*); do install -D -m 644 $$page $(SHARE)/man/man$${page##*.}/$${page##*/} || exit; done
	$(Q)for file in $(SAMPLES); do install -D -m 644 $$file $(SHARE)/liaison/$${file#config/} || exit; done
	$(Q)install -d $(SYSTEMD)/system $(SYSTEMD)/user
	$(Q)sed 's|/usr/local/|$(PREFIX)/|' config/systemd/liaisond.service > $(SYSTEMD)/system/liaisond.service
	$(Q)sed 's|/usr/local/|$(PREFIX)/|' config/systemd/liaison-feed@.service > $(SYSTEMD)/user/liaison-feed@.service
	$(Q)chmod 644 $(SYSTEMD)/system/liaisond.service $(SYSTEMD)/user/liaison-feed@.service

uninstall: ## remove what install put there
	$(Q)rm -rf $(PROGRAMS:$(BUILD)/%=$(DESTDIR)$(PREFIX)/bin/%) $(SHARE)/liaison $(SYSTEMD)/system/liaisond.service \
	  $(SYSTEMD)/user/liaison-feed@.service $(foreach page,$(wildcard config/man/*),$(SHARE)/man/man$(lastword $(subst ., ,$(page)))/$(notdir $(page)))

.PHONY: demo
demo: all ## see an alert travel: a network of three countries, from a border post into the neighbours' feeds
	$(Q)BUILD=$(BUILD) bash tests/demo.sh

.PHONY: help
help: ## list the targets
	$(Q)awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: clean
clean: ## remove what was built
	$(Q)rm -rf build

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
