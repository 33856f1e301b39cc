/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request comes -> its path is looked up in the table of routes -> it is answered at once, but
 * for /status/events: there the connection becomes a viewer, which hears of every tick and of every
 * phase until it goes, or until the log stage is asked to finish.
 *
 * The last words are said when the face's own hold, the first on its drain, is asked to finish: the
 * queue of the listener is emptied while connections can still be taken, the viewers get their last
 * event, and the rest has LAST_MS.
 */
#include "admin/face.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/accept.h"
#include "admin/page.h"
#include "base/list.h"
#include "http/compose.h"
#include "loop/listener.h"

#define TICK_MS STATUS_SAMPLE_MS
#define TICK_ENDING_MS 250
#define IDLE_MS 30000
#define LAST_MS 5 /* for what is on its way at the end */
#define STALL_MS 20000
#define BODY_MOST 65536 /* which nobody reads */

#define TEXT "text/plain; charset=utf-8"
#define JSON "application/json"
#define NO_STORE "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

struct viewer {
	struct curfew_link link;
	struct http_connection *connection;
};

static struct admin_face *face_of(const struct http_connection *connection)
{
	return connection->server->arg;
}

static struct agenda *agenda_of(const struct admin_face *face)
{
	return &face->server.worker->loop->agenda;
}

/* The plain answers. */

static void answer_healthz(struct http_connection *connection)
{
	http_answer_whole(connection, 200, TEXT, "ok\n", NO_STORE);
}

static void answer_readyz(struct http_connection *connection)
{
	struct curfew_lifecycle *life = face_of(connection)->life;
	enum curfew_phase phase = curfew_lifecycle_phase(life);
	struct buffer body = {0};

	if (status_is_ready(life)) {
		http_answer_whole(connection, 200, TEXT, "ready\n", NO_STORE);
		return;
	}
	buffer_appendf(&body, "not ready: %s\n",
		phase == CURFEW_RUNNING ? "ending" : curfew_phase_name(phase));
	http_answer_whole(connection, 503, TEXT, buffer_text(&body), NO_STORE);
	buffer_fini(&body);
}

/* A text that was too long for the memory there is must not look whole. */
static void answer_text(struct http_connection *connection, struct buffer *text, const char *type,
	const char *fields)
{
	if (text->failed) {
		http_answer_error(connection, 503, "there is no memory for the answer");
	} else {
		http_answer_whole(connection, 200, type, buffer_text(text), fields);
	}
	buffer_fini(text);
}

static void answer_metrics(struct http_connection *connection)
{
	struct buffer text = {0};

	metrics_write(face_of(connection)->status.metrics, &text);
	answer_text(connection, &text, METRICS_CONTENT_TYPE, NO_STORE);
}

static void answer_json(struct http_connection *connection)
{
	struct buffer text = {0};

	status_write(&face_of(connection)->status, &text);
	buffer_append_char(&text, '\n');
	answer_text(connection, &text, JSON, NO_STORE "Vary: Accept\r\n");
}

static void answer_page(struct http_connection *connection)
{
	struct buffer *head = http_answer(connection, 200);

	http_compose_field(head, "Content-Type", "text/html; charset=utf-8");
	http_compose_field(head, "Content-Security-Policy", admin_page_policy);
	http_compose_field(head, "Referrer-Policy", "no-referrer");
	http_compose_field(head, "Vary", "Accept");
	buffer_append_text(head, NO_STORE);
	http_answer_length(connection, strlen(admin_page), false);
	http_answer_write(connection, admin_page, strlen(admin_page));
	http_answer_end(connection, NULL);
}

static void answer_status(struct http_connection *connection)
{
	if (accept_prefers_page(&connection->parser.head)) {
		answer_page(connection);
	} else {
		answer_json(connection);
	}
}

/* Events. */

static void write_event(struct admin_face *face, struct buffer *event, const char *name)
{
	buffer_appendf(event, "event: %s\ndata: ", name);
	status_write(&face->status, event);
	buffer_append_text(event, "\n\n");
}

