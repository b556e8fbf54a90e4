# SPDX-License-Identifier: GPL-2.0
#
# What can be done here; `make help` lists it. Kbuild says what the module is
# made of. Everything is built in .build/, the module in one folder for each
# kernel release, so that objects of several kernels don't mix.

KERNELDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX    ?= /usr/local
W         ?= 1
STRIP     ?= strip

utsrelease := $(KERNELDIR)/include/generated/utsrelease.h
release     = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' '$(utsrelease)')
# The first place that depmod looks in, and what the key of SIGN_KEY signs.
moddir      = $(DESTDIR)/lib/modules/$(release)/updates
SIGN_HASH  ?= sha256
# Links to the sources: kbuild puts the objects beside them.
farm       ?= $(CURDIR)/.build/$(release)
kbuild      = $(MAKE) --no-print-directory -C '$(KERNELDIR)' M='$(farm)' W=$(W)
tool        = $(MAKE) --no-print-directory -C tools/nbdtargetctl \
	      O='$(CURDIR)/.build/tools/nbdtargetctl' PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' \
	      $(foreach dir,UNITDIR UDEVDIR ZSHDIR,$(if $($(dir)),$(dir)='$($(dir))'))

all: modules tools ## build the module for the running kernel (or KERNELDIR=...) and the tool

modules: | $(utsrelease) ## build the module only
	@mkdir -p '$(farm)'
	+@flock '$(farm)' $(MAKE) --no-print-directory farm farm='$(farm)'

tools: ## build the tool, nbdtargetctl, only
	@mkdir -p .build/tools/nbdtargetctl
	+@flock .build/tools/nbdtargetctl $(tool)

install: install-module install-tool ## install both and the manual page (DESTDIR=, PREFIX=/usr/local)

# Not by kbuild: that has signatures fail in silence, needs System.map for depmod, and
# takes other modules along. What it put there before goes.
install-module: modules ## install the module only, signed with SIGN_KEY= and SIGN_CERT=
	$(if $(SIGN_KEY),,@if grep -qsx CONFIG_MODULE_SIG_FORCE=y '$(KERNELDIR)/include/config/auto.conf'; \
		then echo "make: this kernel loads no module without a signature:" \
			"set SIGN_KEY and SIGN_CERT" >&2; false; fi)
	install -d '$(moddir)'
	$(STRIP) --strip-debug -o '$(moddir)/.nbdtarget.ko' '$(farm)/kernel/nbdtarget.ko'
	$(if $(SIGN_KEY),'$(KERNELDIR)/scripts/sign-file' $(SIGN_HASH) '$(SIGN_KEY)' \
		'$(SIGN_CERT)' '$(moddir)/.nbdtarget.ko' || { rm -f '$(moddir)/.nbdtarget.ko'; false; })
	rm -f '$(moddir)'/nbdtarget.ko* '$(moddir)'/kernel/nbdtarget.ko*
	mv '$(moddir)/.nbdtarget.ko' '$(moddir)/nbdtarget.ko'
	$(if $(DESTDIR),,depmod '$(release)')

install-tool: tools ## install the tool only, which needs no kernel headers
	+$(tool) install

uninstall: ## remove what install has put there, the module from all kernels
	+$(tool) uninstall
	for dir in '$(DESTDIR)'/lib/modules/*/updates; do \
		rm -f "$$dir"/nbdtarget.ko* "$$dir"/kernel/nbdtarget.ko*; \
		$(if $(DESTDIR),,[ ! -d "$$dir" ] || depmod "$$(basename "$${dir%/updates}")";) \
	done

uapi: ## write uapi/nbdtarget.h from the netlink contract
	uapi/generate >uapi/nbdtarget.h.new
	mv uapi/nbdtarget.h.new uapi/nbdtarget.h

# Of what git has, and from nothing: tools/nbdtargetctl/packaging/debian says how.
deb: ## build the Debian packages nbdtarget-dkms and nbdtargetctl in .build/deb, and have lintian look
	@tools/nbdtargetctl/packaging/deb

rpm: ## build the RPM packages nbdtarget-dkms and nbdtargetctl, and those for akmods, in .build/rpm
	@tools/nbdtargetctl/packaging/rpm

deps: ## install the Debian packages that all of this needs, where missing
	@selftests/deps

demo: deps ## show a disk served to stock NBD clients, in a throw-away VM
	@selftests/vm/run --disk 256M -- selftests/demo

check: deps ## build without warnings and run the self-tests in the VM (or KERNEL=FOLDER: on that)
	@selftests/check $(if $(KERNEL),--kernel '$(abspath $(KERNEL))')

check-full: deps ## all self-tests on all kernels, static checks and demo
	@selftests/check --full

coverage: deps ## which lines of the module the self-tests run, on the debug kernel
	@selftests/coverage

debug-kernel: deps ## build the debug kernel ahead of its first use
	@selftests/vm/kernel debug

fuzz: deps ## ten minutes of made-up input for the parsers
	@selftests/fuzz/run 600

bench: deps ## compare with other servers, in instructions and by wall clock
	@selftests/bench/run

shell: deps ## the VM with a prompt
	@selftests/vm/run --shell

style: deps ## static checks of all sources
	@selftests/style

clean: ## remove what was built
	rm -rf .build

help: ## print this
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 16

# Under a lock, as the tool is: VMs that are started at the same time build at the
# same time. Sources that went away leave dangling links; objects of a build made in
# the source folders by hand are no sources.
farm:
	@cp -rs --remove-destination '$(CURDIR)/Kbuild' '$(CURDIR)/kernel' '$(CURDIR)/uapi' '$(farm)'
	@mkdir -p '$(farm)/selftests'
	@cp -rs --remove-destination '$(CURDIR)/selftests/modules' '$(farm)/selftests'
	@find '$(farm)' -type l \( -xtype l -o -name '*.ko' -o -name '*.o' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '.*.cmd' \) -delete
	+@$(kbuild) modules

$(utsrelease):
	@echo "make: no headers in $(KERNELDIR): install the package linux-headers-$$(uname -r)," \
		"or set KERNELDIR" >&2
	@false

.PHONY: all modules tools install install-module install-tool uninstall uapi deb rpm deps demo check check-full coverage debug-kernel fuzz bench shell style clean help farm
