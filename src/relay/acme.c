/* SPDX-License-Identifier: Apache-2.0 */
/*
 * begin -> look() -> in the cache: VALID, plan() the next look
 *                 -> else: ISSUING, a run of uacme
 *
 * A timer or a run that is over (uacme_done) goes on from there; each comes back to a state that
 * rests, VALID or ABSENT, with the timer started. look() is the only one that reads the cache, and
 * whatever it finds there, another program's doing perhaps, is served.
 */
#include "relay/acme.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/list.h"
#include "relay/event.h"

#define CHECK_MS INT64_C(43200000)
#define RETRY_LEAST_MS INT64_C(60000)
#define RETRY_MOST_MS INT64_C(10800000)
#define RUN_MOST_MS INT64_C(1800000)
#define RETRY_FACTOR 3

#define TO(state) (1U << ACME_##state)

static const unsigned edges[] = {
	[ACME_ABSENT] = TO(ISSUING) | TO(VALID) | TO(ENDED),
	[ACME_ISSUING] = TO(VALID) | TO(ABSENT) | TO(ENDED),
	[ACME_VALID] = TO(RENEWING) | TO(ENDED),
	[ACME_RENEWING] = TO(VALID) | TO(ABSENT) | TO(ENDED),
	[ACME_ENDED] = 0,
};

static const char *const state_names[] = {
#define STATE_NAME(name, word) [ACME_##name] = (word),
	ACME_STATES(STATE_NAME)
#undef STATE_NAME
};

static void enter(struct acme *acme, enum acme_state state)
{
	assert(edges[acme->state] & (1U << state));
	acme->state = state;
}

static struct agenda *agenda_of(const struct acme *acme)
{
	return &acme->service->pool.workers[0].loop->agenda;
}

/* Waits. */

int64_t acme_wait_ms(unsigned failures, int64_t least_ms, int64_t most_ms, uint32_t chance)
{
	int64_t wait = least_ms;

	for (unsigned i = 1; i < failures && wait < most_ms; i++) {
		wait = wait > most_ms / RETRY_FACTOR ? most_ms : wait * RETRY_FACTOR;
	}
	wait = wait < most_ms ? wait : most_ms;
	return wait - (int64_t)((double)wait / 3 * chance / UINT32_MAX);
}

static uint32_t draw(void)
{
	uint32_t chance = 0;

	(void)!getrandom(&chance, sizeof(chance), 0);
	return chance;
}

static void wait_for(struct acme *acme, int64_t ms)
{
	acme->next_at = curfew_after_ms(ms);
	agenda_start(agenda_of(acme), &acme->next, acme->next_at);
}

/* The next look at a certificate that is there: never in a hurry, however short-lived it is. */
static void plan(struct acme *acme)
{
	const struct acme_config *config = acme->config;
	int64_t check = acme_wait_ms(1, config->check_ms, config->check_ms, draw());
	int64_t due = certificate_due_ms(&acme->certificate, time(NULL));

	due = due > config->retry_least_ms ? due : config->retry_least_ms;
	wait_for(acme, due < check ? due : check);
}

/* The cache. */

static void tell_certificate(const struct acme *acme, enum relay_event event)
{
	char not_after[CERTIFICATE_TIME];

	journal_tell(&acme->service->journal, &relay_events[event],
		journal_text(acme->cache.domain), journal_text(acme->certificate.serial),
		journal_text(certificate_time_text(acme->certificate.not_after, not_after)));
}

static void offer(struct acme *acme)
{
	if (!acme->offered) {
		acme->offered = true;
		(void)service_ready(acme->service);
	}
}

/* Serves what the cache has, if it can be. Returns 0, or -1 with a refusal. */
static int look(struct acme *acme, struct buffer *refusal)
{
	const struct cache *cache = &acme->cache;
	struct certificate found;

	if (certificate_read(&found, cache->cert, cache->key, cache->domain, refusal) < 0) {
		return -1;
	}
	if (strcmp(found.serial, acme->certificate.serial) == 0) {
		return 0;
	}
	if (service_load_certificate(acme->service, refusal) < 0) {
		return -1;
	}
	acme->certificate = found;
	tell_certificate(acme, RELAY_EVENT_CERTIFICATE_LOADED);
	offer(acme);
	return 0;
}

