#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A plugin of curfew serve that goes wrong in the way that it is asked for: to see what a client gets, and that
# the host and other calls do not notice.
#
#	curfew serve -- ./crash.sh
#	curl -H 'Content-Type: application/json' -d '{"how": "signal"}' http://127.0.0.1:8080/invoke
set -u

if [ "${1-}" = --describe ]; then
	cat <<-'END'
		{"name": "crash",
		 "inputs": {"type": "object", "required": ["how"], "properties":
			{"how": {"type": "string", "enum": ["signal", "exit", "garbage", "silence", "not at all"]}}},
		 "outputs": {"type": "string"}}
	END
	exit
fi

case $(cat) in
*signal*) kill -SEGV $$ ;;
*exit*)
	echo "this line is only logged" >&2
	echo "the disk is on fire" >&2
	exit 3
	;;
*garbage*) echo "Traceback (most recent call last):" ;;
*silence*) ;;
*) echo '{"output":"nothing went wrong"}' ;;
esac
