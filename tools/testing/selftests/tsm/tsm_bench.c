// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long it takes to connect sixteen devices at once, against one alone, when
 * each device takes two seconds to answer in all.
 *
 * Prints a table for people and "BENCH key=value" lines for programs.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tsm_sim.h"

#define MAX_DEVICES	32
#define MAX_RUNS	15
#define CONNECT_MS	180000

static unsigned int nr_devices = 16;
static unsigned int nr_runs = 3;
static unsigned int device_ms = 2000;
static const char *prefix = "";

static struct sim_platform platform;
static struct sim_device device[MAX_DEVICES];

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "tsm_bench: %s: %s\n", what,
		err > 0 ? "did not end" : strerror(-err));
	sim_sweep();
	exit(KSFT_FAIL);
}

/* Connect the first @nr devices at once; wall time in ms */
static unsigned int connect_ms(unsigned int nr)
{
	struct sim_job job[MAX_DEVICES];
	long long start_ms, end_ms;
	unsigned int i;
	int gate[2];

	must(sim_gate(gate), "gate");
	for (i = 0; i < nr; i++)
		must(sim_job_connect(&job[i], gate, &device[i]), "writer");
	start_ms = sim_now_ms();
	sim_gate_open(gate);
	for (i = 0; i < nr; i++)
		must(sim_job_wait(&job[i], CONNECT_MS), "connect");
	end_ms = sim_now_ms();

	for (i = 0; i < nr; i++)
		must(sim_disconnect(&device[i]), "disconnect");
	return end_ms - start_ms;
}

static int smaller(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a;
	unsigned int y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

static unsigned int median_ms(unsigned int nr)
{
	unsigned int ms[MAX_RUNS], i;

	for (i = 0; i < nr_runs; i++) {
		ms[i] = connect_ms(nr);
		printf("  %2u device%s, run %u of %u: %6u ms\n", nr,
		       nr == 1 ? " " : "s", i + 1, nr_runs, ms[i]);
		fflush(stdout);
	}
	qsort(ms, nr_runs, sizeof(ms[0]), smaller);
	return ms[nr_runs / 2];
}

/* How many messages a connect is */
static long count_messages(void)
{
	long before = sim_count(&device[0], "messages");
	long messages;

	must(sim_connect(&device[0]), "connect");
	messages = sim_count(&device[0], "messages") - before;
	must(sim_disconnect(&device[0]), "disconnect");
	if (messages <= 0)
		must(-ENOMSG, "messages");
	return messages;
}

static void set_latency(unsigned int ms)
{
	unsigned int i;

	for (i = 0; i < nr_devices; i++)
		must(sim_set(&device[i], "latency_ms", "%u", ms), "latency");
}

static void build(void)
{
	unsigned int i;
	char name[16];

	must(sim_platform_create(&platform, "bench"), "platform");
	for (i = 0; i < nr_devices; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		must(sim_device_create(&device[i], &platform, name), "device");
	}
	must(sim_platform_live(&platform, true), "live");
	for (i = 0; i < nr_devices; i++)
		must(sim_device_names(&device[i]), "names");
}

static int usage(void)
{
	fprintf(stderr,
		"Usage: tsm_bench [-d devices] [-l device_ms] [-n runs] [-p prefix]\n"
		"  -d  devices to connect at once (%u, at most %u)\n"
		"  -l  latency of a device over its whole conversation, ms (%u)\n"
		"  -n  runs, of which the median counts (%u, at most %u)\n"
		"  -p  what the names of the figures begin with\n",
		nr_devices, MAX_DEVICES, device_ms, nr_runs, MAX_RUNS);
	return KSFT_FAIL;
}

int main(int argc, char **argv)
{
	unsigned int alone_ms, together_ms, work_ms, latency_ms;
	long messages;
	double ratio;
	int opt, ready;

	while ((opt = getopt(argc, argv, "d:l:n:p:")) != -1) {
		switch (opt) {
		case 'd':
			nr_devices = atoi(optarg);
			break;
		case 'l':
			device_ms = atoi(optarg);
			break;
		case 'n':
			nr_runs = atoi(optarg);
			break;
		case 'p':
			prefix = optarg;
			break;
		default:
			return usage();
		}
	}
	if (!nr_devices || nr_devices > MAX_DEVICES || !nr_runs ||
	    nr_runs > MAX_RUNS)
		return usage();

	ready = sim_require();
	if (ready)
		return ready;
	sim_sweep();
	build();

	messages = count_messages();
	latency_ms = (device_ms + messages / 2) / messages;
	if (latency_ms > SIM_MAX_LATENCY_MS)
		latency_ms = SIM_MAX_LATENCY_MS;

	printf("connect: %ld messages, %u ms of latency each\n", messages,
	       latency_ms);
	/* The processor's share: one device that answers at once */
	work_ms = median_ms(1);
	set_latency(latency_ms);
	alone_ms = median_ms(1);
	together_ms = median_ms(nr_devices);
	ratio = (double)together_ms / alone_ms;
	must(sim_platform_destroy(&platform), "teardown");

	printf("\n"
	       "  devices  latency   median     ratio\n"
	       "        1     0 ms  %6u ms\n"
	       "        1  %4ld ms  %6u ms      1.00\n"
	       "  %7u  %4ld ms  %6u ms    %6.2f\n\n",
	       work_ms, messages * latency_ms, alone_ms, nr_devices,
	       messages * latency_ms, together_ms, ratio);
	printf("BENCH %sconnect_messages=%ld\n", prefix, messages);
	printf("BENCH %sconnect_work_ms=%u\n", prefix, work_ms);
	printf("BENCH %sconnect_alone_ms=%u\n", prefix, alone_ms);
	printf("BENCH %sconnect_parallel_%u_ms=%u\n", prefix, nr_devices,
	       together_ms);
	printf("BENCH %sconnect_parallel_%u_ratio=%.2f\n", prefix, nr_devices,
	       ratio);
	return KSFT_PASS;
}
