#compdef nbdtargetctl
# SPDX-License-Identifier: GPL-2.0
#
# zsh completion for nbdtargetctl(8): what bash's, which knows it all, answers.

_nbdtargetctl()
{
	local -a answer found texts
	local line word width=0

	answer=("${(@f)$(bash @COMPLETIONDIR@/nbdtargetctl \
		"${(@Q)words[2,CURRENT - 1]}" "${(Q)PREFIX}" 2>/dev/null)}")
	case $answer[1] in
	words)
		found=("${(@)answer[2,-1]%%$'\t'*}")
		for word in "${(@)found}"; do
			((width >= $#word)) || width=$#word
		done
		for line in "${(@)answer[2,-1]}"; do
			word=${(r:width:)line%%$'\t'*}
			line=${line#*$'\t'}
			texts+=("$word${line:+  -- $line}")
		done
		compadd -l -d texts -a found
		;;
	files)
		compset -P '--*='
		_files
		;;
	command*)
		shift "${answer[1]#command }" words
		((CURRENT -= ${answer[1]#command }))
		_normal
		;;
	esac
}

_nbdtargetctl "$@"
