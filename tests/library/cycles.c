/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cycles WARM COUNT: starts and ends a lifecycle with a listener, a connection, a drain of its own,
 * contexts, a watch, hooks and a child, WARM times and COUNT times. Prints the kilobytes of
 * its memory and the descriptors before and after COUNT.
 */
#include <arpa/inet.h>
#include <curfew.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int served;

static void serve(int fd, void *arg)
{
	(void)arg;
	served++;
	close(fd);
}

static void let_go(struct curfew_hold *hold)
{
	curfew_hold_release(hold);
}

static void complete(struct curfew_hook *hook, void *arg)
{
	(void)arg;
	if (hook) {
		curfew_hook_done(hook);
	}
}

static void cancelled(void *arg)
{
	(void)arg;
}

static int listen_somewhere(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(*address);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (bind(fd, (struct sockaddr *)address, length) < 0 || listen(fd, 16) < 0 ||
		getsockname(fd, (struct sockaddr *)address, &length) < 0) {
		perror("listen");
		exit(1);
	}
	return fd;
}

static struct curfew_child *start_child(struct curfew_lifecycle *life)
{
	static const char *const argv[] = {"true", NULL};
	struct curfew_child_config config;

	curfew_child_defaults(&config);
	config.argv = argv;
	config.out = CURFEW_STDIO_PIPE;
	return curfew_child_start(life, NULL, &config);
}

static void cycle(void)
{
	static const struct curfew_hold_ops ops = {.kind = "request", .finish = let_go};
	struct curfew_lifecycle *life = curfew_lifecycle_new(NULL);
	struct curfew_context *root = curfew_lifecycle_context(life);
	struct sockaddr_in address;
	struct curfew_listener *listener =
		curfew_listener_new(life, listen_somewhere(&address), serve, NULL);
	struct curfew_drain *drain =
		curfew_drain_new(curfew_lifecycle_stage(life, CURFEW_WORK), "connections", NULL);
	struct curfew_context *context = curfew_context_new(root, curfew_after_ms(60000));
	struct curfew_token *token = curfew_token_ref(curfew_context_token(context));
	struct curfew_watch *watch = curfew_watch_new(token, life, cancelled, NULL);
	struct curfew_child *child = start_child(life);
	struct curfew_hold hold = {0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	curfew_lifecycle_ready(life);
	curfew_lifecycle_hook(life, "hook", 100, complete, NULL);
	curfew_lifecycle_hook_threaded(life, "threaded", 60000, complete, NULL);
	curfew_drain_hold(drain, &hold, &ops, NULL);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		curfew_token_fd(token) < 0 || !child) {
		perror("cycle");
		exit(1);
	}
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, "enough");
	curfew_lifecycle_wait(life);
	free(curfew_lifecycle_report(life));
	close(fd);
	curfew_child_free(child);
	curfew_watch_free(watch);
	curfew_context_free(context);
	curfew_drain_free(drain);
	curfew_listener_free(listener);
	curfew_lifecycle_free(life);
	curfew_token_unref(token);
}

/* Of what is ours: pages of files come and go, and statm counts in the rough. */
static long anonymous_kilobytes(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[128];
	long kilobytes = -1;

	while (file && kilobytes < 0 && fgets(line, sizeof(line), file)) {
		sscanf(line, "Anonymous: %ld", &kilobytes);
	}
	if (kilobytes < 0) {
		perror("/proc/self/smaps_rollup");
		exit(1);
	}
	fclose(file);
	return kilobytes;
}

static void tell(const char *when)
{
	DIR *folder = opendir("/proc/self/fd");
	int descriptors = -3; /* ".", ".." and the folder's own */

	while (readdir(folder)) {
		descriptors++;
	}
	closedir(folder);
	printf("%s %ld %d\n", when, anonymous_kilobytes(), descriptors);
}

int main(int argc, char **argv)
{
	int warm = argc > 1 ? atoi(argv[1]) : 50;
	int count = argc > 2 ? atoi(argv[2]) : 1000;

	for (int i = 0; i < warm; i++) {
		cycle();
	}
	tell("before");
	for (int i = 0; i < count; i++) {
		cycle();
	}
	tell("after");
	printf("served %d of %d\n", served, warm + count);
	return 0;
}
