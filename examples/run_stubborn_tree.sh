#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A tree that does not want to end: the main process cleans up on SIGTERM, a second one ignores it, and a
# third one, which ignores it too, has left its parent and its session. Try, in the build directory:
#
#	../examples/run_stubborn_tree.sh ./curfew run --duration 1s --grace 2s --report - --
#	../examples/run_stubborn_tree.sh timeout 1 tini -s --
#
# The report tells what had to be killed, and the last line how many of the three are left.
set -u

case ${1-} in
--main)
	echo $$ >>"$2"
	"$0" --stubborn "$2" &
	(setsid "$0" --stubborn "$2" &)
	trap 'sleep 0.3; echo "cleaned up"; exit 0' TERM
	until [ "$(wc -l <"$2")" -eq 3 ]; do
		sleep 0.01
	done
	echo "all three are up"
	while :; do
		sleep 0.1
	done
	;;
--stubborn)
	trap '' TERM
	echo $$ >>"$2"
	exec sleep 1000
	;;
esac

pids=$(mktemp)
trap 'rm -f "$pids"' EXIT
"$@" "$0" --main "$pids"
echo "exit code $?"

left=0
while read -r pid; do
	if kill -0 "$pid" 2>/dev/null; then
		left=$((left + 1))
		kill -KILL "$pid"
	fi
done <"$pids"
echo "left: $left of 3"
