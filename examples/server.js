// SPDX-License-Identifier: Apache-2.0
// An ordinary service: Node's own HTTP server, which knows nothing of a graceful end. For the demo.
const http = require("http");

http.createServer((request, response) => response.end("hello\n")).listen(process.argv[2], "127.0.0.1");
