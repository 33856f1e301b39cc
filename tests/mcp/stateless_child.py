# SPDX-License-Identifier: Apache-2.0
"""An MCP server on stdio for tests of the stateless era: stateless_child.py [session|fragile|silent|era]

session  knows the session era alone, and answers an error to server/discover
fragile  ends at whatever comes before initialize
silent   does not answer server/discover
era      is of the stateless era, and refuses initialize

The name of a tool says what a call of it does. Each answer has our pid, and what initialize said."""

import json
import os
import sys

KIND = sys.argv[1] if len(sys.argv) > 1 else "session"
META = "io.modelcontextprotocol/"
WELCOME = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {"listChanged": True}, "resources": {"subscribe": True}, "logging": {}},
    "serverInfo": {"name": "child", "version": "1"},
}
told = {"initialize": None, "level": None}


def say(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def notify(method, params):
    say({"method": f"notifications/{method}", "params": params})


def answer(id, **more):
    say({"id": id, "result": {"pid": os.getpid(), "told": told, **more}})


def refuse(id, code):
    say({"id": id, "error": {"code": code, "message": "no"}})


def ask(id, method, params):
    """A request of our own, and what comes back for it."""
    say({"id": id, "method": method, "params": params})
    return read()


def read():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def call(id, params):
    name, meta = params["name"], params.get("_meta", {})
    if name == "hold":
        notify("message", {"level": "error", "data": "held"})
        return
    if name == "exit":
        sys.exit(3)
    if name == "tell":
        notify("message", {"level": "info", "data": "a"})
        notify("progress", {"progressToken": meta.get("progressToken"), "progress": 1})
        notify("tools/list_changed", {})
        notify("own", {})
    if name == "ask":
        answer(id, replies=[ask("q1", "elicitation/create", {"message": "name?"}), ask("q2", "elicitation/create", {"message": "age?"})])
    elif name == "ask both":
        say({"id": 1, "method": "elicitation/create", "params": {"message": "name?"}})
        answer(id, replies=[ask(2, "roots/list", {}), read()])
    elif name == "environment":
        answer(id, value=os.environ.get(params["arguments"]["name"]))
    else:
        answer(id, params=params)


def serve(message):
    method, id, params = message.get("method"), message.get("id"), message.get("params", {})
    if KIND == "fragile" and not told["initialize"] and method != "initialize":
        sys.exit(9)
    if method == "initialize" and KIND != "era":
        told["initialize"] = params
        say({"id": id, "result": WELCOME})
    elif method == "server/discover" and KIND == "era":
        answer(id, supportedVersions=["2026-07-28"], capabilities={}, resultType="complete")
    elif method == "server/discover" and KIND == "silent":
        return
    elif method == "subscriptions/listen" and KIND == "era":
        notify("subscriptions/acknowledged", {"_meta": {META + "subscriptionId": id}, "notifications": {}})
    elif method == "logging/setLevel":
        told["level"] = params["level"]
        say({"id": id, "result": {}})
    elif method == "tools/list":
        answer(id, tools=[])
    elif method == "tools/call":
        call(id, params)
    elif method == "resources/read":
        refuse(id, -32002)
    elif id is not None and method:
        refuse(id, -32601)


while True:
    serve(read())
