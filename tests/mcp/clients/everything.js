// SPDX-License-Identifier: Apache-2.0
// What server-everything offers, used through the SDK's client.
'use strict';

const assert = require('node:assert/strict');
const types = require('@modelcontextprotocol/sdk/types.js');
const { Inbox, call, main, session, textOf } = require('./session.js');

const LONG = 'trigger-long-running-operation';
const scenarios = {};

scenarios.initialize = (url) =>
	session(url, {}, async (client) => {
		assert.equal(client.getServerVersion().name, 'mcp-servers/everything');
		assert.ok(client.getServerCapabilities().resources.subscribe);
		assert.match(client.getInstructions(), /Everything/);
		assert.deepEqual(await client.ping(), {});
	});

scenarios.tools = (url) =>
	session(url, {}, async (client) => {
		const { tools } = await client.listTools();
		assert.ok(tools.some((tool) => tool.name === 'echo' && tool.inputSchema.properties.message));
		assert.equal(textOf(await call(client, 'get-sum', { a: 2, b: 40.5 })), 'The sum of 2 and 40.5 is 42.5.');
		const { content } = await call(client, 'get-tiny-image');
		const image = Buffer.from(content.find((part) => part.type === 'image').data, 'base64');
		assert.equal(image.subarray(1, 4).toString(), 'PNG');
		const { structuredContent } = await call(client, 'get-structured-content', { location: 'Chicago' });
		assert.equal(structuredContent.temperature, 36);
		assert.equal((await call(client, 'get-sum', { a: 'two' })).isError, true);
		assert.equal((await call(client, 'no-such-tool')).isError, true);
	});

scenarios.texts = (url) =>
	session(url, {}, async (client) => {
		const odd = ['', '"\\/\b\f\n\r\t', '\u0000\u001f\u2028\u2029', 'ÅŪ漢字🂡', '\ud83d', 'data: x\n\nid: 1\n\n'];
		for (const message of [...odd, 'long '.repeat(400000)]) {
			const echoed = textOf(await call(client, 'echo', { message }));
			assert.equal(echoed, `Echo: ${message}`);
		}
	});

scenarios.concurrent = (url) =>
	session(url, {}, async (client) => {
		const numbers = Array.from({ length: 40 }, (_, number) => number);
		const answers = await Promise.all(
			numbers.map((number) =>
				number % 4
					? call(client, 'echo', { message: `number ${number}` })
					: call(client, LONG, { duration: (40 - number) / 100, steps: 1 + number }),
			),
		);
		answers.forEach((answer, number) => {
			const wanted = number % 4 ? `Echo: number ${number}` : `Steps: ${1 + number}.`;
			assert.ok(textOf(answer).endsWith(wanted), `${number}: ${textOf(answer)}`);
		});
	});

// With tokens and a handler of our own: the client's forget a call once its answer is there, and so the progress that
// came just before it.
scenarios.progress = (url) => {
	const told = new Inbox();
	const notifications = [[types.ProgressNotificationSchema, ({ params }) => told.put(params)]];
	return session(url, { notifications }, async (client) => {
		const long = (progressToken, duration, steps) => {
			const params = { name: LONG, arguments: { duration, steps }, _meta: { progressToken } };
			return client.request({ method: 'tools/call', params }, types.CallToolResultSchema);
		};
		const slow = long('slow "1"', 0.5, 5);
		const fast = long(1, 0.2, 2);
		for (const [answer, progressToken, total] of [[fast, 1, 2], [slow, 'slow "1"', 5]]) {
			for (let progress = 1; progress <= total; progress++) {
				const next = await told.take((params) => params.progressToken === progressToken);
				assert.deepEqual(next, { progressToken, progress, total });
			}
			assert.match(textOf(await answer), new RegExp(`Steps: ${total}`));
		}
		assert.deepEqual(told.messages, []);
	});
};

scenarios.cancel = (url) =>
	session(url, {}, async (client) => {
		const abort = new AbortController();
		const began = new Inbox();
		const options = { signal: abort.signal, onprogress: began.put };
		const cancelled = call(client, LONG, { duration: 600, steps: 6000 }, options);
		await began.take();
		abort.abort('no longer wanted');
		await assert.rejects(cancelled, /no longer wanted/);
		assert.equal(textOf(await call(client, 'echo', { message: 'after' })), 'Echo: after');
	});

scenarios.sampling = (url) => {
	const asked = [];
	const answer = ({ params }) => {
		asked.push(params);
		return { model: 'none', role: 'assistant', content: { type: 'text', text: 'Sampled ☂' } };
	};
	const requests = [[types.CreateMessageRequestSchema, answer]];
	return session(url, { capabilities: { sampling: {} }, requests }, async (client) => {
		const result = await call(client, 'trigger-sampling-request', { prompt: 'Why?', maxTokens: 7 });
		assert.match(textOf(result), /Sampled ☂/);
		assert.equal(asked.length, 1);
		assert.equal(asked[0].maxTokens, 7);
		assert.match(asked[0].messages[0].content.text, /Why\?$/);
	});
};

