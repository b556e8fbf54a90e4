# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Packages of Debian unpacked in a folder of the cache, of newer suites too, and
# nothing of them installed; sourced by what keeps entries there (kernel, peers).
#
# Of another architecture, too, where $foreign says which.
#
# Who sources it sets $cache, a folder with one of $name for each name, and for
# obtain also $way and $argument: WAY_newest ARGUMENT prints the newest version
# obtainable, WAY_build VERSION ARGUMENT fills the current folder, which will be
# $entry, and prints KEY=VALUE lines about it.

# apt's lists that things are looked up in, and what makes apt use them.
lists=/var/lib/apt/lists
# As another user apt could not write here, and as root it would warn so.
apt=(-o APT::Sandbox::User=root)

fail()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# --- apt -----------------------------------------------------------------------

# Where this host gets Debian from.
mirror()
{
	local codename
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	# shellcheck disable=SC2016 # apt fills that in
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		'Origin: Debian' "Codename: $codename" | head -n 1
}

# Makes apt look at SUITE... only, in lists of the cache's own: what the host
# can install stays as it is.
use_suites()
{
	local dir=$cache/$name/apt
	lists=$dir/lists
	apt+=(
		-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$dir"
		-o "Dir::State::Lists=$lists" -o Acquire::Languages=none
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
	)
	[[ ! ${foreign-} ]] || apt+=(-o "APT::Architectures=amd64,$foreign")
	mkdir -p "$lists/partial"
	cat >"$dir/debian.sources" <<-END
		Types: deb
		URIs: $(mirror)
		Suites: $*
		Components: main
		Architectures: amd64 ${foreign-}
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	END
}

refresh_lists()
{
	[[ $EUID = 0 || $lists = "$cache"/* ]] || return 1
	echo "${0##*/}: refreshing the package lists for $name" >&2
	apt-get -qq "${apt[@]}" update >&2
}

# A field of a package, of each version known.
package_field()
{
	apt-cache "${apt[@]}" show "$2" 2>/dev/null | sed -n "s/^$1: //p"
}

# Downloads packages and unpacks them here.
unpack()
{
	apt-get -qq "${apt[@]}" download "$@" >&2 || return 1
	local deb
	for deb in *.deb; do
		dpkg -x "$deb" . || return 1
	done
	rm -- *.deb
}

# --- programs of a newer Debian -----------------------------------------------

# The libraries that PACKAGE... need, libc and its loader among them, in runtime/.
foreign_runtime()
{
	local -a libraries
	mapfile -t libraries < <(apt-cache "${apt[@]}" depends --recurse --important \
		"$@" | grep -oE '^(lib|zlib)[^ :]*' | sort -u)
	mkdir runtime
	(cd runtime && unpack "${libraries[@]}")
}

# foreign_wrapper PROGRAM [VARIABLE=VALUE...]: start it with the libraries in
# runtime/, and these in its environment. What it really is becomes PROGRAM.real.
foreign_wrapper()
{
	local program=$1 loader
	shift
	loader=$(find runtime -name ld-linux-x86-64.so.2 | head -n 1)
	mv "$program" "$program.real"
	cat >"$program" <<-END
		#!/bin/sh
		exec ${*:+env $* }$entry/$loader --argv0 "\$0" \\
			--library-path $entry/runtime/usr/lib/x86_64-linux-gnu "\$0.real" "\$@"
	END
	chmod 755 "$program"
}

# All programs in FOLDER... that were linked for that Debian.
foreign_programs()
{
	local program
	find "$@" -type f -perm -u+x | while read -r program; do
		[[ $(head -c 4 "$program" | tr -d '\0') != $'\x7fELF' ]] ||
			foreign_wrapper "$program"
	done
}

# --- the cache ---------------------------------------------------------------

# Whether apt's lists and what is built from have changed since the last look at
# them (asking apt takes a second, each time), unless it is to be now. Nobody else refreshes our own
# lists: these are good for a week.
looked_already()
{
	local looked=$cache/$name/looked
	[[ ! ${now-} && -e $looked && ! $lists -nt $looked ]] || return 1
	[[ ! $(find "$here" \( -name '*.config' -o -name '*.patch' \) -newer "$looked") ]] ||
		return 1
	[[ $lists != "$cache"/* || $(find "$looked" -mtime -7) ]]
}

# The version that the last look found, or else the newest.
newest_cached()
{
	local about version
	version=$(cat "$cache/$name/looked" 2>/dev/null || :)
	if [[ $version && -e $cache/$name/$version/about ]]; then
		echo "$version"
		return
	fi
	for about in "$cache/$name"/[0-9]*/about; do
		[[ ! -e $about ]] || basename "$(dirname "$about")"
	done | sort -V | tail -n 1
}

# Versions that another replaced are dropped, unless some VM still runs one.
drop_others()
{
	local other
	for other in "$cache/$name"/[0-9]*/; do
		[[ $other = "$entry/" ]] && continue
		flock --nonblock "$other" rm -rf "$other" || true
	done
}

build_entry()
{
	local version=$1 new
	entry=$cache/$name/$version
	# What an interrupted run left.
	rm -rf "$cache/$name"/.new.*
	new=$(mktemp -d "$cache/$name/.new.XXXXXX")
	chmod 755 "$new"
	# shellcheck disable=SC2086 # the words that the way needs
	if ! (cd "$new" && "${way}_build" "$version" $argument >about); then
		rm -rf "$new"
		return 1
	fi
	mv -T "$new" "$entry"
	drop_others
}

# Makes the newest version known to apt's lists the cached one. It may be there: what
# is built from differs between two checkouts that share a cache.
update()
{
	local version
	# shellcheck disable=SC2086 # the words that the way needs
	version=$("${way}_newest" $argument)
	[[ $version ]] || return 1
	[[ -e $cache/$name/$version/about ]] || build_entry "$version" || return 1
	cached=$version
}

# obtain [SUITE...]: make sure that $name is there, looked up in these suites if any
# are given, and print what there is to say about it.
obtain()
{
	mkdir -p "$cache/$name" 2>/dev/null
	[[ -w $cache/$name ]] ||
		fail "cannot write to $cache; set NBDTARGET_CACHE to another folder"
	exec {lock}>"$cache/$name/lock"
	flock "$lock"

	[[ $# = 0 ]] || use_suites "$@"
	cached=$(newest_cached)
	if [[ ! $cached ]] || ! looked_already; then
		[[ $lists != "$cache"/* ]] || refresh_lists || [[ ! ${now-} ]] ||
			fail "the archive can't be reached, to look for $name"
		# Lists of a few weeks ago name packages that are gone.
		update || { refresh_lists && update; } || [[ $cached ]] ||
			fail "$name is in no package list at hand, or could not be downloaded"
		echo "$cached" >"$cache/$name/looked"
	fi
	print_entry
}

# What is there already, without a look at anything else.
print_entry()
{
	entry=$cache/$name/$cached
	cat "$entry/about"
	echo "entry=$entry"
}
