/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trees that a contender has to end. Each mode writes "ready" once all of it stands.
 *
 *	tree stubborn DIR	the main process ignores TERM; below it stand a double-forked
 *				setsid descendant that ignores TERM too, a stopped child, and a
 *				fork storm: chains of processes, each of which forks its successor
 *				and exits, while DIR/go exists, at most STORM_S seconds
 *	tree leaves DIR		the same, but the main process ends on TERM
 *	tree chain DIR		the main process ends on TERM; below it runs one chain of the
 *				storm, as fast as it can, which counts its processes in DIR/beat:
 *				nobody who reads /proc could be sure to meet one of them
 *	tree cleans DIR		the main process ends on TERM; two descendants, one of them in a
 *				session of its own, take 300 ms on TERM and then make DIR/group
 *				and DIR/session
 *	tree orphans N		leaves N orphans to process 1, which exit at once, and writes
 *				"zombies M" when none is left, or 500 ms after the last has exited
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIFE_S 60 /* whoever everybody forgot ends by itself */
#define STORM_S 15
#define STORM_CHAINS 4
#define STORM_NAP_US 5000
#define CHAIN_NAP_US 20
#define CLEANUP_MS 300
#define ORPHANS_AT_ONCE 50
#define REAPED_WITHIN_MS 500

static char path[4096];
static int ready[2]; /* each member of the tree writes a byte once it stands */
static int beat = -1;

static void nap(long ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&left, &left)) {}
}

static void stand(void)
{
	alarm(LIFE_S);
	if (write(ready[1], "", 1) != 1) {
		_exit(1);
	}
}

static _Noreturn void stay(void)
{
	for (;;) {
		pause();
	}
}

static void await(int members)
{
	char byte;

	while (members-- > 0) {
		if (read(ready[0], &byte, 1) != 1) {
			_exit(1);
		}
	}
}

static void escape(void)
{
	if (fork() == 0) {
		setsid();
		if (fork() > 0) {
			_exit(0);
		}
		signal(SIGTERM, SIG_IGN);
		stand();
		stay();
	}
	wait(NULL);
}

static void stopped(void)
{
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0) {
		stand();
		raise(SIGSTOP);
		stay();
	}
	waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT);
}

/* The successor carries on where its parent exits: who signals a list of pids comes too late. */
static void storm(long nap_us)
{
	struct timespec rest = {0, nap_us * 1000};
	time_t end = time(NULL) + STORM_S;
	long generation = 0;

	if (fork() > 0) {
		return;
	}
	signal(SIGCHLD, SIG_IGN);
	stand();
	while (access(path, F_OK) == 0 && time(NULL) < end) {
		generation++;
		if (beat >= 0 && pwrite(beat, &generation, sizeof(generation), 0) < 0) {
			_exit(1);
		}
		nanosleep(&rest, NULL);
		if (fork() != 0) {
			_exit(0);
		}
	}
	_exit(0);
}

static _Noreturn void stubborn(const char *dir, int ignore)
{
	snprintf(path, sizeof(path), "%s/go", dir);
	if (ignore) {
		signal(SIGTERM, SIG_IGN);
	}
	/* The kernel sends HUP to an orphaned group with stopped members: nobody's merit. */
	signal(SIGHUP, SIG_IGN);
	alarm(LIFE_S);
	escape();
	stopped();
	for (int i = 0; i < STORM_CHAINS; i++) {
		storm(STORM_NAP_US);
	}
	await(2 + STORM_CHAINS);
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (wait(NULL) < 0) {
			pause();
		}
	}
}

static _Noreturn void chain(const char *dir)
{
	char name[4096];

	snprintf(path, sizeof(path), "%s/go", dir);
	snprintf(name, sizeof(name), "%s/beat", dir);
	beat = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	alarm(LIFE_S);
	signal(SIGTERM, SIG_IGN);
	storm(CHAIN_NAP_US);
	signal(SIGTERM, SIG_DFL);
	await(1);
	puts("ready");
	fflush(stdout);
	stay();
}

static void clean_up(int number)
{
	(void)number;
	nap(CLEANUP_MS);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	_exit(0);
}

static void cleaner(const char *dir, const char *name, int own_session)
{
	if (fork() > 0) {
		return;
	}
	if (own_session) {
		setsid();
	}
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	signal(SIGTERM, clean_up);
	stand();
	stay();
}

static _Noreturn void cleans(const char *dir)
{
	alarm(LIFE_S);
	cleaner(dir, "group", 0);
	cleaner(dir, "session", 1);
	await(2);
	puts("ready");
	fflush(stdout);
	stay();
}

static int zombies(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	while (proc && (entry = readdir(proc))) {
		char name[300], text[512] = "";
		FILE *file;

		snprintf(name, sizeof(name), "/proc/%s/stat", entry->d_name);
		if (atoi(entry->d_name) <= 0 || !(file = fopen(name, "re"))) {
			continue;
		}
		if (fgets(text, sizeof(text), file) && strrchr(text, ')')) {
			found += strrchr(text, ')')[2] == 'Z';
		}
		fclose(file);
	}
	if (proc) {
		closedir(proc);
	}
	return found;
}

/* Makes n orphans, and returns when all have exited: the pipe that they hold has ended. */
static void batch(int n)
{
	int held[2];
	char byte;

	if (pipe2(held, O_CLOEXEC)) {
		_exit(1);
	}
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			if (fork() == 0) {
				nap(1);
			}
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	close(held[1]);
	while (read(held[0], &byte, 1) > 0) {}
	close(held[0]);
}

static int orphans(int n)
{
	int left;

	alarm(LIFE_S);
	for (int made = 0; made < n; made += ORPHANS_AT_ONCE) {
		batch(n - made < ORPHANS_AT_ONCE ? n - made : ORPHANS_AT_ONCE);
	}
	left = zombies();
	for (int ms = 0; left && ms < REAPED_WITHIN_MS; ms += 10) {
		nap(10);
		left = zombies();
	}
	printf("zombies %d\n", left);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3 || pipe2(ready, O_CLOEXEC)) {
		return 2;
	}
	if (!strcmp(argv[1], "stubborn") || !strcmp(argv[1], "leaves")) {
		stubborn(argv[2], !strcmp(argv[1], "stubborn"));
	}
	if (!strcmp(argv[1], "chain")) {
		chain(argv[2]);
	}
	if (!strcmp(argv[1], "cleans")) {
		cleans(argv[2]);
	}
	return !strcmp(argv[1], "orphans") ? orphans(atoi(argv[2])) : 2;
}
