#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A plugin of curfew serve that does not want to end: it ignores SIGTERM, and so does what it has started, which
# has left its group, its session and its parent. Both write their pids to a file. With --term-wait they have so
# long until they are killed, when the call is cancelled or the process ends.
#
#	curfew serve --term-wait 1s -- ./stubborn.sh
#	curl -H 'Content-Type: application/json' -d '{"pids": "/tmp/pids"}' http://127.0.0.1:8080/invoke
set -u

case ${1-} in
--describe)
	cat <<-'END'
		{"name": "stubborn",
		 "inputs": {"type": "object", "required": ["pids"],
			"properties": {"pids": {"type": "string", "is_path": true}}},
		 "outputs": {"type": "null"}}
	END
	exit
	;;
--stay)
	trap '' TERM HUP
	echo $$ >>"$2"
	exec sleep 1000
	;;
esac

trap '' TERM
pids=$(sed -n 's/^{ *"pids" *: *"\([^"\\]*\)" *}$/\1/p')
(setsid "$0" --stay "$pids" &)
exec "$0" --stay "$pids"
