# SPDX-License-Identifier: BSD-2-Clause
# `make help` lists what this file does. V=1 shows every command.

VERSION := 0.1.0

PREFIX	   ?= /usr/local
SYSCONFDIR ?= /etc
SBINDIR	   := $(PREFIX)/sbin
MANDIR	   := $(PREFIX)/share/man
UNITDIR	   := $(PREFIX)/lib/systemd/system

CLANG	     ?= clang
CLANG_FORMAT ?= clang-format
WERROR	     ?= -Werror

B := build
Q := $(if $(V),,@)
say = @$(if $(V),true,printf '  %-8s %s\n' '$(1)' '$(patsubst $(B)/%,%,$(2))')

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
.DEFAULT_GOAL := all

# Goals that run without compilers and libraries in place.
UNCONFIGURED := help clean deps deps-vm check vm vm-budget fuzz fuzz-quick demo bench soak format format-check uninstall
ifneq ($(filter-out $(UNCONFIGURED),$(or $(MAKECMDGOALS),all)),)
include $(B)/config.mk
endif

CFLAGS	 ?= -O2 -g
WARNINGS := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wvla $(WERROR)
HARDEN	 := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

CONFIG_PATH := -DTG_OPTIONS_CONFIG_PATH='"$(SYSCONFDIR)/tollgate/tollgate.yaml"'
CPPFLAGS_TG = -D_GNU_SOURCE= -DTG_VERSION='"$(VERSION)"' $(CONFIG_PATH) -I. -Iinclude -Iuser -I$(B)/bpf $(LIB_CFLAGS)
CC_PLAIN    = $(CC) -std=gnu11 -MMD -MP $(CPPFLAGS_TG) $(CPPFLAGS) $(WARNINGS) $(HARDEN) $(CFLAGS)
CC_ASAN	    = $(CC) -std=gnu11 -MMD -MP $(CPPFLAGS_TG) $(CPPFLAGS) $(WARNINGS) -O1 -g $(SANITIZE)
CC_FUZZ	    = $(CLANG) -std=gnu11 -MMD -MP $(CPPFLAGS_TG) $(CPPFLAGS) $(WARNINGS) -O1 -g \
	      $(SANITIZE) -fsanitize=fuzzer-no-link
CC_BPF	    = $(CLANG) -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra $(WERROR) \
	      -Iinclude $(BPF_ARCH_CFLAGS)

USER_C	   := $(wildcard user/*.c)
SHARED_C   := $(filter-out user/main.c,$(USER_C))
UNIT_TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
PROG_TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/prog/test_*.c))
TEST_TOOLS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/tools/*.c))
FUZZERS	   := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_TOOLS := $(B)/tests/fuzz/make_seeds
BENCHES	   := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/bench/bench_*.c))

.PHONY: all
all: $(B)/tollgate ## build build/tollgate (the default)

$(B)/config.mk: tools/configure
	@mkdir -p $(@D)
	@CC='$(CC)' CLANG='$(CLANG)' tools/configure >$@

# --- the program in the kernel ------------------------------------------------

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(B)/config.mk
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CC_BPF) -MMD -MP -c $< -o $@

$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf >$@

# --- the agent and the command line -------------------------------------------

$(B)/plain/%.o: %.c $(B)/config.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC_PLAIN) -c $< -o $@

$(B)/asan/%.o: %.c $(B)/config.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC_ASAN) -c $< -o $@

$(B)/fuzz/%.o: %.c $(B)/config.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC_FUZZ) $(CFLAGS_FUZZ) -c $< -o $@

# Only who includes the skeleton waits for the BPF compiler.
SKEL_USERS := $(shell grep -ls 'tollgate\.skel\.h' user/*.c tests/*/*.c)
$(foreach k,plain asan fuzz,$(SKEL_USERS:%.c=$(B)/$(k)/%.o)): $(B)/bpf/tollgate.skel.h

