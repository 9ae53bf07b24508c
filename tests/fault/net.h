/*
 * A network of the sandbox in a folder: copied from one that was never used, with a broker whose process is the
 * experiment's own. All copies have the same end point, so one at a time runs.
 */
#ifndef LIAISON_TESTS_FAULT_NET_H
#define LIAISON_TESTS_FAULT_NET_H

#include "tests/fault/ledger.h"
#include "tests/fault/process.h"

#define PUBLISHERS 2
#define PUBLISHER_WAIT "20"

struct net {
	struct experiment *experiment;
	char dir[FAULT_PATH_BYTES];
	char said[FAULT_PATH_BYTES]; /* what programs say on standard error */
	const char *ready_dir;       /* where the broker says that it is ready; NULL: beside the network */
	const char *const *env;      /* for all programs; NULL: none */
	struct process broker;
};

extern const char *const net_publishers[PUBLISHERS];
#define NET_READER "th.blo.demo"   /* reads all the time */
#define NET_VISITOR "th.atu.demo"  /* comes and goes */
#define NET_NEWCOMER "th.piu.demo" /* comes at the end */

/* `liaison sandbox up` and `down`, then small segments and a log that is yet to be made. */
void net_make_template(const char *dir);

/* A copy of the template at `dir`, which must not exist; its broker is not started. */
void net_init(struct net *net, struct experiment *experiment, const char *dir);
/* Kills the broker and removes the folder. */
void net_clear(struct net *net);

void net_home(const struct net *net, const char *office, char *out);

/* --- the broker ------------------------------------------------------------------------------------------------------ */

/* Starts it and does not wait. */
void net_launch_broker(struct net *net);
/* Until it takes connections; false if it ended, with *code. */
bool net_wait_broker(struct net *net, int *code);
/* The same; false (and told as broken) if it ended or takes too long. */
bool net_await_broker(struct net *net);
bool net_start_broker(struct net *net);
void net_stop_broker(struct net *net);

/* --- offices --------------------------------------------------------------------------------------------------------- */

/* `liaison --home OFFICE ARGUMENT...`: in the background, or to its end (a minute at most); lines go to on_line. */
void net_agent_start(const struct net *net, struct process *process, const char *office,
	void (*on_line)(void *arg, const char *line), void *arg, ...) __attribute__((sentinel));
int net_agent(const struct net *net, const char *office, void (*on_line)(void *arg, const char *line), void *arg, ...)
	__attribute__((sentinel));

/* `liaison feed --until-end`, which ends with 0. */
void net_feed_to_end(const struct net *net, const char *office, struct sight *sight);

/* What its inbox holds. */
void net_read_inbox(const struct net *net, const char *office, struct sight *sight);

/* Sends what waits in an outbox until it is empty; anything else is broken. */
void net_empty_outbox(const struct net *net, const char *office, struct ledger *ledger);

/* A newcomer reads everything; all that was accepted by `until` is there, once and as written. */
void net_check_all_there(const struct net *net, struct ledger *ledger, uint64_t until, bool with_queued);

/* `liaison verify` of this office comes out well. */
void net_check_verifies(const struct net *net, const char *office);

void copy_tree(const char *from, const char *to);
void remove_tree(const char *dir);

#endif
