/* One phase at a time, and what each took so far. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgi/clock.h"

#define START_TIME 22 /* which word of /proc/self/stat, proc(5) */

static struct {
	pid_t process;
	bool running, announce;
	enum clock_phase phase;
	int64_t began, since, paused; /* main(), the phase, the pause */
	int64_t aside; /* in all pauses */
	int64_t spent[CLOCK_PHASES];
	int64_t most; /* of CLOCK_FORK */
} watch;

static int64_t
read_clock(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now);
	return now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

int64_t
clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void
clock_open(void)
{
	memset(&watch, 0, sizeof(watch));
	watch.process = getpid();
	watch.began = clock_now();
}

pid_t
clock_process(void)
{
	return watch.process;
}

void
clock_run(bool announce)
{
	watch.running = true;
	watch.announce = announce;
	watch.phase = CLOCK_INTERPRETER;
	watch.since = watch.began;
}

int64_t
clock_enter(enum clock_phase phase)
{
	int64_t now, took;

	if (!watch.running)
		return 0;
	now = clock_now();
	took = now - watch.since;
	watch.spent[watch.phase] += took;
	watch.phase = phase;
	watch.since = now;
	return took;
}

void
clock_pause(void)
{
	watch.paused = clock_now();
}

void
clock_resume(void)
{
	int64_t pause = clock_now() - watch.paused;

	watch.since += pause;
	watch.aside += pause;
	watch.paused = 0;
}

static int64_t
now_or_pause(void)
{
	return watch.paused != 0 ? watch.paused : clock_now();
}

int64_t
clock_spent(enum clock_phase phase)
{
	int64_t spent = watch.spent[phase];

	return phase == watch.phase ? spent + now_or_pause() - watch.since
				    : spent;
}

int64_t
clock_elapsed(void)
{
	return watch.spent[CLOCK_FORK] + now_or_pause() - watch.began -
	    watch.aside;
}

/* When this process began, in ticks since the host was started; or -1. */
static int64_t
read_start_ticks(void)
{
	char text[1024], *word;
	FILE *from = fopen("/proc/self/stat", "re");
	size_t length;
	int i;

	if (from == NULL)
		return -1;
	length = fread(text, 1, sizeof(text) - 1, from);
	fclose(from);
	text[length] = '\0';
	/* The second word is a name, which may hold anything. */
	word = strrchr(text, ')');
	for (i = 2; word != NULL && i < START_TIME; i++)
		word = strchr(word + 1, ' ');
	return word != NULL ? strtoll(word, NULL, 10) : -1;
}

/* How long this process ran, and waited for a processor. */
static int64_t
read_busy_time(void)
{
	int64_t busy = read_clock(CLOCK_PROCESS_CPUTIME_ID), waited;
	FILE *from = fopen("/proc/self/schedstat", "re");

	if (from == NULL)
		return busy;
	if (fscanf(from, "%*d %" SCNd64, &waited) == 1)
		busy += waited;
	fclose(from);
	return busy;
}

/*
 * A process is at least as old as the time that it ran or waited to run, which
 * the kernel tells exactly, and as its tick of the start allows.
 */
void
clock_ask_kernel(void)
{
#ifdef CLOCK_BOOTTIME
	int64_t ticks, tick, least, most, age = clock_now() - watch.began;

	if (watch.most != 0 || (ticks = read_start_ticks()) == -1)
		return;
	tick = CLOCK_SECOND / sysconf(_SC_CLK_TCK);
	least = read_busy_time() - age;
	most = read_clock(CLOCK_BOOTTIME) - ticks * tick - age;
	if (least < most - tick)
		least = most - tick;
	if (least > most)
		least = most;
	watch.spent[CLOCK_FORK] = least > 0 ? least : 0;
	watch.most = most;
#endif
}

int64_t
clock_fork_at_most(void)
{
	return watch.most;
}

static double
milliseconds(enum clock_phase phase)
{
	return (double)clock_spent(phase) / 1e6;
}

char *
clock_header(void)
{
	char *header;

	if (!watch.announce ||
	    asprintf(&header,
		"Server-Timing: interp;dur=%.3f, import;dur=%.3f, "
		"app;dur=%.3f\r\n",
		milliseconds(CLOCK_INTERPRETER), milliseconds(CLOCK_IMPORT),
		milliseconds(CLOCK_APPLICATION)) == -1)
		return NULL;
	return header;
}
