// SPDX-License-Identifier: Apache-2.0
// node closing.js PORT: the end that the manual of Node's http.Server gives a service, close() at SIGTERM.
'use strict';

const http = require('http');

const body = '0123456789abcdef'.repeat(8);

const server = http.createServer((request, response) => {
	if (request.url === '/events') {
		response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
		const ticker = setInterval(() => response.write('data: tick\n\n'), 100);
		response.on('close', () => clearInterval(ticker));
		return;
	}
	response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 128 });
	response.end(body);
});

process.on('SIGTERM', () => server.close());
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
