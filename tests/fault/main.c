/*
 * fault [EXPERIMENT...]: runs the experiments that are named, or all of them. In the environment:
 *
 *   QUICK=1   the small counts       RUNS=n   this count for each        SEED=n   replays a run
 *   BUILD     where the programs are (build)   KEEP=1   leaves the folder behind
 *
 * The program forks: the parent only waits, and cleans up whatever happens to the child that does the work.
 */
#include "tests/fault/net.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOLD_MAX 40
#define BROKEN_MAX 5 /* more, and the rest would only repeat it */

static const struct row {
	const char *name;
	experiment_fn *run;
	uint64_t full, quick;
} table[] = {
	{"kill_broker", experiment_kill_broker, 1000, 40},
	{"power_cut_broker", experiment_power_cut_broker, 500, 40},
	{"power_cut_agent", experiment_power_cut_agent, 500, 40},
	{"io_errors", experiment_io_errors, UINT64_MAX, 90}, /* all calls */
	{"kill_publisher", experiment_kill_publisher, 1000, 60},
	{"kill_reader", experiment_kill_reader, 1000, 60},
	{"disk_full", experiment_disk_full, 50, 8},
	{"restored_disk", experiment_restored_disk, 100, 6},
	{"restored_home", experiment_restored_home, 100, 10},
};
#define ROWS (sizeof table / sizeof table[0])

/* --- what fault.h promises -------------------------------------------------------------------------------------------- */

void *
fault_need(void *memory)
{
	if (memory == NULL)
		fault_give_up("no memory, or a file that cannot be opened: %s", strerror(errno));
	return memory;
}

