/* How long the index takes to find which of 100,000 feeds want an alert, beside asking each filter. */
#include "broker/match.h"
#include "tests/bench/bench.h"
#include "tests/support/interests.h"

#include <stdio.h>
#include <stdlib.h>

#define FILTERS 100000
#define ALERTS 500
#define CHURN (FILTERS / 2)

struct scene {
	const char *name, *churn_name;
	struct interest_mix mix;
	double limit_us; /* 0: none */
};

static const struct scene SCENES[] = {
	{
		.name = "match_uniform",
		.churn_name = "match_uniform_churn",
		.mix = {.interests = INTEREST_SEVEN,
			.least = 1,
			.most = 4,
			.values_max = 1,
			.level_least = 2,
			.countries = 5,
			.posts = 10,
			.crossings = 70},
		.limit_us = 30,
	},
	{
		.name = "match_selective",
		.churn_name = "match_selective_churn",
		.mix = {.interests = INTEREST_SEVEN,
			.least = 3,
			.most = 5,
			.values_max = 1,
			.level_least = 3,
			.countries = 10,
			.posts = 10,
			.crossings = 70},
		.limit_us = 6,
	},
	{
		.name = "match_area",
		.mix = {.interests = INTEREST_SEVEN | INTEREST_AREA,
			.least = 1,
			.most = 4,
			.values_max = 1,
			.level_least = 2,
			.countries = 10,
			.posts = 10,
			.crossings = 70},
	},
};

struct stage {
	struct rng rng;
	struct match *match;
	struct filter *filters[FILTERS]; /* filters[i] is feed i's */
	struct facts *alerts[ALERTS];
};

static void
must(enum liaison_err err, const char *what)
{
	if (err == LIAISON_OK)
		return;
	fprintf(stderr, "match_bench: %s: %s\n", what, err_name(err));
	exit(EXIT_FAILURE);
}

/* What each of the alerts costs on average, microseconds: the median of some rounds over all of them. */
static double
time_index(struct stage *s, double *mean_matches)
{
	double samples[64];
	size_t rounds = bench_is_quick() ? 5 : 41;
	size_t matches = 0;
	const uint32_t *feeds;

	for (size_t i = 0; i < ALERTS; i++)
		matches += match_alert(s->match, s->alerts[i], &feeds);
	*mean_matches = (double)matches / ALERTS;
	for (size_t r = 0; r < rounds; r++) {
		double start = bench_seconds();
		for (size_t i = 0; i < ALERTS; i++)
			match_alert(s->match, s->alerts[i], &feeds);
		samples[r] = (bench_seconds() - start) / ALERTS * 1e6;
	}
	return samples_median(samples, rounds);
}

/* The same by asking every filter, and that both find as many. */
static double
time_scan(struct stage *s)
{
	double samples[ALERTS];
	size_t alerts = bench_is_quick() ? 20 : 100;
	const uint32_t *feeds;

	for (size_t i = 0; i < alerts; i++) {
		size_t matches = 0;
		double start = bench_seconds();
		for (size_t f = 0; f < FILTERS; f++)
			matches += filter_matches(s->filters[f], s->alerts[i]);
		samples[i] = (bench_seconds() - start) * 1e6;
		if (matches != match_alert(s->match, s->alerts[i], &feeds)) {
			fprintf(stderr, "match_bench: index and filters disagree on alert %zu\n", i);
			exit(EXIT_FAILURE);
		}
	}
	return samples_median(samples, alerts);
}

static void
report(struct stage *s, const struct scene *scene, const char *name)
{
	double matches;
	double us = time_index(s, &matches);
	double scan_us = time_scan(s);

	fprintf(stderr, "# %s: %.0f of %d filters match an alert on average; the index takes %.1f MB\n", name, matches,
		FILTERS, (double)match_bytes(s->match) / 1e6);
	figure_report(&(struct figure){
		.name = name,
		.value = us,
		.unit = "us",
		.limit = scene->limit_us > 0 ? scene->limit_us : scan_us,
		.limit_name = scene->limit_us > 0 ? "us at most" : "us by asking each filter",
		.peer = scan_us,
		.peer_name = scene->limit_us > 0 ? "us by asking each filter" : NULL,
	});
}

static void
run(struct stage *s, const struct scene *scene)
{
	struct rng_seeded seed;

	s->rng = rng_from_seed(&seed, 20260101);
	must(match_new(&s->rng, &s->match), "new");
	for (size_t i = 0; i < ALERTS; i++)
		s->alerts[i] = interest_alert(&s->rng, &scene->mix);
	for (uint32_t i = 0; i < FILTERS; i++) {
		s->filters[i] = interest_filter(&s->rng, &scene->mix);
		must(match_add(s->match, s->filters[i], i), "add");
	}
	report(s, scene, scene->name);
	for (size_t i = 0; scene->churn_name && i < CHURN; i++) {
		uint32_t feed = rng_below(&s->rng, FILTERS);
		must(match_remove(s->match, feed), "remove");
		filter_free(s->filters[feed]);
		s->filters[feed] = interest_filter(&s->rng, &scene->mix);
		must(match_add(s->match, s->filters[feed], feed), "add");
	}
	if (scene->churn_name)
		report(s, scene, scene->churn_name);
	match_free(s->match);
	for (size_t i = 0; i < FILTERS; i++)
		filter_free(s->filters[i]);
	for (size_t i = 0; i < ALERTS; i++)
		facts_free(s->alerts[i]);
}

int
main(void)
{
	static struct stage stage;

	for (size_t i = 0; i < sizeof SCENES / sizeof *SCENES; i++)
		run(&stage, &SCENES[i]);
	return EXIT_SUCCESS;
}
