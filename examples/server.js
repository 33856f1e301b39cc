// SPDX-License-Identifier: Apache-2.0
// An ordinary service: Node's own HTTP server, which knows nothing of a graceful end. An answer takes it 50 ms.
const http = require("http");

const server = http.createServer((request, response) => setTimeout(() => response.end("hello\n"), 50));
server.listen(process.argv[2], "127.0.0.1");
