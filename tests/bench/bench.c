#include "tests/bench/bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static void
bench_die(const char *what, const char *where)
{
	fprintf(stderr, "bench: %s: %s: %m\n", what, where);
	exit(EX_IOERR);
}

/* --- figures ------------------------------------------------------------------------------------------------------- */

static void
print_number(FILE *out, const char *key, double number)
{
	if (isfinite(number))
		fprintf(out, ",\"%s\":%.6g", key, number);
	else
		fprintf(out, ",\"%s\":null", key);
}

/* Names and units are literals of the benches: nothing in them needs an escape. */
static void
print_figure(FILE *out, const struct figure *f)
{
	fprintf(out, "{\"name\":\"%s\"", f->name);
	print_number(out, "value", f->value);
	fprintf(out, ",\"unit\":\"%s\"", f->unit);
	if (f->limit_name) {
		print_number(out, "limit", f->limit);
		fprintf(out, ",\"limit_name\":\"%s\"", f->limit_name);
		print_number(out, "ratio", f->value / f->limit);
	} else {
		fputs(",\"limit\":null,\"limit_name\":null,\"ratio\":null", out);
	}
	if (f->peer_name) {
		print_number(out, "peer", f->peer);
		fprintf(out, ",\"peer_name\":\"%s\"", f->peer_name);
	}
	fputs("}\n", out);
}

void
figure_report(const struct figure *figure)
{
	const char *path = getenv("BENCH_FILE");

	if (!path)
		path = "build/bench.jsonl";
	print_figure(stdout, figure);
	if (fflush(stdout) != 0)
		bench_die("write", "stdout");
	FILE *file = fopen(path, "ae");
	if (!file)
		bench_die("open", path);
	print_figure(file, figure);
	if (fclose(file) != 0)
		bench_die("write", path);
}

/* --- the machine --------------------------------------------------------------------------------------------------- */

bool
bench_is_quick(void)
{
	const char *quick = getenv("QUICK");

	return quick && *quick && strcmp(quick, "0") != 0;
}

unsigned
bench_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores > 0 ? (unsigned)cores : 1;
}

