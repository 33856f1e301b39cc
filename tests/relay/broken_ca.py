# SPDX-License-Identifier: Apache-2.0
"""A CA that is out of order: broken_ca.py PORT CERT KEY answers every request with 500, and says "up" first."""

import http.server
import ssl
import sys


class Broken(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = answer

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Broken)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("up", flush=True)
server.serve_forever()
