# make                      the program, for the system's Python
# make PYTHON=python3.12    for another Python: any that has its library
# make SHARED=1             with libpython as a shared library, as a PIE
# make BUILD=folder         somewhere else than here
# make check                all tests; see README.md for what they need
# make bench-quick          what it costs, each figure beside its goal
# make bench SECONDS=60     and what other ways cost, in a table and a picture

VERSION = 0.1.0

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man

CFLAGS = -O2 -g -fstack-protector-strong -Wformat -Werror=format-security
CPPFLAGS = -D_FORTIFY_SOURCE=2
LDFLAGS = -Wl,-z,relro -Wl,-z,now
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion
PKG_CONFIG = pkg-config
INSTALL = install
BUILD = build
EXTRA =

# The Python: its prefix, its library folder, and how it is linked.
ifdef PYTHON
ask := $(shell $(PYTHON) -c 'import sys; print(sys.base_prefix, \
    "%d.%d" % sys.version_info[:2])')
PKG_CONFIG := PKG_CONFIG_PATH=$(word 1,$(ask))/lib/pkgconfig $(PKG_CONFIG)
package := python-$(word 2,$(ask))-embed
else
package := python3-embed
endif
python = $(shell $(PKG_CONFIG) $(1) $(package))
python_version := $(call python,--modversion)
ifeq ($(python_version),)
$(error pkg-config does not know $(package): install libpython3-dev)
endif
python_prefix := $(call python,--variable=prefix)
python_exec_prefix := $(call python,--variable=exec_prefix)
stdlib := $(firstword $(wildcard $(python_prefix)/lib/python$(python_version) \
    $(python_prefix)/lib64/python$(python_version)))
config := $(firstword $(wildcard $(stdlib)/config-$(python_version)*))
archive := $(wildcard $(config)/libpython$(python_version).a)
ifneq ($(SHARED),)
archive :=
endif

ifneq ($(archive),)
# At a fixed address, with every symbol that an extension module may want.
mode_cflags = -fno-pie
mode_ldflags = -no-pie -Wl,--export-dynamic \
    -Wl,--whole-archive $(archive) -Wl,--no-whole-archive
needed := $(shell $(MAKE) -s --no-print-directory -f $(config)/Makefile \
    --eval='libs:;@echo $$(MODLIBS) $$(LIBS) $$(SYSLIBS)' libs)
# 3.11 has its frozen modules as variables of C (frozen.c).
ifeq ($(python_version),3.11)
mode_cflags += -DDEEP_FROZEN
instead = -Wl,--wrap=_Py_Deepfreeze_Init
endif
# A shared library less is 2 % of a small request's time; extension modules
# that want one of these find their own.
has_archive = $(wildcard $(shell $(CC) -print-file-name=lib$(1).a))
inside := $(foreach name,z expat,$(if $(call has_archive,$(name)),$(name)))
python_libs := -Wl,--exclude-libs,libz.a:libexpat.a \
    $(filter-out $(inside:%=-l%),$(needed)) $(inside:%=-l:lib%.a)
else
mode_cflags = -fPIE
mode_ldflags = -pie
python_libs := $(call python,--libs) \
    $(patsubst -L%,-Wl$(comma)-rpath$(comma)%, \
    $(filter-out -L/usr/lib%,$(call python,--libs-only-L)))
endif
comma := ,

defines = -D_GNU_SOURCE -DVERSION='"$(VERSION)"' \
    -DPYTHON_PREFIX='"$(python_prefix)"' \
    -DPYTHON_EXEC_PREFIX='"$(python_exec_prefix)"' \
    -DPYTHON_EXECUTABLE='"$(python_prefix)/bin/python$(python_version)"' \
    -DPYTHON_STDLIB='"$(stdlib)"' \
    -DPYTHON_ZIP='"$(dir $(stdlib))python$(subst .,,$(python_version)).zip"'
# -isystem: CPython's headers do not have to pass our warnings.
includes := $(patsubst -I%,-isystem %,$(call python,--cflags-only-I))
compile = $(CC) -std=c11 $(WARNINGS) -I$(BUILD) -I. -Ilib $(CPPFLAGS) $(defines) \
    $(includes) $(CFLAGS) $(mode_cflags) -pthread

# The program lies at the top; that of another BUILD, in there.
program := $(if $(filter build,$(BUILD)),,$(BUILD)/)cgi2wsgi

