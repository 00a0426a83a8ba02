# make                      the program, for the system's Python
# make PYTHON=python3.12    for another Python: any that has its library
# make SHARED=1             with libpython as a shared library; STATIC=1: as an
#                           archive; without, as an archive if that links
# make BUILD=folder         somewhere else than here
# make V=1                  and show each command
# make check                the quick tests: README.md says what they need
# make check-all            all tests but those of
# make interop              each web server, whole programs; as root
# make analyze              the analyzers of gcc and clang
# make sanitized            the program for finding errors of memory, and
# make coverage             what the tests run of it, each in a folder of build/
# make torture SECONDS=60   faults, signals, attacks and load, so long for each of
#                           PARTS=calls,signals; SEED=7 for the same again;
#                           WHOLE=1 tries what a release has to pass: hours
# make bench-quick          what it costs, each figure beside its goal
# make bench SECONDS=60     and what other ways cost, in a table and a picture,
#                           which make bench-keep puts into the tree
# make html                 the manuals as pages, and as man/*.md
# make install PREFIX=/usr  the program, manuals, examples; or install-strip
# make uninstall            and takes them away; make clean, what make made
# make dist                 a release's archive, of what git has

VERSION = 0.2.0

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
DATADIR = $(PREFIX)/share
MANDIR = $(DATADIR)/man
DOCDIR = $(DATADIR)/doc/cgi2wsgi
COMPLETIONDIR = $(DATADIR)/bash-completion/completions

# These may come from the environment, too; what the program cannot do without
# is added below.
CFLAGS ?= -O2 -g -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
PKG_CONFIG ?= pkg-config
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion
INSTALL = install
BUILD = build
EXTRA =
# SHARED=0 is none, as is SHARED=.
$(foreach name,SHARED STATIC V,$(eval override $(name) := \
    $(filter-out 0,$($(name)))))
$(if $(wildcard lib/python/configure),,$(error this is not the folder of \
    cgi2wsgi: make -C FOLDER))
# make takes a blank for the end of a name, as a script's #! line does.
$(foreach name,BUILD PREFIX BINDIR DATADIR MANDIR DOCDIR COMPLETIONDIR, \
    $(if $(word 2,$($(name))),$(error $(name): a name with a blank does not \
    work: $($(name)))))
# Not from the environment: what is only set below sometimes.
defines = -D_GNU_SOURCE
commit =
static =
stripped =

