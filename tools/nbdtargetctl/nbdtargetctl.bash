# SPDX-License-Identifier: GPL-2.0
# bash completion for nbdtargetctl(8)

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

# Replies with those of the lines on stdin that begin with the word typed.
_nbdtargetctl_reply()
{
	local line
	while IFS= read -r line; do
		[[ $line == "$1"* ]] || continue
		printf -v line %q "$line"
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
			--if-missing --or-update --listeners ;;
	set-export)
		echo --description --default --no-default --max-connections \
			--tls --listeners --reopen --resize --if-exists ;;
	scan-export)
		echo --rate --stop ;;
	add-bitmap)
		echo --granularity --disabled ;;
	remove-bitmap)
		echo --if-exists ;;
	checkpoint)
		echo --freeze --start --timeout --stdin ;;
	save-bitmaps)
		echo --remove-exports --timeout ;;
	restore-bitmaps)
		echo --trust --if-missing ;;
	remove-export)
		echo --force --if-exists --rescan ;;
	remove-listener)
		echo --force --if-exists ;;
	add-listener)
		echo --tls --access --if-missing --or-update ;;
	set-listener)
		echo --tls --if-exists ;;
	set-access)
		echo --export --listener --default ;;
	tls-agent)
		echo --credentials --client-certificates --ciphers \
			--max-handshakes --require-crl --weak-psk --check \
			--quiet ;;
	show)
		echo --uri ;;
	set-target)
		echo --max-connections --negotiation-timeout --stall-timeout \
			--max-in-flight --memory-limit --tls-key-policy \
			--tls-key-records --poll-time --log-clients \
			--peer-timeout ;;
	disconnect)
		echo --export --all --if-exists ;;
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
	save-bitmaps:1 | restore-bitmaps:1)
		_nbdtargetctl_files "$word" ;;
	save-bitmaps:*)
		_nbdtargetctl_reply "$word" < <(_nbdtargetctl_names) ;;
	add-bitmap:*)
		;;
	*-bitmap:2 | merge-bitmap:3)
		_nbdtargetctl_reply "$word" < <(_nbdtargetctl_bitmaps) ;;
	add-export:2)
		_nbdtargetctl_files "$word" ;;
	show:1)
		_nbdtargetctl_reply "$word" < <(printf '%s\n' exports \
			listeners connections bitmaps access target export
			_nbdtargetctl_names) ;;
	show:2)
		_nbdtargetctl_reply "$word" < <(_nbdtargetctl_names) ;;
	disconnect:1)
		_nbdtargetctl_reply "$word" < <(_nbdtargetctl_ids) ;;
	help:1)
		_nbdtargetctl_words "$_nbdtargetctl_verbs" "$word" ;;
	esac
}

_nbdtargetctl_verbs='add-export set-export remove-export scan-export
	forget-map add-bitmap remove-bitmap clear-bitmap enable-bitmap disable-bitmap
	merge-bitmap rename-bitmap checkpoint save-bitmaps restore-bitmaps
	add-listener set-listener remove-listener set-access show set-target disconnect monitor
	tls-agent version help'

# Options whose value is the next word.
_nbdtargetctl_takes_value()
{
	case $1 in
	--description | --max-connections | --negotiation-timeout | \
	--stall-timeout | --max-in-flight | --memory-limit | --export | \
	--map | --map-granularity | --rate | --granularity | --bitmap-from | \
	--freeze | --start | --timeout | --tls | --listener | --listeners | \
	--credentials | --client-certificates | --ciphers | --max-handshakes | \
	--tls-key-policy | --tls-key-records | --poll-time | --log-clients | \
	--peer-timeout | \
	-b | --batch)
		return 0 ;;
	esac
	return 1
}

# Sets verb and arguments by the words before the one that is typed.
_nbdtargetctl_parse()
{
	local i

	verb=
	arguments=0
	for ((i = 1; i < cword; i++)); do
		if _nbdtargetctl_takes_value "${words[i]}"; then
			((i++))
		elif [[ ${words[i]} == -?* ]]; then
			continue
		elif [ -z "$verb" ]; then
			verb=${words[i]}
		else
			((arguments++))
		fi
	done
}

_nbdtargetctl_complete()
{
	if _nbdtargetctl_takes_value "$prev"; then
		case $prev in
		-b | --batch)
			_nbdtargetctl_files "$cur" ;;
		--export)
			_nbdtargetctl_reply "$cur" < <(_nbdtargetctl_names) ;;
		--credentials)
			_nbdtargetctl_files "$cur" ;;
		--map)
			_nbdtargetctl_words 'auto off' "$cur" ;;
		--tls)
			_nbdtargetctl_words 'off optional required' "$cur" ;;
		--client-certificates)
			_nbdtargetctl_words 'require request ignore' "$cur" ;;
		--ciphers)
			_nbdtargetctl_words 'AES-256-GCM AES-128-GCM
				CHACHA20-POLY1305 AES-128-CCM' "$cur" ;;
		--tls-key-policy)
			_nbdtargetctl_words 'close warn off' "$cur" ;;
		--log-clients)
			_nbdtargetctl_words 'on off' "$cur" ;;
		esac
	elif [ -z "$verb" ] && [[ $cur == -* ]]; then
		_nbdtargetctl_words '--json --batch --keep-going --help
			--version' "$cur"
	elif [ -z "$verb" ]; then
		_nbdtargetctl_words "$_nbdtargetctl_verbs" "$cur"
	elif [[ $cur == -* ]]; then
		_nbdtargetctl_words "$(_nbdtargetctl_options "$verb")" "$cur"
	else
		_nbdtargetctl_arguments "$verb" $((arguments + 1)) "$cur"
	fi
}

_nbdtargetctl()
{
	local cur prev words cword verb arguments

	COMPREPLY=()
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n := cur prev words cword
	else
		words=("${COMP_WORDS[@]}")
		cword=$COMP_CWORD
		cur=${words[cword]}
		prev=${words[cword - 1]}
	fi
	_nbdtargetctl_parse
	_nbdtargetctl_complete
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}

complete -F _nbdtargetctl nbdtargetctl