scenarios.elicitation = (url) => {
	const answers = [
		{ action: 'accept', content: { name: 'Ada', check: true, integer: 7 } },
		{ action: 'decline' },
		{ action: 'cancel' },
	];
	const requests = [[types.ElicitRequestSchema, () => answers.shift()]];
	return session(url, { capabilities: { elicitation: {} }, requests }, async (client) => {
		const tool = 'trigger-elicitation-request';
		assert.match(textOf(await call(client, tool)), /- Name: Ada\n- Agreed to terms: true/);
		assert.match(textOf(await call(client, tool)), /declined/);
		assert.match(textOf(await call(client, tool)), /cancelled/);
		assert.equal(answers.length, 0);
	});
};

scenarios.roots = (url) => {
	const roots = [{ uri: 'file:///srv/one', name: 'One' }];
	const requests = [[types.ListRootsRequestSchema, () => ({ roots })]];
	const logged = new Inbox();
	const notifications = [[types.LoggingMessageNotificationSchema, logged.put]];
	const capabilities = { roots: { listChanged: true } };
	return session(url, { capabilities, requests, notifications }, async (client) => {
		assert.match(textOf(await call(client, 'get-roots-list')), /1\. One\n   URI: file:\/\/\/srv\/one/);
		roots.push({ uri: 'file:///srv/two', name: 'Two' });
		await client.sendRootsListChanged();
		await logged.take(({ params }) => /2 root\(s\)/.test(params.data));
		assert.match(textOf(await call(client, 'get-roots-list')), /2\. Two/);
	});
};

scenarios.resources = (url) =>
	session(url, {}, async (client) => {
		const { resources } = await client.listResources();
		const [first] = resources;
		const document = (await client.readResource({ uri: first.uri })).contents[0];
		assert.ok(document.text.length > 100);
		const { resourceTemplates } = await client.listResourceTemplates();
		assert.ok(resourceTemplates.some((each) => each.uriTemplate.startsWith('demo://resource/dynamic/text/')));
		const read = async (kind) => (await client.readResource({ uri: `demo://resource/dynamic/${kind}/7` })).contents[0];
		assert.match((await read('text')).text, /Resource 7/);
		assert.match(Buffer.from((await read('blob')).blob, 'base64').toString(), /Resource 7/);
		await assert.rejects(client.readResource({ uri: 'demo://nothing' }), types.McpError);
	});

scenarios.subscriptions = (url) => {
	const updated = new Inbox();
	const notifications = [[types.ResourceUpdatedNotificationSchema, updated.put]];
	return session(url, { notifications }, async (client) => {
		const uri = 'demo://resource/dynamic/text/1';
		await client.subscribeResource({ uri });
		await call(client, 'toggle-subscriber-updates');
		assert.equal((await updated.take()).params.uri, uri);
		await call(client, 'toggle-subscriber-updates');
		await client.unsubscribeResource({ uri });
		await call(client, 'toggle-subscriber-updates');
		await client.ping();
		assert.deepEqual(updated.messages, []);
	});
};

scenarios.logging = (url) => {
	const logged = new Inbox();
	const notifications = [[types.LoggingMessageNotificationSchema, logged.put]];
	return session(url, { notifications }, async (client) => {
		assert.deepEqual(await client.setLoggingLevel('debug'), {});
		await call(client, 'toggle-simulated-logging');
		assert.match((await logged.take()).params.data, /level/);
	});
};

scenarios.prompts = (url) =>
	session(url, {}, async (client) => {
		const { prompts } = await client.listPrompts();
		assert.ok(prompts.some((prompt) => prompt.name === 'args-prompt'));
		const given = { name: 'args-prompt', arguments: { city: 'Zürich', state: 'ZH' } };
		assert.match((await client.getPrompt(given)).messages[0].content.text, /Zürich, ZH/);
		await assert.rejects(client.getPrompt({ name: 'args-prompt' }), types.McpError);
		const { completion } = await client.complete({
			ref: { type: 'ref/prompt', name: 'completable-prompt' },
			argument: { name: 'department', value: 'S' },
		});
		assert.deepEqual(completion.values, ['Sales', 'Support']);
	});

// Each session has a server of its own: what one subscribes to, the other is not told.
scenarios.apart = (url) => {
	const uri = 'demo://resource/dynamic/text/1';
	const [ours, theirs] = [new Inbox(), new Inbox()];
	const told = (inbox) => ({ notifications: [[types.ResourceUpdatedNotificationSchema, inbox.put]] });
	return session(url, told(ours), (one) =>
		session(url, told(theirs), async (other) => {
			await one.subscribeResource({ uri });
			await call(other, 'toggle-subscriber-updates');
			await call(one, 'toggle-subscriber-updates');
			await ours.take();
			await other.ping();
			assert.deepEqual(theirs.messages, []);
		}),
	);
};

main(scenarios);
