# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# KTAP for test programs written in bash.
#
# A program sources this file, defines functions named test_* and calls
# ktap_main last.  Each function is one test, run in the order of the file, in
# a subshell under errexit: any command that fails ends and fails the test.  Its
# output is shown only then.  A function `setup` runs once before all of them;
# what it changes is seen by the tests.  Of what takes long it is said how long.
#
#	skip REASON		end this test (in setup: all of them) as skipped
#	fail TEXT		end this test as failed
#	not COMMAND...		COMMAND has to fail ("! COMMAND" isn't checked)
#	defer COMMAND...	run COMMAND when this test (in setup: the
#				program) ends; it has to succeed
#
# KTAP_FILTER=REGEX runs only the tests whose description matches.

set -Eeuo pipefail
shopt -s inherit_errexit

readonly KTAP_SKIPPED=4
# In seconds; what takes longer tells so.
KTAP_LONG=5
KTAP_DEFERRED=()
KTAP_DIR=

skip()
{
	echo "$*" >"$KTAP_DIR/reason"
	exit $KTAP_SKIPPED
}

fail()
{
	echo "$*"
	exit 1
}

not()
{
	if "$@"; then
		fail "succeeded: $*"
	fi
}

defer()
{
	KTAP_DEFERRED+=("$(printf '%q ' "$@")")
}

# Run what was deferred, the last first; STATUS or a failure.
ktap_undo()
{
	local status=$1 i

	trap - ERR
	set +e
	jobs -p | xargs -r kill
	for ((i = ${#KTAP_DEFERRED[@]} - 1; i >= 0; i--)); do
		if ! eval "${KTAP_DEFERRED[i]}"; then
			echo "cleaning up failed: ${KTAP_DEFERRED[i]}"
			[ "$status" -ne 0 ] || status=1
		fi
	done
	exit "$status"
}

ktap_describe()
{
	local name=${1#test_}

	echo "${name//_/ }"
}

# The test_* functions that the filter lets through, in the order of the file.
ktap_tests()
{
	local names name

	mapfile -t names < <(compgen -A function test_)
	shopt -s extdebug	# declare -F tells lines
	declare -F "${names[@]}" | sort -n -k 2 | while read -r name _; do
		if [[ $(ktap_describe "$name") =~ ${KTAP_FILTER:-} ]]; then
			echo "$name"
		fi
	done
}

ktap_explain()
{
	tail -n 60 "$KTAP_DIR/log" | sed 's/^/# /' >&3
}

ktap_result()
{
	local number=$1 text=$2 status=$3

	case $status in
	0)
		echo "ok $number $text" >&3
		;;
	"$KTAP_SKIPPED")
		echo "ok $number $text # SKIP $(cat "$KTAP_DIR/reason")" >&3
		;;
	*)
		ktap_explain
		echo "not ok $number $text" >&3
		return 1
		;;
	esac
}

ktap_took()
{
	[ "$1" -lt $KTAP_LONG ] || echo "# took $1 s" >&3
}

# Name the commands that fail from here on.
ktap_trace()
{
	trap 'echo "line $LINENO: status $?: $BASH_COMMAND"' ERR
}

# Run in a subshell for each test.
ktap_test()
{
	KTAP_DEFERRED=()
	# What is left running in the background can't hold the results up.
	exec 3>&-
	trap 'ktap_undo $?' EXIT
	ktap_trace
	set -e
	"$1"
}

ktap_setup()
{
	if declare -F setup >/dev/null; then
		ktap_trace
		setup
		trap - ERR
	fi
}

# The program ends: by itself, by a failing setup, or by a signal.
ktap_end()
{
	local status=$1

	trap - EXIT
	if [ ! -e "$KTAP_DIR/planned" ]; then
		if [ "$status" -eq $KTAP_SKIPPED ]; then
			echo "1..0 # SKIP $(cat "$KTAP_DIR/reason")" >&3
			status=0
		else
			echo "# setup failed:" >&3
			ktap_explain
		fi
	fi
	: >"$KTAP_DIR/log"
	if ! (ktap_undo 0); then
		ktap_explain
		status=1
	fi
	rm -rf "$KTAP_DIR"
	exit "$status"
}

# What tests print goes to a log; only results go to the program's output.
ktap_main()
{
	local tests number=0 name status worst=0 began

	KTAP_DIR=$(mktemp -d)
	trap 'ktap_end $?' EXIT
	exec 3>&1 >>"$KTAP_DIR/log" 2>&1 </dev/null
	echo "KTAP version 1" >&3
	mapfile -t tests < <(ktap_tests)
	if [ ${#tests[@]} -eq 0 ]; then
		echo "no test matches" >"$KTAP_DIR/reason"
		exit $KTAP_SKIPPED
	fi

	ktap_setup
	echo "1..${#tests[@]}" >&3
	touch "$KTAP_DIR/planned"
	for name in "${tests[@]}"; do
		number=$((number + 1))
		: >"$KTAP_DIR/log"
		began=$SECONDS
		set +e
		(ktap_test "$name")
		status=$?
		ktap_took $((SECONDS - began))
		ktap_result $number "$(ktap_describe "$name")" $status ||
			worst=1
		set -e
	done
	exit $worst
}
