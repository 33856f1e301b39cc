/* SPDX-License-Identifier: Apache-2.0 */
#include "base/signal_name.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* signal(7). Where a number has two names, the first is the one that is written. */
static const struct {
	const char *name;
	int number;
} signals[] = {
	{"HUP", SIGHUP},
	{"INT", SIGINT},
	{"QUIT", SIGQUIT},
	{"ILL", SIGILL},
	{"TRAP", SIGTRAP},
	{"ABRT", SIGABRT},
	{"BUS", SIGBUS},
	{"FPE", SIGFPE},
	{"KILL", SIGKILL},
	{"USR1", SIGUSR1},
	{"SEGV", SIGSEGV},
	{"USR2", SIGUSR2},
	{"PIPE", SIGPIPE},
	{"ALRM", SIGALRM},
	{"TERM", SIGTERM},
	{"STKFLT", SIGSTKFLT},
	{"CHLD", SIGCHLD},
	{"CONT", SIGCONT},
	{"STOP", SIGSTOP},
	{"TSTP", SIGTSTP},
	{"TTIN", SIGTTIN},
	{"TTOU", SIGTTOU},
	{"URG", SIGURG},
	{"XCPU", SIGXCPU},
	{"XFSZ", SIGXFSZ},
	{"VTALRM", SIGVTALRM},
	{"PROF", SIGPROF},
	{"WINCH", SIGWINCH},
	{"IO", SIGIO},
	{"PWR", SIGPWR},
	{"SYS", SIGSYS},
	{"IOT", SIGIOT},
	{"CLD", SIGCHLD},
	{"POLL", SIGPOLL},
};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

const char *signal_name_at(unsigned index)
{
	return index < SIGNALS ? signals[index].name : NULL;
}

/*
 * Returns the number behind RTMIN or RTMAX, e.g. "+3"; 0 if it is none, or leads out of their
 * range.
 */
static int real_time(int from, char sign, const char *offset)
{
	int64_t distance = 0;

	if (*offset &&
		(*offset != sign ||
			text_parse_number(offset + 1, 0, SIGRTMAX - SIGRTMIN, &distance))) {
		return 0;
	}
	return sign == '+' ? from + (int)distance : from - (int)distance;
}

int signal_number(const char *name)
{
	int64_t number;

	if (!text_parse_number(name, 1, SIGRTMAX, &number)) {
		return number >= __SIGRTMIN && number < SIGRTMIN ? 0 : (int)number;
	}
	if (!strncasecmp(name, "SIG", 3)) {
		name += 3;
	}
	for (size_t i = 0; i < SIGNALS; i++) {
		if (!strcasecmp(name, signals[i].name)) {
			return signals[i].number;
		}
	}
	if (!strncasecmp(name, "RTMIN", 5)) {
		return real_time(SIGRTMIN, '+', name + 5);
	}
	return strncasecmp(name, "RTMAX", 5) ? 0 : real_time(SIGRTMAX, '-', name + 5);
}

const char *signal_name(int number, char name[SIGNAL_NAME_BYTES])
{
	int middle = (SIGRTMIN + SIGRTMAX) / 2;

	for (size_t i = 0; i < SIGNALS; i++) {
		if (signals[i].number == number) {
			(void)snprintf(name, SIGNAL_NAME_BYTES, "%s", signals[i].name);
			return name;
		}
	}
	if (number == SIGRTMIN || number == SIGRTMAX) {
		(void)snprintf(
			name, SIGNAL_NAME_BYTES, "%s", number == SIGRTMIN ? "RTMIN" : "RTMAX");
	} else if (number > SIGRTMIN && number <= middle) {
		(void)snprintf(name, SIGNAL_NAME_BYTES, "RTMIN+%d", number - SIGRTMIN);
	} else if (number > middle && number < SIGRTMAX) {
		(void)snprintf(name, SIGNAL_NAME_BYTES, "RTMAX-%d", SIGRTMAX - number);
	} else {
		(void)snprintf(name, SIGNAL_NAME_BYTES, "%d", number);
	}
	return name;
}
