/*
 * The broker as a whole: made from a configuration, run until a signal, freed. What is wired to what stands in broker.c.
 */
#ifndef LIAISON_BROKER_BROKER_H
#define LIAISON_BROKER_BROKER_H

#include "broker/config.h"

struct broker;

/*
 * Opens keys, trust, state and log, and rebuilds the index. LIAISON_BAD_CONFIG, LIAISON_IO, LIAISON_BUSY (another broker
 * has the folder), LIAISON_CORRUPT..., each with a sentence. A damaged log is not an error: the broker then serves what is
 * whole, read-only, and says so.
 */
enum liaison_err broker_new(const struct config *config, struct broker **out, struct fault *fault) LIAISON_MUST_CHECK;

/* The turns of a broker's life that its process manager is told. Each may be NULL. */
struct broker_events {
	void (*on_ready)(void *arg, const char *endpoint); /* connections are taken at the first end point */
	void (*on_stopping)(void *arg);                    /* a signal came; what is inside goes through yet */
	void *arg;
};

/*
 * Listens, proves that an unknown key is refused, says that it is ready, and serves until SIGTERM or SIGINT: then takes
 * nothing new, makes durable and answers what is inside, and returns LIAISON_OK.
 */
enum liaison_err broker_run(
	struct broker *broker, const struct broker_events *events, struct fault *fault) LIAISON_MUST_CHECK;

void broker_free(struct broker *broker); /* takes NULL */

#endif
