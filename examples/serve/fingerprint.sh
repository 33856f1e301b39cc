#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A plugin of curfew serve in shell: the size and the SHA-256 of a file.
#
#	curfew serve -- ./fingerprint.sh
#	curl -H 'Content-Type: application/json' -d '{"path": "/etc/hostname"}' http://127.0.0.1:8080/invoke
#
# On SIGTERM the shell and what it runs end at once, which is all that a cancelled call needs.
set -eu

answer() {
	printf '%s\n' "$1"
}

case ${1-} in
--describe)
	cat <<-'END'
		{
			"name": "fingerprint",
			"description": "Tells files apart",
			"inputs": {"type": "object", "required": ["path"],
				"properties": {"path": {"type": "string", "is_path": true}}},
			"outputs": {"type": "object", "required": ["bytes", "sha256"],
				"properties": {"bytes": {"type": "integer"}, "sha256": {"type": "string"}}},
			"precheck": true
		}
	END
	exit
	;;
--precheck)
	command -v sha256sum >/dev/null || {
		echo "sha256sum is not installed" >&2
		exit 1
	}
	exit
	;;
esac

# The request was checked: it is an object with a string "path". One with escapes is more than sed should read.
path=$(sed -n 's/^{ *"path" *: *"\([^"\\]*\)" *}$/\1/p')
if [ -z "$path" ]; then
	answer '{"status_code":422,"status_code_text":"the path has quotes, backslashes or control characters in it"}'
elif [ ! -f "$path" ]; then
	answer '{"status_code":404,"status_code_text":"there is no such file"}'
else
	bytes=$(wc -c <"$path")
	sum=$(sha256sum <"$path")
	answer "{\"output\":{\"bytes\":$bytes,\"sha256\":\"${sum%% *}\"},\"usage\":[{\"name\":\"bytes\",\"value\":$bytes}]}"
fi
