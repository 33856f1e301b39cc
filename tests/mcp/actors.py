# SPDX-License-Identifier: Apache-2.0
"""Servers that a shell starts, with an actor (tests/fixtures/actor.c) before, beside or behind them; and how they end."""

from mcp import *

CLEANS_UP = "setsid on TERM sleep 300 tell 2 cleaned exit 0 done tell 2 up serve"
STUBBORN = "setsid ignore TERM tell 2 up serve"
DELETED, ENDED = "by DELETE", "at the end"


def shell(script):
    """A server that a shell starts; $0 is its program, $1 an actor."""
    return ["sh", "-c", script, fixture("mcp_child"), fixture("actor")]


def beside(part):
    """A server beside an orphan, which has all of its descriptors, and tells when it is up."""
    return shell(f'"$1" orphan {part} done exit 0; exec "$0"')


def said(mcp):
    """The children's lines of standard error, in order."""
    return [line["line"] for line in mcp.lines(event="child_said")]


def until_up(mcp, count=1):
    until(lambda: said(mcp).count("up") == count, "the orphans are up")


def ended(mcp, session, way):
    """Ends a session with its child, and the gateway; returns the report."""
    if way == DELETED:
        assert session.end() in (200, 204)
        until(lambda: not mcp.keepers(), "the child and all that it has started are gone")
        assert mcp.is_ready()
    return mcp.stop()


def servers(mcp):
    """The processes below the keepers."""
    return [pid for keeper in mcp.keepers() for pid in descendants(keeper)]


def with_log(fd):
    """A start of the gateway with another standard error."""
    return lambda argv: ["sh", "-c", f'exec "$@" 2>/proc/self/fd/{fd}', "sh", *argv]
