// SPDX-License-Identifier: Apache-2.0
// node relay.js PORT: a relay as one writes it with npm's ws, for bench/relay: the paths, headers and
// envelopes of curfew relay, and what is easily done of its end.
'use strict';

const {WebSocketServer} = require('ws');

const CLIENTS_MOST = 16;
const servers = new Map(); // server-id -> {socket, clients: conn_id -> socket}
const hub = new WebSocketServer({host: '127.0.0.1', port: +process.argv[2], maxPayload: 256 * 1024});
let number = 0;

function serve(socket, id) {
  if (servers.has(id)) return socket.close(4409, 'id taken');
  const server = {socket, clients: new Map()};
  servers.set(id, server);
  socket.on('message', data => {
    const {conn_id, frame, close_code} = JSON.parse(data);
    const client = server.clients.get(conn_id);
    if (client && frame !== undefined) client.send(JSON.stringify(frame));
    if (client && close_code) client.close(close_code);
  });
  socket.on('close', () => {
    servers.delete(id);
    for (const client of server.clients.values()) client.close(1000);
  });
}

function join(socket, id) {
  const server = servers.get(id);
  if (!server) return socket.close(4404, 'no server with that id');
  if (server.clients.size === CLIENTS_MOST) return socket.close(4429, 'too many clients');
  const conn_id = `client-${id}-${(number++).toString(16).padStart(8, '0')}`;
  server.clients.set(conn_id, socket);
  socket.on('message', data => server.socket.send(JSON.stringify({conn_id, frame: JSON.parse(data)})));
  socket.on('close', code => {
    server.clients.delete(conn_id);
    server.socket.send(JSON.stringify({conn_id, close_code: code === 1005 ? 1001 : code}));
  });
}

hub.on('connection', (socket, request) => {
  socket.on('error', () => {});
  (request.url === '/v1/server' ? serve : join)(socket, request.headers['x-relay-server']);
});
process.on('SIGTERM', () => {
  for (const socket of hub.clients) socket.close(1001, 'shutting down');
  hub.close(() => process.exit(0));
});