void
fault_give_up(const char *format, ...)
{
	va_list args;

	fputs("fault: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(70);
}

void
fault_path(char *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(out, FAULT_PATH_BYTES, format, args);
	va_end(args);
	if (len < 0 || len >= FAULT_PATH_BYTES)
		fault_give_up("a path is too long");
}

void
make_dir(const char *path)
{
	if (mkdir(path, 0700) != 0)
		fault_give_up("cannot make %s: %s", path, strerror(errno));
}

void
fault_shim_path(char *out)
{
	char *path = realpath(getenv("FAULT_SHIM") != NULL ? getenv("FAULT_SHIM") : "build/tests/fault/shim.so", NULL);

	if (path == NULL)
		fault_give_up("there is no shim.so");
	fault_path(out, "%s", path);
	free(path);
}

static void
found(struct experiment *experiment, uint64_t *sum, const char *format, va_list args)
{
	++*sum;
	if (experiment->told++ >= TOLD_MAX)
		return;
	fprintf(stderr, "%s, seed %" PRIu64 ", run %" PRIu64 ": ", experiment->name, experiment->seed,
		experiment->done);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void
experiment_found(struct experiment *experiment, uint64_t *sum, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	found(experiment, sum, format, args);
	va_end(args);
}

void
experiment_broken(struct experiment *experiment, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	found(experiment, &experiment->broken, format, args);
	va_end(args);
}

void
experiment_tell(struct experiment *experiment, const char *format, ...)
{
	uint64_t nothing = 0;
	va_list args;

	va_start(args, format);
	found(experiment, &nothing, format, args);
	va_end(args);
}

uint64_t
experiment_wrong(const struct experiment *experiment)
{
	return experiment->lost + experiment->damaged + experiment->twice + experiment->broken;
}

bool
experiment_goes_on(const struct experiment *experiment)
{
	return experiment->done < experiment->runs && experiment_wrong(experiment) < BROKEN_MAX;
}

uint32_t
experiment_below(struct experiment *experiment, uint32_t bound)
{
	return rng_below(&experiment->rng, bound);
}

/* --- the work -------------------------------------------------------------------------------------------------------- */

static uint64_t
number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

static bool
run_row(const struct row *row, const char *template, const char *tmp, uint64_t seed)
{
	char dir[FAULT_PATH_BYTES];
	struct experiment experiment = {.name = row->name, .seed = seed, .dir = dir, .template = template};

	fault_path(dir, "%s/%s", tmp, row->name);
	make_dir(dir);
	experiment.runs = number_from("RUNS", number_from("QUICK", 0) != 0 ? row->quick : row->full);
	experiment.rng = rng_from_seed(&experiment.rng_state, seed);
	long long began = monotonic_ms();
	row->run(&experiment);
	if (experiment.is_skipped)
		return true;
	printf("%s: %" PRIu64 " runs, %" PRIu64 " acknowledged, %" PRIu64 " acknowledged lost, %" PRIu64
	       " served damaged, %" PRIu64 " shown twice\n",
		row->name, experiment.done, experiment.acknowledged, experiment.lost, experiment.damaged,
		experiment.twice);
	fflush(stdout);
	fprintf(stderr, "# %s: seed %" PRIu64 ", %lld s%s\n", row->name, seed, (monotonic_ms() - began) / 1000,
		experiment.broken > 0 ? ", and other things are wrong: see above" : "");
	if (experiment.done < experiment.runs && experiment_wrong(&experiment) == 0)
		fprintf(stderr, "# %s: ended before its count\n", row->name);
	return experiment.done >= experiment.runs && experiment_wrong(&experiment) == 0;
}

static int
work(int argc, char **argv, const char *tmp)
{
	char template[FAULT_PATH_BYTES];
	unsigned passed = 0, failed = 0;
	uint64_t seed = number_from("SEED", randombytes_random());

	fault_path(template, "%s/template", tmp);
	net_make_template(template);
	for (size_t i = 0; i < ROWS; i++) {
		bool is_wanted = argc <= 1;
		for (int arg = 1; arg < argc; arg++)
			is_wanted = is_wanted || strcmp(argv[arg], table[i].name) == 0;
		if (!is_wanted)
			continue;
		if (run_row(&table[i], template, tmp, seed))
			passed++;
		else
			failed++;
	}
	printf("%u passed, %u failed\n", passed, failed);
	return passed > 0 && failed == 0 ? 0 : 1;
}

/* --- the parent ------------------------------------------------------------------------------------------------------ */

static volatile sig_atomic_t worker;

static void
end_worker(int signal_number)
{
	(void)signal_number;
	if (worker > 0)
		kill((pid_t)worker, SIGKILL);
}

static void
clean_up(const char *tmp)
{
	char path[FAULT_PATH_BYTES];
	const struct launch launch = {0};

	fault_path(path, "%s/template/sandbox.conf", tmp);
	if (access(path, F_OK) == 0) {
		fault_path(path, "%s/template", tmp);
		process_run((const char *[]){"liaison", "sandbox", "down", path, "-q", NULL}, &launch, 30000);
	}
	if (number_from("KEEP", 0) != 0)
		fprintf(stderr, "kept: %s\n", tmp);
	else
		remove_tree(tmp);
}

/* The programs of this build come first. */
static void
set_path(void)
{
	char path[4096], *build = realpath(getenv("BUILD") != NULL ? getenv("BUILD") : "build", NULL);

	if (build == NULL)
		fault_give_up("there is no build");
	snprintf(path, sizeof path, "%s:%s", build, getenv("PATH"));
	setenv("PATH", path, 1);
	setenv("NO_COLOR", "1", 1);
	unsetenv("LIAISON_HOME");
	unsetenv("LIAISON_PASSPHRASE_FILE");
	unsetenv("LIAISON_TEST_CLOCK_OFFSET_MS");
	free(build);
}

int
main(int argc, char **argv)
{
	const struct sigaction on_end = {.sa_handler = end_worker};
	char tmp[FAULT_PATH_BYTES];
	int status = 0;

	if (sodium_init() < 0)
		fault_give_up("libsodium does not start");
	set_path();
	fault_path(tmp, "%s/liaison-fault.XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(tmp) == NULL)
		fault_give_up("cannot make %s: %s", tmp, strerror(errno));
	sigaction(SIGINT, &on_end, NULL);
	sigaction(SIGTERM, &on_end, NULL);
	sigaction(SIGHUP, &on_end, NULL);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		exit(work(argc, argv, tmp));
	}
	worker = child;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	clean_up(tmp);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