/* Tells all viewers; who has not yet read the events before gets the next one instead. */
static void tell_viewers(struct admin_face *face, const char *name)
{
	struct buffer event = {0};

	write_event(face, &event, name);
	list_each(link, &face->viewers) {
		struct http_connection *connection =
			container_of(link, struct viewer, link)->connection;

		if (!event.failed && http_queued(connection) < STREAM_QUEUE_HIGH) {
			http_answer_write(connection, event.data, event.length);
		}
	}
	buffer_fini(&event);
}

static void start_tick(struct admin_face *face)
{
	bool ending = curfew_lifecycle_phase(face->life) > CURFEW_RUNNING;

	agenda_start(
		agenda_of(face), &face->tick, curfew_after_ms(ending ? TICK_ENDING_MS : TICK_MS));
}

static void tick(struct timer *timer)
{
	struct admin_face *face = container_of(timer, struct admin_face, tick);

	tell_viewers(face, "status");
	start_tick(face);
}

static void phase_changed(struct task *task)
{
	struct admin_face *face = container_of(task, struct admin_face, tell);

	if (face->viewer_count) {
		tell_viewers(face, "status");
		start_tick(face);
	}
}

void admin_face_phase(struct admin_face *face)
{
	if (face->viewer_count) {
		agenda_post(agenda_of(face), &face->tell);
	}
}

static void add_viewer(struct admin_face *face, struct viewer *viewer)
{
	list_append(&face->viewers, &viewer->link);
	if (face->viewer_count++ == 0) {
		start_tick(face);
	}
}

/* The last one to leave turns off the clock. */
static void remove_viewer(struct admin_face *face, struct viewer *viewer)
{
	link_remove(&viewer->link);
	free(viewer);
	if (--face->viewer_count == 0) {
		agenda_stop(agenda_of(face), &face->tick);
	}
}

static void answer_events(struct http_connection *connection)
{
	struct admin_face *face = face_of(connection);
	struct viewer *viewer = NULL;
	struct buffer event = {0};

	if (!connection->is_head && face->viewer_count < ADMIN_VIEWERS_MOST) {
		viewer = calloc(1, sizeof(*viewer));
	}
	if (!viewer && !connection->is_head) {
		http_answer_error(connection, 503, "there are too many viewers");
		return;
	}
	buffer_append_text(
		http_answer(connection, 200), "Content-Type: text/event-stream\r\n" NO_STORE);
	http_answer_chunked(connection, false);
	if (!viewer) {
		http_answer_end(connection, NULL);
		return;
	}
	viewer->connection = connection;
	connection->user = viewer;
	add_viewer(face, viewer);
	buffer_append_text(&event, "retry: 1000\n\n");
	write_event(face, &event, "status");
	if (!event.failed) {
		http_answer_write(connection, event.data, event.length);
	}
	buffer_fini(&event);
}

/* Requests. */

static const struct {
	const char *path;
	void (*answer)(struct http_connection *connection);
} routes[] = {
	{"/", answer_page},
	{"/healthz", answer_healthz},
	{"/readyz", answer_readyz},
	{"/metrics", answer_metrics},
	{"/status", answer_status},
	{"/status.json", answer_json},
	{"/status/events", answer_events},
};

/* The target's path without its query; "" stands for "/". */
static struct http_text path_of(const struct http_head *head)
{
	struct http_text path = http_head_text(head, head->path);
	const char *query = path.length ? memchr(path.bytes, '?', path.length) : NULL;

	if (query) {
		path.length = (size_t)(query - path.bytes);
	}
	return path.length ? path : (struct http_text){.bytes = "/", .length = 1};
}

