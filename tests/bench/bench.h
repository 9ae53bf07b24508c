/*
 * What all benches share: one way to report a figure, the limits that figures are held against, and medians.
 *
 * A bench is a program tests/bench/NAME_bench.c; `make bench` runs each from the root of the tree. A figure is one JSON
 * object on one line, on stdout and at the end of build/bench.jsonl ($BENCH_FILE names another file). QUICK=1 in the
 * environment asks for the shortest run that still gives the figures.
 */
#ifndef LIAISON_TESTS_BENCH_BENCH_H
#define LIAISON_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct figure {
	const char *name;
	double value;
	const char *unit;
	/* What the value is held against; `ratio` is value / limit. NULL: no limit, null in the JSON. */
	double limit;
	const char *limit_name;
	/* Another way to do the same, measured in this run, in the same unit. NULL: none, and no such keys. */
	double peer;
	const char *peer_name;
};

/* Prints and keeps the figure; ends the program with 74 if it cannot. */
void figure_report(const struct figure *figure);

bool bench_is_quick(void);
unsigned bench_cores(void);
double bench_seconds(void); /* monotonic */
/* Processor time that a process (0: this one) has used so far, in seconds. */
double bench_cpu_seconds(pid_t pid);
/* The same, thread by thread; and what those of that name have used between two such looks. */
#define BENCH_THREADS_MAX 64
struct bench_thread {
	char name[16];
	double seconds;
};
struct bench_threads {
	struct bench_thread threads[BENCH_THREADS_MAX];
	size_t count;
};
void bench_threads_now(pid_t pid, struct bench_threads *threads);
double bench_threads_used(const struct bench_threads *before, const struct bench_threads *after, const char *name);
double bench_resident_bytes(pid_t pid);

/* Sort the samples. `part` from 0 to 1, nearest rank: 0.5 is the median, 0.99 the p99. count > 0. */
double samples_percentile(double *samples, size_t count, double part);
double samples_median(double *samples, size_t count);

/*
 * Ed25519 verifications per second with libsodium on `threads` threads, of messages as long as what an alert's signature
 * covers: the median of some runs.
 */
double limit_verifications_per_s(unsigned threads);

/* How long fdatasync takes after 4 KiB have been written to a pre-allocated file in `dir`, milliseconds. */
struct limit_sync {
	double p50_ms, p99_ms;
};
struct limit_sync limit_fdatasync(const char *dir, size_t writes);

#endif
