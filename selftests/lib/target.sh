# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Helpers for tests in bash that drive the target; sourced after ktap.sh.

readonly HOST=127.0.0.1 PORT=10809
export DM_DISABLE_UDEV=1

ctl()
{
	nbdtargetctl "$@"
}

# Wait until COMMAND succeeds.  The deadline only ends tests that would hang.
wait_for()
{
	local end=$((SECONDS + 120))

	until "$@"; do
		[ $SECONDS -lt $end ] || fail "waited in vain for: $*"
		sleep 0.05
	done
}

# scaled NUMBER: less of it where everything takes several times as long: on a kernel that
# checks each access to memory; and in an emulated machine, unless NBDT_ALL says that it
# is to do all of it.
scaled()
{
	if [ -e /sys/kernel/debug/kmemleak ]; then
		echo $(($1 / 4))
	elif [[ -n ${NBDT_ALL-} || $(uname -r) = *uml* ]]; then
		echo "$1"
	else
		echo $(($1 / 2))
	fi
}

# takes_long: skips what repeats others' results, where only some of all is done.
takes_long()
{
	[ -n "${NBDT_ALL-}" ] || [ "$(scaled 4)" = 4 ] || skip "takes long, unless NBDT_ALL is set"
}

# new_disk KIND ARGUMENTS...: lib/disk, dropped when the test ends.
new_disk()
{
	DISK=$("$LIB/disk" "$@")
	defer "$LIB/disk" drop "$DISK"
}

# add_export NAME DEVICE [OPTION...], removed when the test ends.
add_export()
{
	ctl add-export "$@"
	defer ctl remove-export "$1" --force --if-exists
}

add_listener()
{
	ctl add-listener "$@"
	defer ctl remove-listener "$@" --force --if-exists
}

# uri [NAME]: as clients take it.
uri()
{
	echo "nbd://$HOST:$PORT/${1-}"
}

# json EXPRESSION [ARGUMENT...]: a Python expression over the JSON on stdin,
# which it knows as x; the arguments are a[0], a[1] and so on.
json()
{
	/usr/bin/python3 -ISs -c 'import json, sys
x, a = json.load(sys.stdin), sys.argv[2:]
print(eval(sys.argv[1]))' "$@"
}

# Whether there are no connections.
nobody()
{
	[ "$(ctl show connections --json | json 'len(x)')" = 0 ]
}

# unmounted FOLDER: see to it that nothing is mounted there.
unmounted()
{
	! mountpoint -q "$1" || umount "$1"
}

# attach DEVICE NAME [NBD-CLIENT-OPTION...]: the kernel's own client.
attach()
{
	local device=$1 name=$2

	shift 2
	modprobe nbd nbds_max=4
	nbd-client -N "$name" $HOST $PORT "$device" "$@"
	defer detach "$device"
	# Without netlink, a process that it leaves behind starts the device.
	wait_for has_size "$device"
}

has_size()
{
	[ "$(<"/sys/block/${1#/dev/}/size")" != 0 ]
}

detach()
{
	if nbd-client -c "$1" >/dev/null; then
		nbd-client -d "$1"
	fi
}

# Client and target in one kernel can deadlock under writeback (the client's
# dirty pages wait for the target's memory) unless dirty data is kept small.
small_writeback()
{
	sysctl -q vm.dirty_bytes=8388608 vm.dirty_background_bytes=4194304
}
