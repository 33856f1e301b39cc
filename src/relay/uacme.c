/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uacme_start -> start_step(ACCOUNT or ISSUE) -> the child says lines, and exits -> exited() reads
 * its exit code, and starts the next step or calls done. At the end of the process the children
 * stage stops the child: exited() comes then too. What takes too long is stopped by our timer.
 *
 * It runs in the cache's folder: paths are short there, and no file of the domain's name is in the
 * way, which uacme would take for a request to be signed.
 */
#include "relay/uacme.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/signal_name.h"
#include "relay/event.h"

#define ARGUMENTS_MOST 16
#define DAYS_TEXT 12
#define EXIT_CURRENT 1 /* uacme(1): still current, not issued again */
#define DEFAULT_SEARCH "/bin:/usr/bin"
#define CHALLENGE_VARIABLE "UACME_CHALLENGE_PATH=" CACHE_CHALLENGES /* uacme.sh's */

/* Whether it is there. */

static bool may_execute(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* As execvp(3) looks for it. */
static bool finds(const char *name)
{
	const char *search = getenv("PATH");

	if (strchr(name, '/')) {
		return may_execute(name);
	}
	for (search = search ? search : DEFAULT_SEARCH;; search++) {
		size_t length = strcspn(search, ":");
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%.*s%s%s", (int)length, search,
			length ? "/" : "", name);
		if (may_execute(path)) {
			return true;
		}
		search += length;
		if (!*search) {
			return false;
		}
	}
}

int uacme_check(const struct uacme_config *config, struct buffer *refusal)
{
	const char *absent = !finds(config->program) ? config->program
		: !may_execute(config->hook)         ? config->hook
						     : NULL;

	if (absent) {
		buffer_appendf(refusal,
			"--domain needs %s, which cannot be executed (install the package uacme, "
			"or name certificates with --tls-cert)",
			absent);
		return -1;
	}
	if (config->url && strncmp(config->url, "https://", 8) != 0) {
		buffer_appendf(refusal,
			"--acme-url: '%.200s' is no URL of a CA (https://HOST/DIRECTORY)",
			config->url);
		return -1;
	}
	return 0;
}

/* Its end. */

static struct agenda *agenda_of(const struct uacme *uacme)
{
	return &uacme->service->pool.workers[0].loop->agenda;
}

static void finish(struct uacme *uacme, enum uacme_outcome outcome, const char *reason)
{
	agenda_stop(agenda_of(uacme), &uacme->bound);
	uacme->step = UACME_IDLE;
	if (outcome == UACME_FAILED && service_is_ending(uacme->service)) {
		outcome = UACME_STOPPED;
	}
	uacme->done(uacme, outcome, reason);
}

static void describe(
	const struct uacme *uacme, const struct curfew_child_exit *exit, char reason[UACME_SAID])
{
	const char *said = uacme->complaint[0] ? uacme->complaint : uacme->said;
	char signal[SIGNAL_NAME_BYTES];

	if (uacme->late) {
		(void)snprintf(reason, UACME_SAID, "uacme was not done within %lld s",
			(long long)(uacme->config->run_most_ms / 1000));
	} else if (exit->signal) {
		(void)snprintf(reason, UACME_SAID, "uacme was killed by SIG%s",
			signal_name(exit->signal, signal));
	} else if (said[0]) {
		(void)snprintf(reason, UACME_SAID, "%s", said);
	} else {
		(void)snprintf(reason, UACME_SAID, "uacme exited with code %d", exit->code);
	}
}

static int start_step(struct uacme *uacme, enum uacme_step step);

/* Goes on with a step, or has failed for good. */
static void go_on(struct uacme *uacme, enum uacme_step step)
{
	char reason[UACME_SAID];
	int error = start_step(uacme, step);

	if (error < 0) {
		(void)snprintf(reason, sizeof(reason), "cannot start %.100s: %s",
			uacme->config->program, strerror(-error));
		finish(uacme, UACME_FAILED, reason);
	}
}

static void exited(struct curfew_child *child, void *arg)
{
	struct uacme *uacme = arg;
	const struct curfew_child_exit exit = curfew_child_exit(child);
	bool clean = !uacme->late && !exit.signal;
	char reason[UACME_SAID];

	curfew_child_free(child);
	uacme->child = NULL;
	if (clean && !exit.code && uacme->step == UACME_ACCOUNT) {
		go_on(uacme, UACME_ISSUE);
	} else if (clean && !exit.code) {
		finish(uacme, UACME_ISSUED, NULL);
	} else if (clean && exit.code == EXIT_CURRENT && uacme->step == UACME_ISSUE) {
		finish(uacme, UACME_CURRENT, NULL);
	} else if (clean && uacme->step == UACME_ISSUE && !uacme->asked_account) {
		memcpy(uacme->complaint, uacme->said, sizeof(uacme->complaint));
		go_on(uacme, UACME_ACCOUNT);
	} else {
		describe(uacme, &exit, reason);
		finish(uacme, UACME_FAILED, reason);
	}
}