# Who names the configuration's place is built again when SYSCONFDIR is another.
CONFIG_PATH_USERS := $(shell grep -ls 'TG_OPTIONS_CONFIG_PATH' user/*.c)
$(foreach k,plain asan fuzz,$(CONFIG_PATH_USERS:%.c=$(B)/$(k)/%.o)): $(B)/sysconfdir
.PHONY: always
$(B)/sysconfdir: always
	@mkdir -p $(@D)
	@echo '$(SYSCONFDIR)' | cmp -s - $@ || echo '$(SYSCONFDIR)' >$@

$(B)/tollgate: $(USER_C:%.c=$(B)/plain/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(HARDEN_LD) $(LDFLAGS) $^ $(LIBS) -o $@

# --- tests --------------------------------------------------------------------
# A test is linked with all of user/*.c but main.c, or with what its line
# comments `/* links: user/a.c tests/http/b.c */` name (a pattern such as user/*.c too).

links_of = $(shell awk '/^\/\* links:/ { on = 1 } on { end = /\*\/$$/; \
	sub(/^\/\* links:|^ \*/, ""); sub(/\*\/$$/, ""); print; on = !end }' $(1))
links = $(filter-out user/main.c,$(wildcard $(or $(call links_of,$(1)),$(SHARED_C))))
parts = $(patsubst %.c,$(B)/$(1)/%.o,$(2) $(call links,$(2)))

$(UNIT_TESTS): $(B)/tests/%: $$(call parts,asan,tests/$$*.c)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SANITIZE) $^ $(LIBS) $(CMOCKA_LIBS) -o $@

$(PROG_TESTS) $(BENCHES) $(TEST_TOOLS) $(FUZZ_TOOLS): $(B)/tests/%: $$(call parts,plain,tests/$$*.c)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(HARDEN_LD) $^ $(LIBS) $(CMOCKA_LIBS) -o $@

$(FUZZERS): $(B)/tests/%: $$(call parts,fuzz,tests/$$*.c)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(SANITIZE) -fsanitize=fuzzer $^ $(LIBS) $(FUZZ_LIBS) -o $@

# What it is held against is no part of the sanitized program.
$(B)/tests/fuzz/fuzz_scan_parser: FUZZ_LIBS := -lhttp_parser
# Headers of a frame are aligned to nothing, which BPF does not mind.
$(B)/fuzz/tests/fuzz/fuzz_packet.o: CFLAGS_FUZZ := -fno-sanitize=alignment

$(PROG_TESTS) $(BENCHES): | $(B)/bpf/tollgate.bpf.o

$(B)/tests/bench/%.bpf.o: tests/bench/%.bpf.c $(B)/config.mk
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CC_BPF) -MMD -MP -c $< -o $@

$(B)/tests/bench/%.skel.h: $(B)/tests/bench/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $* >$@

$(B)/plain/tests/bench/object.o: $(B)/tests/bench/packets.skel.h

# Each header compiles by itself.
HEADERS := $(wildcard include/tollgate/*.h user/*.h)
BPF_HEADERS := $(wildcard bpf/*.h)

$(HEADERS:%=$(B)/headers/%.ok): $(B)/headers/%.ok: % $(HEADERS) $(B)/config.mk
	$(call say,HEADER,$<)
	@mkdir -p $(@D)
	$(Q)echo 'extern int alone;' | $(CC) -std=gnu11 $(CPPFLAGS_TG) -Wall -Wextra -Werror \
		-pedantic-errors -Wno-pointer-arith -fsyntax-only -include $< -x c -
	@touch $@

$(BPF_HEADERS:%=$(B)/headers/%.ok): $(B)/headers/%.ok: % $(HEADERS) $(BPF_HEADERS) $(B)/config.mk
	$(call say,HEADER,$<)
	@mkdir -p $(@D)
	$(Q)echo 'extern int alone;' | $(CC_BPF) -Wno-unused -fsyntax-only -include $< -x c -
	@touch $@

.PHONY: headers tests check check-now
headers: $(HEADERS:%=$(B)/headers/%.ok) $(BPF_HEADERS:%=$(B)/headers/%.ok) ## compile each header by itself
tests: all headers $(UNIT_TESTS) $(PROG_TESTS) $(TEST_TOOLS) fuzzers ## build the tests without running them

check: deps ## as root: install what is missing, build, run every test
	$(Q)$(MAKE) --no-print-directory check-now
check-now: tests format-check
	$(Q)tests/run $(foreach t,$(TESTS),'$(t)')

# Fuzzing needs more than the other tests: without it they are built all the same.
.PHONY: fuzzers fuzzers-now fuzz fuzz-now fuzz-quick fuzz-quick-now
fuzzers:
	$(Q)CLANG='$(CLANG)' tests/fuzz/missing >/dev/null || $(MAKE) --no-print-directory fuzzers-now
fuzzers-now: $(FUZZERS) $(FUZZ_TOOLS)
	@:

fuzz-quick: deps ## fuzz each target in tests/fuzz for some seconds, the same way every time
	$(Q)$(MAKE) --no-print-directory fuzz-quick-now
fuzz-quick-now: fuzzers
	$(Q)tests/run 'tests/fuzz/*'

SECONDS ?= 600
fuzz: deps ## fuzz one target for longer: TARGET=fuzz_scan_split SECONDS=600
	$(Q)$(MAKE) --no-print-directory fuzz-now
fuzz-now: fuzzers-now
	$(Q)tests/fuzz/run '$(TARGET)' '$(SECONDS)'

.PHONY: vm vm-now vm-budget vm-budget-now deps-vm
deps-vm:
	$(Q)tools/install-deps vm

vm: deps-vm ## run tests under Linux 6.1 and 6.12 in a virtual machine (slow: up to an hour)
	$(Q)$(MAKE) --no-print-directory vm-now
vm-now: all $(PROG_TESTS) $(TEST_TOOLS)
	$(Q)tests/run 'tests/vm/*'

vm-budget: deps-vm ## write tests/vm/verifier-budget again, from what the programs cost now
	$(Q)$(MAKE) --no-print-directory vm-budget-now
vm-budget-now: all $(TEST_TOOLS)
	$(Q)tools/verifier-budget

# --- for people ---------------------------------------------------------------

.PHONY: deps demo demo-now bench bench-now soak soak-now format format-check
deps: ## install missing Debian packages (nothing to do: says nothing)
	$(Q)tools/install-deps

demo: deps ## as root: the meter at work between nginx, curl and wrk
	$(Q)$(MAKE) --no-print-directory demo-now
demo-now: all $(TEST_TOOLS)
	$(Q)tools/demo

bench: deps ## as root: what a packet costs, as a table
	$(Q)$(MAKE) --no-print-directory bench-now
bench-now: all $(BENCHES) $(TEST_TOOLS)
	$(Q)tests/bench/run

soak: deps ## as root: full rate for SOAK_SECONDS=600: does it add up, does anything grow
	$(Q)$(MAKE) --no-print-directory soak-now
soak-now: all
	$(Q)tests/soak.sh

C_FILES = $(shell find bpf include user tests -name '*.[ch]')
format: ## lay out all C files by .clang-format
	$(Q)$(CLANG_FORMAT) -i $(C_FILES)
format-check: ## say which C files are not laid out by .clang-format
	$(Q)! command -v $(CLANG_FORMAT) >/dev/null || $(CLANG_FORMAT) --dry-run -Werror $(C_FILES)

.PHONY: install uninstall clean help
install: all ## install below DESTDIR and PREFIX (/usr/local); keeps a tollgate.yaml that is there
	install -D -m 755 $(B)/tollgate $(DESTDIR)$(SBINDIR)/tollgate
	install -D -m 644 -t $(DESTDIR)$(MANDIR)/man8 man/tollgate.8
	install -D -m 644 -t $(DESTDIR)$(MANDIR)/man5 man/tollgate.yaml.5
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) dist/tollgate.service
	sed -i 's,/usr/sbin/,$(SBINDIR)/,; s,/etc/tollgate/,$(SYSCONFDIR)/tollgate/,' \
		$(DESTDIR)$(MANDIR)/man8/tollgate.8 $(DESTDIR)$(MANDIR)/man5/tollgate.yaml.5 \
		$(DESTDIR)$(UNITDIR)/tollgate.service
	test -e $(DESTDIR)$(SYSCONFDIR)/tollgate/tollgate.yaml || \
		install -D -m 644 dist/tollgate.yaml $(DESTDIR)$(SYSCONFDIR)/tollgate/tollgate.yaml

uninstall: ## remove what install laid down, but for the configuration
	rm -f $(DESTDIR)$(SBINDIR)/tollgate $(DESTDIR)$(MANDIR)/man8/tollgate.8 \
		$(DESTDIR)$(MANDIR)/man5/tollgate.yaml.5 $(DESTDIR)$(UNITDIR)/tollgate.service

clean: ## remove build/
	$(Q)rm -rf $(B)

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1	\2/p' $(MAKEFILE_LIST) | expand -t 17
	@echo '  V=1 shows commands; TESTS="tests/net/10-*" picks tests for check'

-include $(shell [ ! -d $(B) ] || find $(B) -name '*.d')
