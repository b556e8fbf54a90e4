# SPDX-License-Identifier: GPL-2.0
#
# fish completion for nbdtargetctl(8): what bash's, which knows it all, answers.

function __nbdtargetctl_complete
	set -l words (commandline -opc)
	# Without its quotes, the last of which may not be there yet.
	set -l raw (commandline -ct)
	set -l typed (string unescape -- $raw; or string unescape -- $raw'"'
		or string unescape -- $raw"'")
	set -l answer (bash @COMPLETIONDIR@/nbdtargetctl $words[2..] $typed 2>/dev/null)

	switch "$answer[1]"
	case words
		printf '%s\n' $answer[2..]
	case files
		set -l option (string replace -rf -- '^(--[^=]*=).*' '$1' $typed; or echo)
		for path in (__fish_complete_path (string sub -s (math (string length -- $option) + 1) -- $typed))
			echo $option$path
		end
	case 'command *'
		set -l first (math (string replace 'command ' '' $answer[1]) + 1)
		complete -C (string join ' ' -- (string escape -- $words[$first..]) $typed)
	end
end

complete -c nbdtargetctl -f -a '(__nbdtargetctl_complete)'
