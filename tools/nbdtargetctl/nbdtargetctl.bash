# SPDX-License-Identifier: GPL-2.0
#
# bash completion for nbdtargetctl(8); and what those of other shells ask, so that there
# is one list of what may be typed: see _nbdtargetctl_answer. test/completion compares
# it with the tool's own tables.

# Names of the exports there are, one a line. Asks only when the module is
# loaded, for asking loads it. Names that JSON escapes are left out.
_nbdtargetctl_names()
{
	[ -d /sys/module/nbdtarget ] || return
	nbdtargetctl show exports --json 2>/dev/null |
		sed -n 's/^    "name": "\([^"\\]*\)",$/\1/p'
}

_nbdtargetctl_bitmaps()
{
	[ -d /sys/module/nbdtarget ] || return
	nbdtargetctl show bitmaps --json 2>/dev/null |
		sed -n 's/^    "name": "\([^"\\]*\)",$/\1/p' | sort -u
}

_nbdtargetctl_ids()
{
	[ -d /sys/module/nbdtarget ] || return
	nbdtargetctl show connections --json 2>/dev/null |
		sed -n 's/^    "id": \([0-9]*\),*$/\1/p'
}

_nbdtargetctl_addresses()
{
	[ -d /sys/module/nbdtarget ] || return
	nbdtargetctl show listeners --json 2>/dev/null |
		sed -n 's/^    "endpoint": "\([^"\\]*\)",*$/\1/p'
}

# Replies with those of the lines on stdin that begin with the word typed. Bash has that
# with its quotes, and wants them with theirs.
_nbdtargetctl_reply()
{
	local line word=$1

	[ "$plain" ] || word=${word//\\/}
	while IFS= read -r line; do
		[[ $line == "$word"* ]] || continue
		[ "$plain" ] || printf -v line %q "$line"
		COMPREPLY+=("$line")
	done
}

_nbdtargetctl_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_nbdtargetctl_files()
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_nbdtargetctl_options()
{
	case $1 in
	add-export)
		echo --read-only --description --default --max-connections \
			--allocation-depth --map --shared --zeroed \
			--map-granularity --bitmap-from --tls --access \
			--if-missing --or-update --listeners --on-return --metadata \
			--on-metadata-error --accept-stale --least-generation ;;
	set-export)
		echo --description --default --no-default --max-connections \
			--tls --listeners --reopen --resize --if-exists --on-return ;;
	scan-export)
		echo --rate --stop --no-wait --timeout ;;
	add-bitmap)
		echo --granularity --disabled --inconsistent --if-missing ;;
	remove-bitmap)
		echo --if-exists ;;
	checkpoint)
		echo --freeze --start --name --timeout --stdin ;;
	format-metadata)
		echo --for --bitmaps --granularity --bound --region --needed \
			--force ;;
	save-bitmaps)
		echo --remove-exports --timeout ;;
	restore-bitmaps)
		echo --trust --if-missing --final --spend ;;
	remove-export)
		echo --force --if-exists --rescan --no-wait --timeout ;;
	remove-listener)
		echo --force --if-exists --no-wait --timeout ;;
	save)
		echo --commands --no-bitmaps ;;
	apply)
		echo --bitmaps --trust --dry-run --force ;;
	restore)
		echo --export --device --awaited --bitmaps --trust --dry-run --force ;;
	upgrade)
		echo --old --no-return --folder --timeout ;;
	clear)
		echo --force --only-listeners --no-wait --timeout ;;
	add-listener)
		echo --tls --access --if-missing --or-update ;;
	set-listener)
		echo --tls --if-exists ;;
	set-access)
		echo --export --listener --default ;;
	tls-agent)
		echo --credentials --client-certificates --ciphers \
			--priority --tickets --max-handshakes --require-crl \
			--weak-psk --check --quiet ;;
	show)
		echo --uri ;;
	set-target)
		echo --max-connections --negotiation-timeout --stall-timeout \
			--max-in-flight --memory-limit --tls-key-policy \
			--tls-key-records --poll-time --log-clients \
			--peer-timeout --placement ;;
	disconnect)
		echo --export --all --if-exists --no-wait --timeout ;;
	monitor)
		echo --announce ;;
	esac
	echo --json --help
}