static bool is_usable(const struct acme *acme)
{
	return acme->certificate.serial[0] && acme->certificate.not_after > time(NULL);
}

/* All is well until the next look. */
static void rest(struct acme *acme)
{
	enter(acme, ACME_VALID);
	acme->failures = 0;
	acme->reason[0] = '\0';
	plan(acme);
}

/* Runs. */

static void failed(struct acme *acme, const char *reason)
{
	struct journal_event event = relay_events[RELAY_EVENT_CERTIFICATE_FAILED];
	const struct acme_config *config = acme->config;
	int64_t wait = acme_wait_ms(
		++acme->failures, config->retry_least_ms, config->retry_most_ms, draw());

	(void)snprintf(acme->reason, sizeof(acme->reason), "%s", reason);
	enter(acme, is_usable(acme) ? ACME_VALID : ACME_ABSENT);
	event.level = acme->state == ACME_VALID ? CURFEW_LEVEL_WARNING : CURFEW_LEVEL_ERROR;
	journal_tell(&acme->service->journal, &event, journal_text(acme->cache.domain),
		journal_text(acme->reason), journal_number((wait + 999) / 1000));
	wait_for(acme, wait);
}

static void run(struct acme *acme, enum acme_state state, int days)
{
	int error;
	char reason[UACME_SAID];

	enter(acme, state);
	error = cache_sweep(&acme->cache);
	if (!error) {
		error = uacme_start(&acme->uacme, days);
	}
	if (error < 0 && service_is_ending(acme->service)) {
		enter(acme, ACME_ENDED);
	} else if (error < 0) {
		(void)snprintf(reason, sizeof(reason), "cannot start %.100s: %s",
			acme->config->uacme.program, strerror(-error));
		failed(acme, reason);
	}
}

/* What it has issued has to be of use. */
static void succeeded(struct acme *acme, enum uacme_outcome outcome)
{
	struct buffer refusal = {0};

	if (look(acme, &refusal) < 0) {
		failed(acme, buffer_text(&refusal));
		buffer_fini(&refusal);
		return;
	}
	if (outcome == UACME_ISSUED) {
		tell_certificate(acme, RELAY_EVENT_CERTIFICATE_ISSUED);
		cache_prune(&acme->cache);
	}
	rest(acme);
}

static void uacme_done(struct uacme *uacme, enum uacme_outcome outcome, const char *reason)
{
	struct acme *acme = container_of(uacme, struct acme, uacme);

	(void)cache_sweep(&acme->cache); /* what a hook that was killed has left */
	switch (outcome) {
	case UACME_ISSUED:
	case UACME_CURRENT:
		succeeded(acme, outcome);
		break;
	case UACME_FAILED:
		failed(acme, reason);
		break;
	case UACME_STOPPED:
		enter(acme, ACME_ENDED);
		break;
	}
}

/* From a state that rests. */
static void go_on(struct acme *acme)
{
	struct buffer refusal = {0};
	bool usable;

	if (service_is_ending(acme->service)) {
		enter(acme, ACME_ENDED);
		return;
	}
	usable = look(acme, &refusal) == 0;
	buffer_fini(&refusal);
	if (acme->state == ACME_VALID) {
		run(acme, ACME_RENEWING,
			usable ? certificate_days(&acme->certificate, time(NULL)) : 0);
	} else if (usable) { /* it was there at the start, or others have put it there */
		rest(acme);
	} else {
		run(acme, ACME_ISSUING, 0);
	}
}

static void next(struct timer *timer)
{
	go_on(container_of(timer, struct acme, next));
}

static void begin(struct task *task)
{
	struct acme *acme = container_of(task, struct acme, begin);
	struct buffer refusal = {0};

	(void)cache_sweep(&acme->cache);
	if (cache_has_certificate(&acme->cache) && look(acme, &refusal) < 0) {
		journal_tell(&acme->service->journal,
			&relay_events[RELAY_EVENT_CERTIFICATE_UNUSABLE],
			journal_text(acme->cache.cert), journal_text(buffer_text(&refusal)));
	}
	buffer_fini(&refusal);
	go_on(acme);
}

