/*
 * A whole throw-away network on loopback, in one folder:
 *
 *   sandbox.conf       network, countries, broker, end point; written last, so that a half-made sandbox has none
 *   authority/         the secret keys of root, authorities and duty: root-1.key, kh-authority.key, kh-duty.key
 *   trust/             root.keys, charters and rosters, as every home and the broker got them
 *   kh.broker/         the broker's home, with its log.txt, pid and ready files
 *   kh.blo.demo/ ...   the offices' homes
 *
 * Keys here have no passphrase and all lie side by side, which no real network may do. One broker serves all countries.
 */
#ifndef LIAISON_AGENTS_SANDBOX_H
#define LIAISON_AGENTS_SANDBOX_H

#include "agents/app.h"
#include "agents/home.h"

#include <sys/types.h>

#define SANDBOX_CONF "sandbox.conf"
#define SANDBOX_COUNTRIES_MAX 16
#define SANDBOX_KINDS 5
#define SANDBOX_OFFICES_MAX (SANDBOX_COUNTRIES_MAX * SANDBOX_KINDS)

struct sandbox {
	char *dir; /* absolute */
	char network[NETWORK_ID_BYTES_MAX + 1];
	char countries[SANDBOX_COUNTRIES_MAX][3]; /* "KH"; the first one's broker serves all */
	size_t country_count;
	struct office_id broker;
	char endpoint[HOME_ENDPOINT_BYTES];
	struct office_id offices[SANDBOX_OFFICES_MAX];
	size_t office_count;
};

/* Frees what the sandbox owns. */
void sandbox_clear(struct sandbox *sandbox);

/* --- what it holds (sandbox_dir.c) ---------------------------------------------------------------------------------- */

/* What each country has an office of, as templates name it: "blo"; NULL past the last of SANDBOX_KINDS. */
const char *sandbox_kind(size_t position);

/* "KH,TH,VN", and what follows from it: the broker's id, the offices. LIAISON_BAD_USAGE. */
enum liaison_err sandbox_set_countries(
	struct sandbox *sandbox, const char *countries, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * The sandbox in `dir`. LIAISON_NOT_FOUND: the folder is missing or empty, or one that was begun and not finished.
 * LIAISON_BAD_USAGE: it holds other things. LIAISON_BAD_CONFIG: sandbox.conf does not hold.
 */
enum liaison_err sandbox_open(const char *dir, struct sandbox *out, struct fault *fault) LIAISON_MUST_CHECK;

/* Makes `sandbox->dir` and marks it as begun, after wiping what an earlier call has left half-made. */
enum liaison_err sandbox_begin(struct sandbox *sandbox, const char *dir, struct fault *fault) LIAISON_MUST_CHECK;
/* Takes the mark away: all is there. */
void sandbox_finish(const struct sandbox *sandbox);

/* Removes everything in `dir` and the folder itself. Follows no link. */
enum liaison_err sandbox_wipe(const char *dir, struct fault *fault) LIAISON_MUST_CHECK;

/* --- making it (sandbox_make.c) ------------------------------------------------------------------------------------- */

/* Makes all that lies on disk in sandbox->dir (an empty or half-made folder), for sandbox->countries. */
enum liaison_err sandbox_make(const struct app *app, struct sandbox *sandbox, struct fault *fault) LIAISON_MUST_CHECK;

/* --- the broker's process (sandbox_process.c) ----------------------------------------------------------------------- */

/* `liaisond --init`, to its end. */
enum liaison_err sandbox_broker_init(const struct sandbox *sandbox, struct fault *fault) LIAISON_MUST_CHECK;

/* The running broker's process; 0: it does not run. A number that another process has taken over does not count. */
pid_t sandbox_broker_pid(const struct sandbox *sandbox);

/* Starts the broker if it does not run, and waits until it takes connections. */
enum liaison_err sandbox_broker_start(
	const struct app *app, const struct sandbox *sandbox, struct fault *fault) LIAISON_MUST_CHECK;

/* SIGTERM, and SIGKILL if it has not ended 15 s later. LIAISON_OK where it did not run. */
enum liaison_err sandbox_broker_stop(
	const struct app *app, const struct sandbox *sandbox, struct fault *fault) LIAISON_MUST_CHECK;

#endif
