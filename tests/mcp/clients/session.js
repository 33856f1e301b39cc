// SPDX-License-Identifier: Apache-2.0
// The SDK's own client, over the transport that the URL names, and the frame of a program of scenarios:
// node PROGRAM SCENARIO URL [ARGUMENT...] runs one, and fails where it throws.
'use strict';

const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { SSEClientTransport } = require('@modelcontextprotocol/sdk/client/sse.js');
const { StreamableHTTPClientTransport } = require('@modelcontextprotocol/sdk/client/streamableHttp.js');

function transportTo(url) {
	return url.endsWith('/sse')
		? new SSEClientTransport(new URL(url))
		: new StreamableHTTPClientTransport(new URL(url));
}

// A session for as long as the use of it lasts. The handlers are in place before the first message: pairs of a
// schema and a function.
async function session(url, { capabilities = {}, requests = [], notifications = [] }, use) {
	const client = new Client({ name: 'curfew-tests', version: '1.0.0' }, { capabilities });
	requests.forEach(([schema, handler]) => client.setRequestHandler(schema, handler));
	notifications.forEach(([schema, handler]) => client.setNotificationHandler(schema, handler));
	const transport = transportTo(url);
	await client.connect(transport);
	try {
		return await use(client, transport);
	} finally {
		await transport.terminateSession?.();
		await client.close();
	}
}

// What a server tells, one after the other: take() is the next that fits.
class Inbox {
	constructor() {
		this.messages = [];
		this.waiting = [];
	}

	put = (message) => {
		this.messages.push(message);
		this.waiting.splice(0).forEach((wake) => wake());
	};

	async take(fits = () => true) {
		for (;;) {
			const index = this.messages.findIndex(fits);
			if (index >= 0) {
				return this.messages.splice(index, 1)[0];
			}
			await new Promise((wake) => this.waiting.push(wake));
		}
	}
}

function textOf(result) {
	return result.content.map((part) => part.text ?? '').join('\n');
}

function call(client, name, given = {}, options = {}) {
	return client.callTool({ name, arguments: given }, undefined, options);
}

function main(scenarios) {
	const [name, ...given] = process.argv.slice(2);
	scenarios[name](...given).then(
		() => process.exit(0),
		(error) => {
			console.error(error);
			process.exit(1);
		},
	);
}

module.exports = { Inbox, call, main, session, textOf };
