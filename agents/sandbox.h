/*
 * A throw-away network on loopback, in one folder:
 *
 *   sandbox.json            which network, countries, brokers, end points: written last, so that what has it is whole
 *   root/                   root keys and charter
 *   authority/              each country's authority and duty key, and its roster
 *   brokers/kh.broker/      the broker's home, its log of events, its process number
 *   kh.blo.demo/ ...        an office's home each
 *
 * One broker serves all countries: the first one's.
 */
#ifndef LIAISON_AGENTS_SANDBOX_H
#define LIAISON_AGENTS_SANDBOX_H

#include "agents/app.h"
#include "agents/home.h"

#include <stddef.h>
#include <sys/types.h>

#define SANDBOX_COUNTRIES_MAX 32
#define SANDBOX_OFFICES 5 /* of each country */

struct sandbox {
	char *dir; /* owned, absolute */
	char network[NETWORK_ID_BYTES_MAX + 1];
	char countries[SANDBOX_COUNTRIES_MAX][MEMBER_BYTES]; /* "kh" */
	size_t country_count;
	struct office_id broker;
	char endpoint[HOME_ENDPOINT_BYTES];
};

/* "kh.blo.demo": office `number` (0 to SANDBOX_OFFICES - 1) of a country. */
void sandbox_office(const char *country, size_t number, struct office_id *office);
const char *sandbox_template(size_t number); /* "blo" */

/* From the folder. LIAISON_NOT_FOUND: it is no sandbox (or does not exist); LIAISON_CORRUPT. */
enum liaison_err sandbox_load(const char *dir, struct sandbox *out, struct fault *fault) LIAISON_MUST_CHECK;
void sandbox_clear(struct sandbox *sandbox);

/* Makes everything in an empty or new folder. LIAISON_EXISTS if something else is there. */
enum liaison_err sandbox_make(const struct app *app, const char *dir, const char (*countries)[MEMBER_BYTES],
	size_t country_count, struct sandbox *out, struct fault *fault) LIAISON_MUST_CHECK;

/* --- the broker's process -------------------------------------------------------------------------------------------- */

/* Its number; 0: it does not run. */
pid_t sandbox_pid(const struct sandbox *sandbox);

/* Starts it and waits until it takes connections. LIAISON_IO, LIAISON_INTERNAL with the end of what it said. */
enum liaison_err sandbox_start(
	const struct app *app, const struct sandbox *sandbox, struct fault *fault) LIAISON_MUST_CHECK;

/* Ends it in order. LIAISON_OK if it did not run. */
enum liaison_err sandbox_stop(
	const struct app *app, const struct sandbox *sandbox, struct fault *fault) LIAISON_MUST_CHECK;

/* Runs liaisond (beside this program, else from PATH) to its end with these arguments, output into `log`. */
enum liaison_err sandbox_run_broker(char *const arguments[], const char *log, struct fault *fault) LIAISON_MUST_CHECK;

/* `dir`/brokers/ID/`name`, from malloc; NULL without memory. */
char *sandbox_broker_file(const struct sandbox *sandbox, const char *name);

#endif
