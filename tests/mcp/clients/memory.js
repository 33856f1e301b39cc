// SPDX-License-Identifier: Apache-2.0
// What server-memory offers, used through the SDK's client.
'use strict';

const assert = require('node:assert/strict');
const { call, main, session, textOf } = require('./session.js');

const scenarios = {};

const entities = [
	{ name: 'Ada', entityType: 'person', observations: ['wrote the first program'] },
	{ name: 'Engine', entityType: 'machine', observations: ['was never built'] },
];
const relations = [{ from: 'Ada', to: 'Engine', relationType: 'wrote for' }];

async function graph(client) {
	return JSON.parse(textOf(await call(client, 'read_graph')));
}

// What one session has written, the server of the next one reads.
scenarios.graph = async (url) => {
	await session(url, {}, async (client) => {
		assert.deepEqual(await graph(client), { entities: [], relations: [] });
		await call(client, 'create_entities', { entities });
		await call(client, 'create_relations', { relations });
		assert.deepEqual(await graph(client), { entities, relations });
	});
	await session(url, {}, async (client) => {
		assert.deepEqual(await graph(client), { entities, relations });
		const { structuredContent } = await call(client, 'search_nodes', { query: 'never built' });
		assert.deepEqual(structuredContent.entities, [entities[1]]);
		const observations = [{ entityName: 'Ada', contents: ['counted 漢字'] }];
		await call(client, 'add_observations', { observations });
		await call(client, 'delete_entities', { entityNames: ['Engine'] });
		const left = await graph(client);
		assert.deepEqual(left.entities[0].observations, ['wrote the first program', 'counted 漢字']);
		assert.deepEqual(left.relations, []);
	});
};

main(scenarios);
