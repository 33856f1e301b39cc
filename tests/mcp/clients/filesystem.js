// SPDX-License-Identifier: Apache-2.0
// What server-filesystem offers, used through the SDK's client; the folder that it serves is an argument.
'use strict';

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const types = require('@modelcontextprotocol/sdk/types.js');
const { call, main, session, textOf } = require('./session.js');

const scenarios = {};

scenarios.files = (url, folder) =>
	session(url, {}, async (client) => {
		const path = join(folder, 'notes — ü.txt');
		const content = 'one\ntwo\n'.repeat(200000);
		await call(client, 'write_file', { path, content });
		assert.equal(readFileSync(path, 'utf8'), content);
		assert.equal(textOf(await call(client, 'read_text_file', { path })), content);
		assert.equal(textOf(await call(client, 'read_text_file', { path, head: 1 })), 'one');
		await call(client, 'write_file', { path, content: 'one\ntwo\n' });
		const edits = [{ oldText: 'two', newText: 'three' }];
		assert.match(textOf(await call(client, 'edit_file', { path, edits })), /^\+three$/m);
		assert.match(textOf(await call(client, 'list_directory', { path: folder })), /\[FILE\] notes — ü\.txt/);
		assert.equal(readFileSync(path, 'utf8'), 'one\nthree\n');
	});

scenarios.folders = (url, folder) =>
	session(url, {}, async (client) => {
		const deep = join(folder, 'a', 'b');
		await call(client, 'create_directory', { path: deep });
		await call(client, 'write_file', { path: join(deep, 'c.txt'), content: 'c' });
		await call(client, 'move_file', { source: join(deep, 'c.txt'), destination: join(folder, 'a', 'd.txt') });
		const found = await call(client, 'search_files', { path: folder, pattern: '**/*.txt' });
		assert.equal(textOf(found), join(folder, 'a', 'd.txt'));
		const tree = JSON.parse(textOf(await call(client, 'directory_tree', { path: join(folder, 'a') })));
		assert.deepEqual(tree.map((entry) => entry.name).sort(), ['b', 'd.txt']);
	});

scenarios.refusals = (url, folder) =>
	session(url, {}, async (client) => {
		const outside = await call(client, 'read_text_file', { path: '/etc/hostname' });
		assert.equal(outside.isError, true);
		assert.match(textOf(outside), /outside allowed directories/);
		const missing = await call(client, 'read_text_file', { path: join(folder, 'missing') });
		assert.equal(missing.isError, true);
		const wrong = await call(client, 'write_file', { path: 1 });
		assert.equal(wrong.isError, true);
	});

// The client's roots take the place of the folder on the server's command line.
scenarios.roots = (url, folder) => {
	const inner = join(folder, 'inner');
	const requests = [[types.ListRootsRequestSchema, () => ({ roots: [{ uri: `file://${inner}` }] })]];
	return session(url, { capabilities: { roots: {} }, requests }, async (client) => {
		let allowed;
		do {
			allowed = textOf(await call(client, 'list_allowed_directories'));
		} while (!allowed.endsWith(inner));
		assert.equal((await call(client, 'list_directory', { path: folder })).isError, true);
	});
};

main(scenarios);
