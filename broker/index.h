/*
 * What the core knows of every record of the log, in memory, rebuilt from the log at each start: where it lies, which
 * alert it is, what became of it; and the Merkle tree over all of them. About 190 bytes a record (README says so). Pure:
 * no socket, clock or disk.
 */
#ifndef LIAISON_BROKER_INDEX_H
#define LIAISON_BROKER_INDEX_H

#include "broker/log.h"
#include "proto/admission.h"
#include "proto/facts.h"
#include "proto/merkle.h"

struct index;

/* One record. Small on purpose: there are millions. */
struct index_entry {
	struct log_location location;
	struct digest body_hash; /* alerts */
	uint64_t sequence;
	int64_t expires; /* 0: none */
	uint32_t office; /* index's own number of the author; index_office() has its id */
	uint8_t type;    /* enum record_type */
	uint8_t kind;    /* 0: a notice */
	uint8_t message;
	uint8_t status;
	bool is_urgent : 1;
	bool is_cancelled : 1;
	bool is_restricted : 1;
	bool is_erased : 1;
	bool is_damaged : 1;   /* its bytes are not whole: never served */
	bool has_evidence : 1; /* a second body under its id was seen and kept */
	/*
	 * An UPDATE whose ALERT was cancelled or redacted: it is not given to anybody new, but can still be ended itself, for
	 * those who were given it and not the ALERT.
	 */
	bool has_ended_above : 1;
	uint32_t newest_update; /* of an ALERT, for index.c; 0: none */
};

struct index *index_new(void); /* NULL: no memory */
void index_free(struct index *index);

/* Appends the next record (its index is index_size before). `facts` for alerts, NULL otherwise. NO_MEMORY. */
enum liaison_err index_add(struct index *index, uint8_t type, const struct digest *leaf,
	const struct log_location *location, const struct facts *facts,
	const struct digest *body_hash) LIAISON_MUST_CHECK;

uint64_t index_size(const struct index *index);
const struct index_entry *index_entry(const struct index *index, uint64_t at); /* at < size (assert) */
const char *index_office(const struct index *index, uint32_t office);

/* Where an alert lies; false if it is not known. */
bool index_find(const struct index *index, const struct alert_id *id, uint64_t *at);

/* The highest sequence seen of an office, alerts and replies apart; 0: none. */
uint64_t index_highest(const struct index *index, const char *office, bool replies);

/* The first index >= `from` that belongs to the lane, or index_size. Non-alert records belong to no lane. */
uint64_t index_next(const struct index *index, uint64_t from, bool urgent);

void index_set_damaged(struct index *index, uint64_t at);
void index_set_evidence(struct index *index, uint64_t at);

const struct merkle_tree *index_tree(const struct index *index);

/* known_alert_fn for admission; `index` is the struct index. */
struct known_alert index_known(void *index, const struct alert_id *id);

#endif