double
bench_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double
bench_cpu_seconds(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
		bench_die("read", "a process's clock");
	return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

/* Reads the one line of /proc/PID/task/TID/NAME. */
static void
read_task(pid_t pid, const char *task, const char *name, char *line, int len)
{
	char path[300];

	snprintf(path, sizeof path, "/proc/%d/task/%s/%s", (int)pid, task, name);
	FILE *file = fopen(path, "re");
	if (!file || !fgets(line, len, file))
		bench_die("read", path);
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
}

void
bench_threads_now(pid_t pid, struct bench_threads *threads)
{
	char path[300], line[128];

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	if (!dir)
		bench_die("open", path);
	threads->count = 0;
	for (struct dirent *entry = readdir(dir); entry && threads->count < BENCH_THREADS_MAX; entry = readdir(dir)) {
		struct bench_thread *thread = &threads->threads[threads->count];
		if (entry->d_name[0] == '.')
			continue;
		read_task(pid, entry->d_name, "comm", thread->name, sizeof thread->name);
		read_task(pid, entry->d_name, "schedstat", line, sizeof line);
		thread->seconds = (double)strtoull(line, NULL, 10) * 1e-9;
		threads->count++;
	}
	closedir(dir);
}

double
bench_threads_used(const struct bench_threads *before, const struct bench_threads *after, const char *name)
{
	double seconds = 0;

	for (size_t i = 0; i < after->count; i++)
		if (strcmp(after->threads[i].name, name) == 0)
			seconds += after->threads[i].seconds;
	for (size_t i = 0; i < before->count; i++)
		if (strcmp(before->threads[i].name, name) == 0)
			seconds -= before->threads[i].seconds;
	return seconds;
}

double
bench_resident_bytes(pid_t pid)
{
	char path[64];
	unsigned long pages = 0;

	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file || fscanf(file, "%*u %lu", &pages) != 1)
		bench_die("read", path);
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* --- samples ------------------------------------------------------------------------------------------------------- */

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

double
samples_percentile(double *samples, size_t count, double part)
{
	qsort(samples, count, sizeof *samples, compare_doubles);
	size_t rank = (size_t)ceil(part * (double)count);
	return samples[rank > 0 ? rank - 1 : 0];
}

double
samples_median(double *samples, size_t count)
{
	return samples_percentile(samples, count, 0.5);
}

/* --- limits -------------------------------------------------------------------------------------------------------- */

#define SIGNED_BYTES 64   /* domain, network id, leaf count, root */
#define SIGNED_COUNT 2048 /* of few, over and over, the processor learns the branches by heart */
#define SIGNATURE_RUNS 5

struct verifier {
	unsigned char key[SIGNED_COUNT][crypto_sign_PUBLICKEYBYTES];
	unsigned char message[SIGNED_COUNT][SIGNED_BYTES];
	unsigned char signature[SIGNED_COUNT][crypto_sign_BYTES];
	atomic_bool stop;
	atomic_ulong done;
};

/* Owns nothing; reads the signed messages, adds what it has verified to `done`. */
static void *
verifier_run(void *arg)
{
	struct verifier *v = arg;

	for (size_t i = 0; !atomic_load_explicit(&v->stop, memory_order_relaxed); i = (i + 1) % SIGNED_COUNT) {
		if (crypto_sign_verify_detached(v->signature[i], v->message[i], SIGNED_BYTES, v->key[i]) != 0)
			abort();
		atomic_fetch_add_explicit(&v->done, 1, memory_order_relaxed);
	}
	return NULL;
}

double
limit_verifications_per_s(unsigned threads)
{
	struct verifier *v = calloc(1, sizeof *v);
	pthread_t *ids = calloc(threads, sizeof *ids);
	double samples[SIGNATURE_RUNS];
	struct timespec run = {.tv_nsec = bench_is_quick() ? 60000000 : 400000000};

	if (!v || !ids || sodium_init() < 0)
		bench_die("set up", "verifiers");
	for (size_t i = 0; i < SIGNED_COUNT; i++) {
		unsigned char secret[crypto_sign_SECRETKEYBYTES];
		crypto_sign_keypair(v->key[i], secret);
		randombytes_buf(v->message[i], SIGNED_BYTES);
		crypto_sign_detached(v->signature[i], NULL, v->message[i], SIGNED_BYTES, secret);
		sodium_memzero(secret, sizeof secret);
	}
	for (size_t i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, verifier_run, v) != 0)
			bench_die("start", "verifiers");
	double cpu = bench_cpu_seconds(0);
	unsigned long first = atomic_load(&v->done);
	for (size_t i = 0; i < SIGNATURE_RUNS; i++) {
		unsigned long before = atomic_load(&v->done);
		double start = bench_seconds();
		nanosleep(&run, NULL);
		samples[i] = (double)(atomic_load(&v->done) - before) / (bench_seconds() - start);
	}
	fprintf(stderr, "# a verification takes %.1f us of processor time\n",
		(bench_cpu_seconds(0) - cpu) * 1e6 / (double)(atomic_load(&v->done) - first));
	atomic_store(&v->stop, true);
	for (size_t i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	free(ids);
	free(v);
	return samples_median(samples, SIGNATURE_RUNS);
}

#define SYNC_BYTES 4096

struct limit_sync
limit_fdatasync(const char *dir, size_t writes)
{
	char path[4096];
	static const unsigned char page[SYNC_BYTES];
	double *samples = calloc(writes, sizeof *samples);

	if (!samples || (size_t)snprintf(path, sizeof path, "%s/bench-sync-XXXXXX", dir) >= sizeof path)
		bench_die("set up", dir);
	int fd = mkstemp(path);
	if (fd < 0)
		bench_die("create", path);
	if (unlink(path) != 0 || posix_fallocate(fd, 0, (off_t)(writes * SYNC_BYTES)) != 0 || fsync(fd) != 0)
		bench_die("prepare", path);
	for (size_t i = 0; i < writes; i++) {
		if (pwrite(fd, page, sizeof page, (off_t)(i * SYNC_BYTES)) != (ssize_t)sizeof page)
			bench_die("write", path);
		double start = bench_seconds();
		if (fdatasync(fd) != 0)
			bench_die("fdatasync", path);
		samples[i] = (bench_seconds() - start) * 1e3;
	}
	close(fd);
	struct limit_sync sync = {
		.p50_ms = samples_median(samples, writes),
		.p99_ms = samples_percentile(samples, writes, 0.99),
	};
	free(samples);
	return sync;
}