# The program lies at the top; that of another BUILD, in there.
program := $(if $(filter build,$(BUILD)),,$(BUILD)/)cgi2wsgi
tool = lib/python/freeze.c
sources := $(wildcard *.c) $(filter-out $(tool),$(wildcard lib/*/*.c))
objects := $(sources:%.c=$(BUILD)/%.o)
# These make the other program; place.o is in both, and what it calls.
preload = $(patsubst %,$(BUILD)/lib/image/%.o,preload thaw load place raw)

all: $(program) $(program)-preload $(BUILD)/compile_commands.json

# $(BUILD)/configuration has what lib/python/configure found out about Python.
# It is made again when a setting, the compiler or Python is another, and then
# everything is; but `make install` takes what was built.
settings := $(strip $(foreach name,CC CPPFLAGS CFLAGS LDFLAGS WARNINGS EXTRA \
    PYTHON PKG_CONFIG PKG_CONFIG_PATH SHARED STATIC,$(name)=$($(name))))
goals := $(or $(MAKECMDGOALS),all)
ifneq ($(filter-out clean coverage dist html sanitized uninstall,$(goals)),)
include $(BUILD)/configuration
ifneq ($(filter-out install install-strip,$(goals)),)
ifneq ($(value configured) $(state),$(settings) $(strip \
    $(shell stat -Lc %n:%s:%Y $(files) 2>&1)))
$(BUILD)/configuration: always
endif
endif
endif
$(BUILD)/configuration: export SETTINGS = $(settings)
$(BUILD)/configuration: lib/python/configure Makefile
	@mkdir -p $(@D)
	@CC='$(CC)' PYTHON='$(PYTHON)' PKG_CONFIG='$(PKG_CONFIG)' SHARED='$(SHARED)' \
	    STATIC='$(STATIC)' $< $(@D) $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)

# What is no release says from which commit it is. Whoever names a VERSION is
# believed: packages do.
ifeq ($(origin VERSION) $(wildcard .git),file .git)
commit := $(or $(shell git -c safe.directory='*' describe --tags --always \
    --dirty --match 'v$(VERSION)' 2>/dev/null),unknown)
endif
version := $(or $(patsubst v%,%,$(filter v%,$(commit))),$(VERSION)$(commit:%=-dev-%))
define config_h
#define VERSION "$(version)"
#define INSTALLED "$(BINDIR)/cgi2wsgi"
endef
ifneq ($(file <$(BUILD)/config.h),$(config_h))
$(BUILD)/config.h: always
endif
$(BUILD)/config.h: $(BUILD)/configuration
	@$(file >$@,$(config_h))

# One line for a command, unless it is shown itself, or make is silent.
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo '  $(1) $@' &&)
compile = $(CC) -std=c11 $(WARNINGS) -I$(BUILD) -I. -Ilib \
    $(defines) $(includes) -fstack-protector-strong -Wformat \
    -Werror=format-security $(CPPFLAGS) $(CFLAGS) $(mode_cflags) -pthread
link = $(call say,LINK)$(CC) $(CFLAGS) -Wl,-z,relro -Wl,-z,now $(LDFLAGS) \
    -o $@ $(filter %.o,$^) $(1) $(mode_ldflags) $(python_libs) -pthread

$(program): $(filter-out $(filter-out %/place.o %/raw.o,$(preload)),$(objects)) \
    $(filter %.c,$(EXTRA)) $(BUILD)/configuration
	$(call link,$(EXTRA))

$(BUILD)/%.o: %.c $(BUILD)/configuration | $(BUILD)/config.h
	@mkdir -p $(@D)
	$(call say,CC  )$(compile) -MMD -MP -c -o $@ $<

# Without a libc and without variables, at an address that nothing else has:
# lib/image/preload.h. gcc would make calls of memset() out of loops.
$(preload) $(preload:.o=.analyzed): mode_cflags = -O2 -ffreestanding \
    -fPIE -fomit-frame-pointer -fno-stack-protector \
    -fno-asynchronous-unwind-tables -fno-lto \
    -fno-sanitize=all -fno-profile-arcs -fno-test-coverage \
    -U_FORTIFY_SOURCE $(if $(findstring clang,$(CC)),, \
    -fno-tree-loop-distribute-patterns)
$(program)-preload: $(preload)
	$(call say,LINK)$(CC) -o $@ $^ -static -nostdlib \
	    -Wl,-Ttext-segment=0x1000000000,-z,noseparate-code,--build-id=none

# What the program takes from its Python, asked when it is built.
freeze = $(patsubst %,$(if $(filter /%,$<),,./)%,$<)
$(BUILD)/freeze: $(BUILD)/lib/python/freeze.o
	$(call link)
$(BUILD)/frozen_modules.inc: $(BUILD)/freeze
	$(call say,GEN )$(freeze) modules >$@
$(BUILD)/site_packages.inc: $(BUILD)/freeze
	$(call say,GEN )$(freeze) packages >$@
$(BUILD)/lib/python/frozen.o: $(BUILD)/frozen_modules.inc
$(BUILD)/lib/python/site.o: $(BUILD)/site_packages.inc

# Python text as the initializer of an array.
as_array = $(call say,GEN )od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g' >$@
$(BUILD)/%.inc: lib/check/%.py $(BUILD)/configuration
	$(as_array)
$(BUILD)/%.inc: lib/image/%.py $(BUILD)/configuration
	$(as_array)
$(BUILD)/%.inc: lib/python/%.py $(BUILD)/configuration
	$(as_array)
$(BUILD)/lib/check/python.o: $(patsubst lib/check/%.py,$(BUILD)/%.inc, \
    $(wildcard lib/check/*.py))
$(BUILD)/lib/image/key.o: $(BUILD)/key.inc
$(BUILD)/lib/python/shutdown.o: $(BUILD)/shutdown.inc
$(BUILD)/lib/python/source.o: $(patsubst %,$(BUILD)/%.inc,advice traceback exec \
    locals)

# For editors, which look for it in build/.
$(BUILD)/compile_commands.json: export COMPILE = $(compile)
$(BUILD)/compile_commands.json: $(sources) $(BUILD)/configuration
	@command=$$(printf %s "$$COMPILE" | sed 's/[\\"]/\\&/g'); mark='['; \
	form='%s\n{"directory": "%s", "file": "%s", "command": "%s -c %s"}'; \
	for file in $(sources); do printf "$$form" "$$mark" '$(CURDIR)' \
	    $$file "$$command" $$file; mark=,; done >$@; echo ']' >>$@

-include $(objects:.o=.d)

# README.md says what the tests need. Those that are marked as slow are run by
# check-all alone (tests/pytest.ini), as are most parameters of a test with many.
# Many only wait, so three at once for each processor are quickest. Each process
# that runs tests reads them all, which takes twice as long where their compiled
# form may not be kept.
run_tests = CGI2WSGI='$(or $(filter /%,$(program)),$(CURDIR)/$(program))' \
    PYTHONDONTWRITEBYTECODE= /usr/bin/python3 -m pytest -q \
    -n $$((3 * $$(nproc)))

# With PRELOAD=1 those of the program once more, each request from an image:
# tests/conftest.py lists what is left out, and why.
TESTS = $(if $(PRELOAD),$(addprefix tests/,cgi invocation python wsgi),tests)
FEW_PARAMETERS ?= 10
check: all
	$(if $(PRELOAD),,FEW_PARAMETERS=$(FEW_PARAMETERS)) $(run_tests) $(TESTS)

check-all: all
	$(run_tests) -m 'not interop' $(TESTS)

# A table of what each web server makes of it, and whole programs with their
# clients; needs the packages of tests/packages-interop, too, and root for
# suEXEC. With PRELOAD=1 the table once more, each request from an image.
interop: all
	CGI2WSGI=$(abspath $(program)) tests/interop
	$(if $(PRELOAD),,$(run_tests) -m interop tests/programs \
	    tests/servers/test_preloaded.py tests/image)

# Leaks, bounds and undefined behaviour: CGI2WSGI=build/sanitized/cgi2wsgi names
# it to the tests.
SANITIZED = sanitized
sanitized:
	$(MAKE) BUILD=$(BUILD)/$(SANITIZED) \
	    EXTRA='tests/sanitizers.c $(FORKING)' CPPFLAGS= \
	    CFLAGS='-O1 -g -fno-omit-frame-pointer \
	    -fsanitize=address,undefined -fno-sanitize-recover=all'

# tests/torture has the parts, and what is right; needs the packages of
# tests/packages and tests/packages-interop, and root for some limits.
comma = ,
forking = tests/torture/forking.c -Ilib $(includes) -D_GNU_SOURCE -Wl,--wrap=keep_image
torture: all
	$(MAKE) BUILD=$(BUILD)/shared SHARED=1 STATIC=
	$(MAKE) sanitized
	$(MAKE) sanitized SANITIZED=forking FORKING='$(forking)'
	$(MAKE) BUILD=$(BUILD)/forked EXTRA='$(forking)'
	CGI2WSGI=$(abspath $(program)) tests/torture/run \
	    $(if $(WHOLE),--whole) $(if $(SECONDS),--seconds $(SECONDS)) \
	    $(if $(SEED),--seed $(SEED)) \
	    $(subst $(comma), ,$(PARTS))

# gcc's analyzer, which finds nothing but what is no fault: words and settings of
# options stay until the process ends (-malloc-leak; the sanitized program looks
# for leaks), and the descriptors 0 to 2 do (-fd-leak, from gcc 13 on); gcc 12
# does not see that a FILE is closed that is not stdin, or that a struct's member
# was looked at before. Then clang's, which finds nothing.
analyze: all
	$(MAKE) -B BUILD=$(BUILD)/analyze CC=gcc CFLAGS='-O1 -fanalyzer -Werror \
	    -Wno-analyzer-malloc-leak -Wno-analyzer-fd-leak \
	    -Wno-analyzer-file-leak -Wno-analyzer-possible-null-argument'
	$(MAKE) $(sources:%.c=$(BUILD)/%.analyzed) $(BUILD)/$(tool:.c=.analyzed)
$(BUILD)/%.analyzed: CC = clang --analyze -Xclang -analyzer-werror \
    -Xclang -analyzer-output=text
$(BUILD)/%.analyzed: %.c always
	$(call say,SCAN)$(compile) $<

# Which lines and branches the tests run, by Debian's gcovr. Scripts run as
# other users, too: everybody may write what is counted. Not of lib/image: half
# of it has no libc that could count, and what is counted is in no image. Some
# tests of failing memory fail: gcov needs memory to write what it counted.
counted = BUILD=$(BUILD)/coverage CPPFLAGS= \
    CFLAGS='-O0 -g -fprofile-arcs -ftest-coverage' \
    EXTRA='tests/coverage.c -Wl,--wrap=_exit,--wrap=raise,--wrap=execv'
gcovr = gcovr -r . -e $(tool) -e tests -e lib/image $(BUILD)/coverage
coverage:
	$(MAKE) $(counted)
	find $(BUILD)/coverage -name '*.gcda' -delete
	umask 0; $(BUILD)/coverage/cgi2wsgi --version
	-$(MAKE) $(counted) check TESTS='tests --ignore=tests/image'
	-$(MAKE) $(counted) check TESTS='tests/image/test_image.py -k terminal'
	$(gcovr) --html-details $(BUILD)/coverage/lines.html
	$(gcovr) --branches | cut -c-66
	$(gcovr) | cut -c-66

# These need the packages of tests/packages and tests/packages-bench. What
# `make bench` writes into $(bench), `make bench-keep` puts into the tree. As
# root, they leave out what other packages hook into Python's start.
bench = $(BUILD)/bench
bench_programs = $(addprefix $(bench)/,ask hello-shared hello-static launch)
measure = CGI2WSGI=$(abspath $(bench))/cgi2wsgi tests/bench/$(1) $(bench) \
    $(if $(SECONDS),--seconds $(SECONDS))

bench: $(bench_programs) $(bench)/cgi2wsgi $(bench)/cgi2wsgi-preload
	$(call measure,ladder)

bench-quick: $(bench_programs) $(bench)/cgi2wsgi $(bench)/cgi2wsgi-preload
	$(call measure,quick)

bench-keep:
	tests/bench/keep $(bench)

$(bench)/launch $(bench)/hello-static: static = -static
$(bench)/ask $(bench)/launch: $(bench)/%: tests/bench/%.c
$(bench)/hello-shared $(bench)/hello-static: tests/bench/hello.c
$(bench_programs):
	@mkdir -p $(bench)
	$(call say,LINK)$(CC) -std=c11 $(WARNINGS) -O2 -o $@ $< -pthread $(static)
# A copy, as what is installed: the linker's own lies in smaller pieces in
# memory, and takes 2 % longer to start.
$(bench)/cgi2wsgi $(bench)/cgi2wsgi-preload: $(bench)/%: $(dir $(program))%
	@mkdir -p $(bench)
	cp $< $@

# The sources say where the program is by default; what is installed says where
# it is.
manuals = $(wildcard man/*.[1-9])
examples = $(shell find examples -type f ! -name .htaccess \
    ! -path '*/__pycache__/*' ! -path '*/django/data/*' \
    ! -path '*/public/static/*')
install_text = $(if $(V),,@)for file in $(2); do \
    sed 's|/usr/local/bin/cgi2wsgi|$(BINDIR)/cgi2wsgi|g; \
    s,1s|/usr/local/bin|,1s|$(BINDIR)|,g; \
    s|/usr/local/share/doc/cgi2wsgi|$(DOCDIR)|g' $$file | \
    $(INSTALL) -D -m $(1) /dev/stdin '$(DESTDIR)'$(3) || exit; done

install: all
	$(INSTALL) -d '$(DESTDIR)'$(BINDIR)
	$(INSTALL) $(stripped) $(program) '$(DESTDIR)'$(BINDIR)/cgi2wsgi
	$(INSTALL) $(stripped) $(program)-preload \
	    '$(DESTDIR)'$(BINDIR)/cgi2wsgi-preload
	$(call install_text,644,$(manuals),$(MANDIR)/man$${file##*.}/$${file##*/})
	$(call install_text,755,$(filter %.cgi,$(examples)),$(DOCDIR)/$$file)
	$(call install_text,644,NEWS LICENSE $(filter-out %.cgi,$(examples)),$(DOCDIR)/$$file)
	$(call install_text,644,packaging/completion.bash,$(COMPLETIONDIR)/cgi2wsgi)