/* What /status tells. */

static void append_text(struct buffer *out, const char *name, const char *text)
{
	buffer_appendf(out, ",\"%s\":", name);
	if (text[0]) {
		buffer_append_json(out, text, strlen(text));
	} else {
		buffer_append_text(out, "null");
	}
}

static void write_status(struct buffer *out, void *arg)
{
	const struct acme *acme = arg;
	const struct certificate *served = &acme->certificate;
	char not_after[CERTIFICATE_TIME];
	int64_t now = curfew_now();

	buffer_appendf(out, "{\"state\":\"%s\"", state_names[acme->state]);
	append_text(out, "domain", acme->cache.domain);
	append_text(out, "serial", served->serial);
	append_text(out, "not_after",
		served->serial[0] ? certificate_time_text(served->not_after, not_after) : "");
	buffer_appendf(out, ",\"failures\":%u", acme->failures);
	append_text(out, "failure", acme->reason);
	if (timer_started(&acme->next)) {
		buffer_appendf(out, ",\"next_ms\":%lld}",
			(long long)(acme->next_at > now ? clock_ms_between(now, acme->next_at)
							: 0));
	} else {
		buffer_append_text(out, ",\"next_ms\":null}");
	}
}

/* The beginning and the end. */

void acme_config_default(struct acme_config *config)
{
	*config = (struct acme_config){
		.listen = CHALLENGE_LISTEN_PRESET,
		.uacme.program = "uacme",
		.uacme.hook = "/usr/share/uacme/uacme.sh",
		.uacme.run_most_ms = RUN_MOST_MS,
		.check_ms = CHECK_MS,
		.retry_least_ms = RETRY_LEAST_MS,
		.retry_most_ms = RETRY_MOST_MS,
	};
}

int acme_check(struct acme *acme, const struct acme_config *config, struct service_config *service,
	struct buffer *refusal)
{
	*acme = (struct acme){.config = config};
	if (!config->cache) {
		buffer_append_text(refusal,
			"--domain without a folder for its certificates (name it with "
			"--cert-cache)");
		return -1;
	}
	if (uacme_check(&config->uacme, refusal) < 0 ||
		cache_open(&acme->cache, config->cache, config->domain, refusal) < 0) {
		return -1;
	}
	service->tls_cert = acme->cache.cert;
	service->tls_key = acme->cache.key;
	service->tls_later = true;
	if (service->child_reserve_ms < UACME_TERM_WAIT_MS) {
		service->child_reserve_ms = UACME_TERM_WAIT_MS;
	}
	return 0;
}

static int open_challenge(struct acme *acme)
{
	struct buffer refusal = {0};
	int code = 0;
	int error;

	if (challenge_open(
		    &acme->challenge, acme->config->listen, acme->cache.challenges, &refusal) < 0) {
		code = service_refuse(acme->service, "%s", buffer_text(&refusal));
		buffer_fini(&refusal);
		return code;
	}
	error = challenge_start(&acme->challenge, acme->service);
	if (error < 0 && error != -ESHUTDOWN) {
		code = service_refuse(acme->service, "cannot start: %s", strerror(-error));
	}
	return code;
}

int acme_start(struct acme *acme, struct service *service)
{
	int code;

	acme->service = service;
	acme->uacme = (struct uacme){
		.config = &acme->config->uacme,
		.cache = &acme->cache,
		.service = service,
		.done = uacme_done,
	};
	acme->next.fired = next;
	acme->begin.run = begin;
	acme->part =
		(struct status_part){.name = "certificate", .write = write_status, .arg = acme};
	if (service_is_ending(service)) {
		return 0; /* nothing is opened */
	}
	code = open_challenge(acme);
	if (!code) {
		service_add_status(service, &acme->part);
		agenda_post(agenda_of(acme), &acme->begin);
	}
	return code;
}

void acme_fini(struct acme *acme)
{
	if (!acme->service) {
		return;
	}
	agenda_unpost(agenda_of(acme), &acme->begin);
	agenda_stop(agenda_of(acme), &acme->next);
	uacme_fini(&acme->uacme);
	challenge_fini(&acme->challenge);
	*acme = (struct acme){.service = NULL};
}
