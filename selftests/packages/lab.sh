# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A Debian of its own (a folder, $root, entered by chroot) for the tests of packages, with
# DKMS and the headers of a kernel; sourced by them, behind ktap.sh. What DKMS builds is
# built by it there, and not loaded.
#
# The Debian is made once, by mmdebstrap, and kept in the cache; all else is in $work, and
# gone at the end.

top=$(realpath "$(dirname "$0")/../..")
cache=${NBDTARGET_CACHE:-/var/cache/nbdtarget}/packages
suite=bookworm
# What there is in it beside Debian's essentials: of DKMS, what it signs with; of the
# tool, its libraries.
packages=dkms,openssl,linux-headers-amd64,libmnl0,libjansson4,zlib1g,libgnutls30
# What comes later, and is in the folder /later until then.
later=linux-headers-cloud-amd64
base=$cache/$suite-$(cksum <<<"$packages $later" | cut -d ' ' -f 1).tar

# --- making it ----------------------------------------------------------------------

mirror()
{
	# shellcheck disable=SC2016 # apt fills that in
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		'Origin: Debian' "Codename: $suite" | head -n 1
}

make_base()
{
	mkdir -p "$cache"
	# shellcheck disable=SC2016 # mmdebstrap fills that in
	mmdebstrap --quiet --format=tar --variant=minbase --mode=root --include="$packages" \
		--customize-hook='mkdir -p "$1/later/partial"' \
		--customize-hook="chroot \"\$1\" apt-get -qq -y --no-install-recommends \
			-o Dir::Cache::archives=/later --download-only install $later" \
		"$suite" "$base.new" "$(mirror)"
	mv "$base.new" "$base"
}

# Sets $root, $work, and $this and $next, the version at hand and the one after it.
make_lab()
{
	[ "$(id -u)" = 0 ] || skip "only root can chroot"
	[ -e "$base" ] || make_base
	work=$(mktemp -d -p "$cache")
	defer rm -rf "$work"
	root=$work/root
	mkdir "$root"
	tar -x -f "$base" -C "$root"
	start_kernel "$(kernels)"
	this=$(version_of "$top")
	next=${this%.*}.$((${this##*.} + 1))
}

version_of()
{
	sed -n '1s/.*(\(.*\)).*/\1/p' "$1/tools/nbdtargetctl/packaging/debian/changelog"
}

# What somebody does who makes the next version, in the copy $next_source.
make_next_source()
{
	local file

	next_source=$work/source
	mkdir "$next_source"
	(cd "$top" && git ls-files -z | xargs -0 cp --parents -t "$next_source")
	for file in kernel/base/target.h tools/nbdtargetctl/Makefile \
		tools/nbdtargetctl/packaging/redhat/nbdtarget{,-kmod}.spec; do
		grep -q "${this//./\\.}" "$next_source/$file"
		sed -i "s/${this//./\\.}/$next/" "$next_source/$file"
	done
	file=$next_source/tools/nbdtargetctl/packaging/debian/changelog
	sed "s/($this)/($next)/; s/^\( -- .*>  \).*/\1$(date -R)/; /^ --/q" "$file" |
		cat - <(echo) "$file" >"$work/changelog"
	mv "$work/changelog" "$file"
	[ "$(version_of "$next_source")" = "$next" ]
	(cd "$next_source" && git init -q && git add -A)
}

# --- being in it --------------------------------------------------------------------

# beside COMMAND...: of the host, with processes and mounts that end with it, where that
# Debian has /proc.
beside()
{
	unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
		LC_ALL=C "$@" </dev/null
}

# inside COMMAND...: of that Debian.
inside()
{
	beside chroot "$root" "$@"
}

# The releases that there are headers of.
kernels()
{
	local build

	for build in "$root"/lib/modules/*/build; do
		build=${build%/build}
		echo "${build##*/}"
	done
}

# start_kernel RELEASE: what programs in there are told that runs. DKMS builds for that
# and for the newest of those whose configuration is in /boot, where an image puts it.
start_kernel()
{
	local release

	for release in $(kernels); do
		: >"$root/boot/config-$release"
	done
	cat >"$root/usr/sbin/uname" <<-END
		#!/bin/sh
		[ "\$*" = -r ] || exec /usr/bin/uname "\$@"
		echo $1
	END
	chmod 755 "$root/usr/sbin/uname"
}

modules()
{
	find "$root/lib/modules" "$root/var/lib/dkms" -name 'nbdtarget.ko*' -path "*$1*" \
		-path '/*/lib/modules/*'
}

# field RELEASE NAME: what modinfo says of the module for that kernel.
field()
{
	modinfo -F "$2" "$root/lib/modules/$1/updates/dkms/nbdtarget.ko"
}

# is_built VERSION RELEASE: by DKMS, of that version, once, and signed by its key.
is_built()
{
	local subject

	inside dkms status -m nbdtarget
	inside dkms status -m nbdtarget -v "$1" -k "$2" |
		grep -q "^nbdtarget/$1, $2, .*: installed"
	[ "$(modules "$2" | wc -l)" = 1 ]
	[ "$(field "$2" version)" = "$1" ]
	[[ $(field "$2" vermagic) = "$2 "* ]]
	"$top/selftests/lib/signature" \
		"$root/lib/modules/$2/updates/dkms/nbdtarget.ko" "$root/var/lib/dkms/mok.pub"
	subject=$(openssl x509 -in "$root/var/lib/dkms/mok.pub" -noout -subject)
	[ "${subject##*CN = }" = "$(field "$2" signer)" ]
}

are_built()
{
	local release

	[ "$(kernels | wc -l)" = "$2" ]
	for release in $(kernels); do
		is_built "$1" "$release"
	done
}

# There or not, as is said: is_there|is_gone PATH...
is_there()
{
	local path

	for path; do
		[ -e "$root$path" ]
	done
}

is_gone()
{
	local path

	for path; do
		[ ! -e "$root$path" ]
		[ ! -L "$root$path" ]
	done
}

# What an administrator, and the units, make.
configure()
{
	inside sh -ec "
		echo '{ \"format\": 1 }' >/etc/nbdtarget/nbdtarget.json
		mkdir -p /etc/nbdtarget/tls /var/lib/nbdtarget
		echo secret >/etc/nbdtarget/tls/keys.psk
		echo NBDTARGET_RESTORE=--trust >/etc/default/nbdtarget
		echo bitmaps >/var/lib/nbdtarget/bitmaps"
}

is_configured()
{
	grep -qx '{ "format": 1 }' "$root/etc/nbdtarget/nbdtarget.json"
	grep -qx secret "$root/etc/nbdtarget/tls/keys.psk"
	grep -qx NBDTARGET_RESTORE=--trust "$root/etc/default/nbdtarget"
	grep -qx bitmaps "$root/var/lib/nbdtarget/bitmaps"
}
