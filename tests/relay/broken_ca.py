# SPDX-License-Identifier: Apache-2.0
"""A CA that is out of order: broken_ca.py PORT CERT KEY [TOKEN] answers every request with 500, and says "up" first.
With a token it issues as far as the challenge, which names it, whatever it is."""

import base64
import http.server
import json
import ssl
import sys

URL = f"https://127.0.0.1:{sys.argv[1]}"


class Broken(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = answer

    def log_message(self, *_):
        pass


class Evil(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    accounts = []

    def answer(self, status, document, location="/there"):
        body = json.dumps(document).encode() if status != 204 else b""
        kind = "application/problem+json" if status >= 400 else "application/json"
        fields = {"Replay-Nonce": "nonce", "Location": URL + location, "Content-Type": kind, "Content-Length": str(len(body))}
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        names = "newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"
        self.answer(204 if self.path == "/newNonce" else 200, {name: f"{URL}/{name}" for name in names})

    def do_POST(self):
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["payload"]
        asked = json.loads(base64.urlsafe_b64decode(wanted + "==") or b"{}")
        if self.path == "/newAccount" and asked.get("onlyReturnExisting") and not self.accounts:
            self.answer(400, {"type": "urn:ietf:params:acme:error:accountDoesNotExist"})
        elif self.path == "/newAccount":
            self.answer(200 if self.accounts else 201, {"status": "valid"}, "/account")
            self.accounts.append("/account")
        elif self.path == "/newOrder":
            self.answer(201, {"status": "pending", "authorizations": [URL + "/authz"], "finalize": URL + "/finalize"}, "/order")
        elif self.path == "/authz":
            challenge = {"type": "http-01", "url": URL + "/challenge", "status": "pending", "token": sys.argv[4]}
            self.answer(200, {"status": "pending", "identifier": {"type": "dns", "value": "relay.example.org"}, "challenges": [challenge]})
        else:
            self.answer(500, {})

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Evil if len(sys.argv) > 4 else Broken)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("up", flush=True)
server.serve_forever()