# The words that may stand as argument number $2 of a verb.
_nbdtargetctl_arguments()
{
	local word=$3
	case $1:$2 in
	set-export:1 | remove-export:1 | scan-export:1 | forget-map:1 | checkpoint:* | *-bitmap:1)
		_nbdtargetctl_reply "$word" < <(_nbdtargetctl_names) ;;
	save-bitmaps:1 | restore-bitmaps:1 | save:1 | apply:1 | restore:1 | upgrade:1)
		_nbdtargetctl_files "$word" ;;
	save-bitmaps:* | restore-bitmaps:*)
		_nbdtargetctl_reply "$word" < <(_nbdtargetctl_names) ;;
	add-bitmap:*)
		;;
	*-bitmap:2 | merge-bitmap:3)
		_nbdtargetctl_reply "$word" < <(_nbdtargetctl_bitmaps) ;;
	add-export:2 | format-metadata:1 | check-metadata:1)
		_nbdtargetctl_files "$word" ;;
	show:1)
		_nbdtargetctl_reply "$word" < <(printf '%s\n' exports \
			listeners connections bitmaps access target export
			_nbdtargetctl_names) ;;
	show:2)
		_nbdtargetctl_reply "$word" < <(_nbdtargetctl_names) ;;
	disconnect:1)
		_nbdtargetctl_reply "$word" < <(_nbdtargetctl_ids) ;;
	set-listener:1 | remove-listener:1)
		_nbdtargetctl_reply "$word" < <(_nbdtargetctl_addresses) ;;
	set-access:*)
		_nbdtargetctl_words 'allow deny' "$word" ;;
	help:1)
		_nbdtargetctl_words "$_nbdtargetctl_verbs" "$word" ;;
	esac
}

_nbdtargetctl_verbs='add-export set-export remove-export scan-export
	forget-map add-bitmap remove-bitmap clear-bitmap enable-bitmap
	disable-bitmap merge-bitmap rename-bitmap checkpoint save-bitmaps restore-bitmaps
	format-metadata check-metadata
	add-listener set-listener remove-listener set-access show set-target
	disconnect save apply restore upgrade clear monitor tls-agent version help'

# Options whose value is the next word.
_nbdtargetctl_takes_value()
{
	case $1 in
	--description | --max-connections | --negotiation-timeout | \
	--stall-timeout | --max-in-flight | --memory-limit | --export | \
	--map | --map-granularity | --rate | --granularity | --bitmap-from | \
	--freeze | --start | --name | --timeout | --tls | --listener | --listeners | \
	--metadata | --on-metadata-error | --least-generation | --for | --bound | \
	--region | --credentials | --client-certificates | --ciphers | --priority | \
	--max-handshakes | --tickets | \
	--tls-key-policy | --tls-key-records | --poll-time | --log-clients | \
	--peer-timeout | --placement | --access | --on-return | --device | --bitmaps | --old | --folder | \
	-b | --batch)
		return 0 ;;
	--default)
		[ "$verb" = set-access ]
		return ;;
	esac
	return 1
}

# The last of several with commas between.
_nbdtargetctl_last_address()
{
	local before=

	[[ $1 != *,* ]] || before=${1%,*},
	_nbdtargetctl_reply "${1##*,}" < <(_nbdtargetctl_addresses)
	COMPREPLY=("${COMPREPLY[@]/#/$before}")
}

# The values that option $1 may have.
_nbdtargetctl_values()
{
	case $1 in
	-b | --batch | --credentials | --device | --bitmaps | --metadata | --for)
		_nbdtargetctl_files "$2" ;;
	--export)
		_nbdtargetctl_reply "$2" < <(_nbdtargetctl_names) ;;
	--freeze)
		_nbdtargetctl_reply "$2" < <(_nbdtargetctl_bitmaps) ;;
	--listener)
		_nbdtargetctl_reply "$2" < <(_nbdtargetctl_addresses) ;;
	--listeners)
		_nbdtargetctl_last_address "$2" ;;
	--on-metadata-error)
		_nbdtargetctl_words 'stop continue' "$2" ;;
	--map)
		_nbdtargetctl_words 'auto off' "$2" ;;
	--on-return)
		_nbdtargetctl_words 'reopen stay' "$2" ;;
	--access | --default)
		_nbdtargetctl_words 'allow deny' "$2" ;;
	--tls)
		case $verb in
		*-export)
			_nbdtargetctl_words 'optional required' "$2" ;;
		*)
			_nbdtargetctl_words 'off optional required' "$2" ;;
		esac ;;
	--client-certificates)
		_nbdtargetctl_words 'require request ignore' "$2" ;;
	--ciphers)
		_nbdtargetctl_words 'AES-256-GCM AES-128-GCM
			CHACHA20-POLY1305 AES-128-CCM' "$2" ;;
	--tls-key-policy)
		_nbdtargetctl_words 'close warn off' "$2" ;;
	--log-clients)
		_nbdtargetctl_words 'on off' "$2" ;;
	--placement)
		_nbdtargetctl_words 'arrival scheduler' "$2" ;;
	esac
}

