#!/bin/zsh
# SPDX-License-Identifier: GPL-2.0
#
# What zsh completes, as somebody who types sees it: completion.zsh FOLDER, the folder
# with the function; writes KTAP lines without numbers. A shell on a terminal of its own is
# told what to type.

zmodload zsh/zpty

# shows KEYS: what the terminal shows of these, and the line that there is then.
shows()
{
	zpty -w -n typist "$1"$'\C-Xs'
	zpty -r typist shown $'*<<*>>*'
	line=${${shown##*<<}%%>>*}
	zpty -w -n typist $'\C-U'
}

# becomes LINE WANTED: completed.
becomes()
{
	shows "nbdtargetctl $1"$'\t'
	if [[ $line == "nbdtargetctl $2" ]]; then
		print -r -- "ok - zsh completes '$1'"
	else
		print -r -- "not ok - zsh completes '$1'"
		print -r -- "# wanted nbdtargetctl $2"
		print -r -- "# got    $line"
	fi
}

# offers LINE TEXT...: in the list below it.
offers()
{
	local text all=1

	shows "nbdtargetctl $1"$'\t'
	for text in "${@[2,-1]}"; do
		[[ $shown == *"$text"* ]] || all=0
	done
	if ((all)); then
		print -r -- "ok - zsh offers what fits '$1'"
	else
		print -r -- "not ok - zsh offers what fits '$1'"
		print -r -- "# got ${(q)shown}"
	fi
}

zpty typist 'TERM=dumb zsh -f -i'
zpty -w typist "stty cols 200; PS1=; fpath=(${(q)1} \$fpath); setopt no_beep
	autoload -U compinit; compinit -D -u; zstyle ':completion:*' verbose yes
	show() { print -r -- '<''<'\$BUFFER'>''>' }; zle -N show; bindkey '^Xs' show
	print rea''dy"
zpty -r typist shown '*ready*'

becomes 'add-ex' 'add-export '
offers 'remove-' 'remove-export    -- Removes an export. Its device is closed on return.' \
	'remove-bitmap    -- Removes a bitmap that nobody uses.'
offers 'add-export a b --acce' '--access        -- deny: nobody may use it until' \
	'--accept-stale  -- of the metadata: then all is dirty'
becomes 'add-export --tls=r' 'add-export --tls=required '
becomes 'add-export --tls o' 'add-export --tls optional '
becomes 'remove-export d' 'remove-export disk0 '
becomes 'remove-export o' 'remove-export old\ disk '
becomes 'remove-export old\ d' 'remove-export old\ disk '
becomes 'remove-export "old d' 'remove-export "old disk" '
becomes 'remove-export i' "remove-export it\\'s "
becomes 'remove-export back\\' 'remove-export back\\slash '
becomes 'apply /proc/uptim' 'apply /proc/uptime '
becomes 'apply x --bitmaps=/proc/uptim' 'apply x --bitmaps=/proc/uptime '
becomes 'checkpoint disk0 -- cat /proc/uptim' 'checkpoint disk0 -- cat /proc/uptime '
becomes 'add-bitmap disk0 ' 'add-bitmap disk0 '
zpty -d typist
