/*
 * What the experiments of `make fault` share: a run with its seed and its count, and the tally that it ends with.
 *
 * An experiment is a function in a file of its own and a row in main.c's table. It runs the real programs in a folder of
 * its own on loopback, does something cruel to them `runs` times, and holds what readers are given afterwards against a
 * ledger of what was acknowledged (ledger.h). It prints one line:
 *
 *   NAME: N runs, M acknowledged, 0 acknowledged lost, 0 served damaged, 0 shown twice
 *
 * and anything that is wrong, as it is found, on standard error. All choices come from the seed; moments in time do not,
 * so that a replay makes the same choices at about the same moments.
 */
#ifndef LIAISON_TESTS_FAULT_FAULT_H
#define LIAISON_TESTS_FAULT_FAULT_H

#include "proto/base/rand.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define FAULT_PATH_BYTES 512

struct experiment {
	const char *name;
	uint64_t seed;
	uint64_t runs;        /* wanted */
	const char *dir;      /* its own, empty */
	const char *template; /* a network that was never used (net.h) */
	struct rng rng;
	struct rng_seeded rng_state;

	uint64_t done;
	uint64_t acknowledged, lost, damaged, twice;
	uint64_t broken; /* anything else that should not be: a program that did not start, a wrong exit code */
	uint64_t told;
	bool is_skipped;
};

typedef void experiment_fn(struct experiment *experiment);
experiment_fn experiment_kill_broker;
experiment_fn experiment_kill_publisher, experiment_kill_reader;
experiment_fn experiment_io_errors;
experiment_fn experiment_disk_full, experiment_restored_disk, experiment_restored_home;
experiment_fn experiment_power_cut_broker, experiment_power_cut_agent;

/* Whether more runs are wanted; an experiment that found too much wrong ends early. */
bool experiment_goes_on(const struct experiment *experiment);

/* Tells on standard error what is wrong, with experiment, seed and run, and counts it as broken. */
void experiment_broken(struct experiment *experiment, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, counted in one of the other sums. */
void experiment_found(struct experiment *experiment, uint64_t *sum, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* More words on it, counted nowhere. */
void experiment_tell(struct experiment *experiment, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Everything that was found so far. */
uint64_t experiment_wrong(const struct experiment *experiment);

uint32_t experiment_below(struct experiment *experiment, uint32_t bound);

/* The experiment itself cannot go on: tells why and ends the program. Never for what the product does. */
void fault_give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

void *fault_need(void *memory);
/* printf into a path of FAULT_PATH_BYTES. */
void fault_path(char *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void make_dir(const char *path);
/* The library that is preloaded (shim.c). */
void fault_shim_path(char *out);

#endif