static void took_too_long(struct timer *timer)
{
	struct uacme *uacme = container_of(timer, struct uacme, bound);

	uacme->late = true;
	curfew_child_stop(uacme->child, NULL);
}

/* Its start. */

/* Appends to what is remembered of a step, as far as it fits. */
static void remember(struct uacme *uacme, const char *before, const char *text, size_t length)
{
	size_t used = strlen(uacme->said);

	length = length < UACME_SAID ? length : UACME_SAID;
	(void)snprintf(uacme->said + used, UACME_SAID - used, "%s%.*s", before, (int)length, text);
}

/* Passes over a beginning; returns whether it is there. */
static bool skip(const char **text, size_t *length, const char *beginning)
{
	size_t own = strlen(beginning);

	if (*length < own || memcmp(*text, beginning, own) != 0) {
		return false;
	}
	*text += own;
	*length -= own;
	return true;
}

/* The first line says what failed, and the CA's problem document (RFC 7807), which follows, why. */
static void said(struct curfew_child *child, const char *line, size_t length, void *arg)
{
	struct uacme *uacme = arg;

	(void)child;
	journal_tell(&uacme->service->journal, &relay_events[RELAY_EVENT_UACME_SAID],
		journal_bytes(line, length));
	if (!uacme->said[0]) {
		(void)skip(&line, &length, "uacme: ");
		remember(uacme, "", line, length);
		return;
	}
	while (skip(&line, &length, " ")) {}
	if (skip(&line, &length, "\"detail\": \"")) {
		while (length && strchr("\",", line[length - 1])) {
			length--;
		}
		remember(uacme, ": ", line, length);
	}
}

/* Writes the command line; days_text is memory for a part of it. */
static void put_arguments(const struct uacme *uacme, enum uacme_step step, const char **argv,
	char days_text[DAYS_TEXT])
{
	const struct uacme_config *config = uacme->config;
	size_t n = 0;

	argv[n++] = config->program;
	argv[n++] = "--confdir";
	argv[n++] = ".";
	argv[n++] = "--type";
	argv[n++] = "EC";
	if (config->url) {
		argv[n++] = "--acme-url";
		argv[n++] = config->url;
	}
	if (step == UACME_ACCOUNT) {
		argv[n++] = "--yes";
		argv[n++] = "new";
	} else {
		(void)snprintf(days_text, DAYS_TEXT, "%d", uacme->days);
		argv[n++] = "--hook";
		argv[n++] = config->hook;
		argv[n++] = uacme->days ? "--days" : "--force";
		if (uacme->days) {
			argv[n++] = days_text;
		}
		argv[n++] = "issue";
		argv[n++] = uacme->cache->domain;
	}
	argv[n] = NULL;
}

static int start_step(struct uacme *uacme, enum uacme_step step)
{
	static const char *const environment[] = {CHALLENGE_VARIABLE, NULL};
	const char *argv[ARGUMENTS_MOST];
	char days_text[DAYS_TEXT];
	struct curfew_child_config child;

	put_arguments(uacme, step, argv, days_text);
	uacme->step = step;
	uacme->said[0] = '\0';
	if (step == UACME_ACCOUNT) {
		uacme->asked_account = true;
	}
	curfew_child_defaults(&child);
	child.argv = argv;
	child.environment = environment;
	child.cwd = uacme->cache->folder;
	child.in = child.out = CURFEW_STDIO_NULL;
	child.err = CURFEW_STDIO_PIPE;
	child.tree = CURFEW_TREE_KEEPER;
	child.keeper = uacme->config->keeper;
	child.term_wait_ms = UACME_TERM_WAIT_MS;
	child.on_error_line = said;
	child.on_exit = exited;
	child.arg = uacme;
	uacme->child = curfew_child_start(uacme->service->life, NULL, &child);
	return uacme->child ? 0 : -errno;
}

int uacme_start(struct uacme *uacme, int days)
{
	bool has_account = cache_has_account(uacme->cache);
	int error;

	uacme->days = days;
	uacme->asked_account = false;
	uacme->late = false;
	uacme->complaint[0] = '\0';
	uacme->bound.fired = took_too_long;
	error = start_step(uacme, has_account ? UACME_ISSUE : UACME_ACCOUNT);
	if (error < 0) {
		uacme->step = UACME_IDLE;
		return error;
	}
	agenda_start(agenda_of(uacme), &uacme->bound, curfew_after_ms(uacme->config->run_most_ms));
	return 0;
}

void uacme_fini(struct uacme *uacme)
{
	if (uacme->service) {
		agenda_stop(agenda_of(uacme), &uacme->bound);
	}
}