install-strip: stripped = -s
install-strip: install

uninstall:
	rm -f '$(DESTDIR)'$(BINDIR)/cgi2wsgi '$(DESTDIR)'$(BINDIR)/cgi2wsgi-preload
	rm -f '$(DESTDIR)'$(COMPLETIONDIR)/cgi2wsgi
	for manual in $(notdir $(manuals)); do \
	    rm -f '$(DESTDIR)'$(MANDIR)/man$${manual##*.}/$$manual; done
	rm -rf '$(DESTDIR)'$(DOCDIR)

# The manuals for a browser: as pages below build/html, and as Markdown beside
# them, where a site shows the repository. Needs mandoc.
html:
	@mkdir -p '$(BUILD)/html'
	cp man/style.css man/*.svg '$(BUILD)/html'
	for manual in $(notdir $(manuals)); do \
	    (cd man && mandoc -T html -O 'toc,style=style.css,man=%N.%S.html;https://manpages.debian.org/%N.%S.en.html' $$manual) \
	    >'$(BUILD)/html/'$$manual.html && \
	    man/as-markdown man/$$manual >man/$$manual.md || exit; done

# What every file says of the version has to be the same.
dist:
	@[ -e .git ] || { echo 'make dist: this is no clone with git, but what' \
	    'make dist made of one' >&2; exit 1; }
	@for file in NEWS packaging/debian/changelog packaging/rpm/cgi2wsgi.spec; \
	do git show "HEAD:$$file" | grep -q '\b$(subst .,\.,$(VERSION))\b' || { \
	    echo "make dist: $$file does not tell of $(VERSION)" >&2; exit 1; }; \
	done
	@[ '$(version)' = '$(VERSION)' ] || \
	    echo 'make dist: this is $(version), not the release $(VERSION)' >&2
	git archive --format=tar.gz --prefix=cgi2wsgi-$(VERSION)/ \
	    -o cgi2wsgi-$(VERSION).tar.gz HEAD

clean:
	rm -rf $(program) $(program)-preload \
	    $(addprefix $(BUILD)/,*.[od] lib/*/*.[od] *.inc freeze config.h \
	    configuration probe.* compile_commands.json \
	    bench coverage html sanitized shared forking forked)

.DELETE_ON_ERROR:
.PHONY: all always analyze bench bench-keep bench-quick check check-all clean coverage \
    dist html install install-strip interop sanitized torture uninstall
