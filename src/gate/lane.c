/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/lane.h"

#include "base/list.h"
#include "gate/exchange.h"

/* In the lane's own thread. */
static void told(struct task *task)
{
	struct lane *lane = container_of(task, struct lane, tell);
	struct curfew_link held;
	struct curfew_link *link;

	list_init(&held);
	list_splice(&held, &lane->held);
	while (!list_empty(&held)) {
		link = held.next;
		exchange_unhold(container_of(link, struct exchange, held));
	}
}

void lanes_tell(struct gate *gate)
{
	for (int i = 0; i < gate->lane_count; i++) {
		struct lane *lane = &gate->lanes[i];

		agenda_post(&lane->worker->loop->agenda, &lane->tell);
	}
}

/* Its place is free for another connection. */
static void left(struct http_server *server)
{
	const struct lane *lane = server->arg;

	service_left(&lane->gate->service);
}

int lane_init(struct lane *lane, struct gate *gate, struct worker *worker)
{
	*lane = (struct lane){
		.gate = gate,
		.worker = worker,
		.server =
			{
				.worker = worker,
				.drain = &worker->drain,
				.handler = &exchange_handler,
				.limits = &gate->limits,
				.scheme = gate->config->service.tls_cert ? "https" : "http",
				.arg = lane,
				.left = left,
			},
		.tell.run = told,
	};
	list_init(&lane->held);
	return http_pool_init(&lane->pool, worker, &gate->address);
}

void lane_fini(struct lane *lane)
{
	agenda_unpost(&lane->worker->loop->agenda, &lane->tell);
	http_pool_fini(&lane->pool);
}