static void request(struct http_connection *connection)
{
	const struct http_head *head = &connection->parser.head;
	struct http_text path = path_of(head);

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (path.length != strlen(routes[i].path) ||
			memcmp(path.bytes, routes[i].path, path.length) != 0) {
			continue;
		}
		if (connection->is_head || http_head_says(head, head->method, "GET")) {
			routes[i].answer(connection);
		} else {
			http_answer_whole(connection, 405, TEXT, "only GET and HEAD are answered\n",
				"Allow: GET, HEAD\r\n" NO_STORE);
		}
		return;
	}
	http_answer_whole(connection, 404, TEXT,
		"there are /healthz /readyz /metrics /status /status.json /status/events\n",
		NO_STORE);
}

static void over(struct http_connection *connection, bool whole)
{
	(void)whole;
	if (connection->user) {
		remove_viewer(face_of(connection), connection->user);
		connection->user = NULL;
	}
}

static const struct http_handler handler = {.request = request, .over = over};

/* The beginning and the end. */

static void accepted(int fd, void *arg)
{
	struct admin_face *face = arg;

	if (face->server.connections < ADMIN_CONNECTIONS_MOST) {
		(void)http_server_take(&face->server, fd, NULL);
	} else {
		close(fd);
	}
}

static void end_viewers(struct admin_face *face)
{
	if (!face->viewer_count) {
		return;
	}
	tell_viewers(face, "end");
	list_each_safe(link, &face->viewers) {
		http_answer_end(container_of(link, struct viewer, link)->connection, NULL);
	}
}

static void finish(struct curfew_hold *hold)
{
	struct admin_face *face = container_of(hold, struct admin_face, hold);

	listener_cut(face->listener);
	end_viewers(face);
	curfew_drain_close(&face->connections, curfew_after_ms(LAST_MS));
	curfew_hold_release(hold);
}

/* The grace is over: nobody had asked to finish, or it makes no difference any more. */
static const struct curfew_hold_ops face_ops = {.kind = "admin", .finish = finish, .cut = finish};

static void set_limits(struct http_limits *limits)
{
	http_limits_default(limits);
	limits->idle_ms = IDLE_MS;
	limits->stall_ms = STALL_MS;
	limits->body_most = BODY_MOST;
}

/* What is cut at the end is no work: the report does not name it (drain_note_cut). */
static int join_drains(struct admin_face *face)
{
	int error = drain_join(
		&face->drain, curfew_lifecycle_stage(face->life, CURFEW_LOG), "admin", NULL);

	drain_note_cut(&face->drain, NULL, NULL);
	if (!error) {
		error = curfew_drain_hold(&face->drain, &face->hold, &face_ops, NULL);
	}
	if (!error) {
		error = drain_join(&face->connections, &face->drain, "connections", NULL);
	}
	return error;
}

int admin_face_start(struct admin_face *face, struct curfew_lifecycle *life, struct worker *worker,
	int listening_fd, const struct admin_content *content)
{
	int error;

	*face = (struct admin_face){.life = life, .tick.fired = tick, .tell.run = phase_changed};
	set_limits(&face->limits);
	status_init(&face->status, content->metrics);
	list_init(&face->viewers);
	face->server = (struct http_server){
		.worker = worker,
		.drain = &face->connections,
		.handler = &handler,
		.limits = &face->limits,
		.scheme = "http",
		.arg = face,
		.uncounted = true,
	};
	drain_init(&face->drain, agenda_of(face));
	drain_init(&face->connections, agenda_of(face));
	error = join_drains(face);
	if (!error) {
		face->listener = listener_new_on(life, &face->drain, listening_fd, accepted, face);
		error = face->listener ? 0 : -errno;
	}
	if (error) {
		admin_face_fini(face);
	}
	return error;
}

void admin_face_fini(struct admin_face *face)
{
	struct agenda *agenda = agenda_of(face);

	curfew_listener_free(face->listener);
	curfew_hold_release(&face->hold);
	agenda_unpost(agenda, &face->tell);
	agenda_stop(agenda, &face->tick);
	drain_fini(&face->connections);
	drain_fini(&face->drain);
}