tool = lib/python/freeze.c
sources := $(wildcard *.c) $(filter-out $(tool),$(wildcard lib/*/*.c))
objects := $(sources:%.c=$(BUILD)/%.o)

all: $(program)

$(program): $(objects)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(objects) $(EXTRA) $(instead) \
	    $(mode_ldflags) $(python_libs) -pthread

# What the program takes from its Python, asked when it is built.
$(BUILD)/freeze: $(BUILD)/lib/python/freeze.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(mode_ldflags) $(python_libs) \
	    -pthread
$(BUILD)/frozen_modules.inc: $(BUILD)/freeze
	$(abspath $<) modules >$@
$(BUILD)/site_packages.inc: $(BUILD)/freeze
	$(abspath $<) packages >$@
$(BUILD)/lib/python/frozen.o: $(BUILD)/frozen_modules.inc
$(BUILD)/lib/python/site.o: $(BUILD)/site_packages.inc

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(compile) -MMD -MP -c -o $@ $<

# Python text as the initializer of an array.
$(BUILD)/%.inc: lib/check/%.py Makefile
	@mkdir -p $(BUILD)
	od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g' >$@

$(BUILD)/lib/check/application.o: $(BUILD)/application.inc

-include $(objects:.o=.d)

check: all
	CGI2WSGI=$(abspath $(program)) /usr/bin/python3 -m pytest -q \
	    -n auto tests

# A table of what each web server makes of it, and whole programs with their
# clients; needs the packages of tests/packages-interop, too, and root for
# suEXEC.
interop: all
	CGI2WSGI=$(abspath $(program)) tests/interop
	CGI2WSGI=$(abspath $(program)) /usr/bin/python3 -m pytest -q \
	    -n auto -m interop tests/programs

# These need the packages of tests/packages and tests/packages-bench. What
# `make bench` writes into $(bench), `make bench-keep` puts into the tree. As
# root, they leave out what other packages hook into Python's start.
bench = $(BUILD)/bench
bench_programs = $(addprefix $(bench)/,ask hello-shared hello-static launch)
measure = CGI2WSGI=$(abspath $(bench))/cgi2wsgi tests/bench/$(1) $(bench) \
    $(if $(SECONDS),--seconds $(SECONDS))

bench: $(bench_programs) $(bench)/cgi2wsgi
	$(call measure,ladder)

bench-quick: $(bench_programs) $(bench)/cgi2wsgi
	$(call measure,quick)

bench-keep:
	tests/bench/keep $(bench)

$(bench)/launch $(bench)/hello-static: link = -static
$(bench)/ask $(bench)/launch: $(bench)/%: tests/bench/%.c
$(bench)/hello-shared $(bench)/hello-static: tests/bench/hello.c
$(bench_programs):
	@mkdir -p $(bench)
	$(CC) -std=c11 $(WARNINGS) -O2 -o $@ $< -pthread $(link)
# A copy, as what is installed: the linker's own lies in smaller pieces in
# memory, and takes 2 % longer to start.
$(bench)/cgi2wsgi: $(program)
	@mkdir -p $(bench)
	cp $< $@

install: all
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 \
	    $(DESTDIR)$(MANDIR)/man7
	$(INSTALL) $(program) $(DESTDIR)$(BINDIR)/cgi2wsgi
	$(INSTALL) -m 644 man/cgi2wsgi.1 $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 man/cgi2wsgi.7 man/cgi2wsgi-servers.7 \
	    $(DESTDIR)$(MANDIR)/man7

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/cgi2wsgi \
	    $(DESTDIR)$(MANDIR)/man1/cgi2wsgi.1 \
	    $(DESTDIR)$(MANDIR)/man7/cgi2wsgi.7 \
	    $(DESTDIR)$(MANDIR)/man7/cgi2wsgi-servers.7

clean:
	rm -f $(objects) $(objects:.o=.d) $(program) \
	    $(BUILD)/freeze $(BUILD)/lib/python/freeze.[od] $(BUILD)/*.inc
	rm -rf $(bench)

dist:
	git archive --format=tar.gz --prefix=cgi2wsgi-$(VERSION)/ \
	    -o cgi2wsgi-$(VERSION).tar.gz HEAD

.DELETE_ON_ERROR:
.PHONY: all bench bench-keep bench-quick check clean dist install interop \
    uninstall