# Bash splits at "=" and ":", too. Sets words, cword, cur and prev to the words
# that the shell will see, up to the one that is typed.
_nbdtargetctl_join()
{
	local rest=$COMP_LINE word i

	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i)) && [[ $rest != [[:space:]]* && $rest == "$word"* &&
			($word == [=:]* || ${words[-1]} == *[=:]) ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
		rest=${rest#*"$word"}
	done
	cword=$((${#words[@]} - 1))
	cur=${words[cword]}
	prev=${words[cword - 1]}
}

# Sets verb, arguments and more by the words before the one that is typed: after
# "--" come arguments or, if that is what the verb has, a command.
_nbdtargetctl_parse()
{
	local i

	verb='' arguments=0 options=1 program=0
	for ((i = 1; i < cword && !program; i++)); do
		if ((options)) && [ "${words[i]}" = -- ]; then
			options=0
			[ "$verb" != checkpoint ] || program=$((i + 1))
		elif ((options)) && _nbdtargetctl_takes_value "${words[i]}"; then
			((i++))
		elif ((options)) && [[ ${words[i]} == -?* ]]; then
			continue
		elif [ -z "$verb" ]; then
			verb=${words[i]}
		else
			((arguments++))
		fi
	done
}

_nbdtargetctl_program()
{
	if ((cword == program)); then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u)
	else
		_nbdtargetctl_files "$cur"
	fi
}

_nbdtargetctl_complete()
{
	if ((program)); then
		_nbdtargetctl_program
	elif ((options)) && _nbdtargetctl_takes_value "$prev"; then
		_nbdtargetctl_values "$prev" "$cur"
	elif ((options)) && [[ $cur == --*=* ]]; then
		_nbdtargetctl_values "${cur%%=*}" "${cur#*=}"
		COMPREPLY=("${COMPREPLY[@]/#/${cur%%=*}=}")
	elif [ -z "$verb" ] && [[ $cur == -* ]]; then
		_nbdtargetctl_words '--json --batch --keep-going --help
			--version' "$cur"
	elif [ -z "$verb" ]; then
		_nbdtargetctl_words "$_nbdtargetctl_verbs" "$cur"
	elif ((options)) && [[ $cur == -* ]]; then
		_nbdtargetctl_words "$(_nbdtargetctl_options "$verb")" "$cur"
	else
		_nbdtargetctl_arguments "$verb" $((arguments + 1)) "$cur"
	fi
}

# Replies begin where bash split last.
_nbdtargetctl_trim()
{
	local i char typed=$cur

	while [[ $typed =~ [=:] ]]; do
		char=${BASH_REMATCH[0]}
		typed=${typed#*"$char"}
		[[ $COMP_WORDBREAKS == *"$char"* ]] || continue
		for i in "${!COMPREPLY[@]}"; do
			COMPREPLY[i]=${COMPREPLY[i]#*"$char"}
		done
	done
}

_nbdtargetctl()
{
	local cur prev words cword verb arguments options program plain=

	COMPREPLY=()
	_nbdtargetctl_join
	_nbdtargetctl_parse
	_nbdtargetctl_complete
	_nbdtargetctl_trim
}

# What the tool's help says of each verb and option: "WORD<tab>TEXT" lines.
_nbdtargetctl_texts()
{
	if [ -z "$verb" ] || [ "$verb" = help ]; then
		nbdtargetctl help
	else
		nbdtargetctl "$verb" --help
	fi 2>/dev/null |
		sed -nE 's/^  (-[a-z], )?(--[a-z-]+)( [^ ]+)?  +(.*)/\2\t\4/p
			s/^  ([a-z][a-z-]*) +(.*)/\1\t\2/p'
}

# The replies, with what there is to say of them.
_nbdtargetctl_told()
{
	local -A texts=()
	local word text

	while IFS=$'\t' read -r word text; do
		texts[$word]=$text
	done < <([[ $cur != -* && -n $verb && $verb != help ]] || _nbdtargetctl_texts)
	for word in "${COMPREPLY[@]}"; do
		printf '%s\t%s\n' "$word" "${texts[$word]-}"
	done
}

# For other shells: bash FILE [WORD]... is given the words behind nbdtargetctl as the
# shell sees them, up to the one that is typed. The first line of the answer is the kind
# of what may stand there: "words", which follow, each with a tab and a text or nothing
# behind it; "files", behind the "=" of the last word if it is an option with one; or
# "command N", a line of some other program whose name is word N.
_nbdtargetctl_answer()
{
	local words=(nbdtargetctl "$@") cword=$# verb arguments options program
	local cur=${words[cword]} prev=${words[cword - 1]} plain=yes kind=words

	_nbdtargetctl_files() { kind=files; }
	_nbdtargetctl_program() { kind="command $program"; }
	COMPREPLY=()
	_nbdtargetctl_parse
	_nbdtargetctl_complete
	echo "$kind"
	[ "$kind" != words ] || _nbdtargetctl_told
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	_nbdtargetctl_answer "$@"
else
	complete -F _nbdtargetctl nbdtargetctl
fi
