/*
 * One item of a delivery as a reader judges it, end to end, before anybody sees it. Pure: what is known comes in.
 *
 * An alert or notice verified means: its bytes are canonical and say what their kind of message must say; the office that
 * its id names is on a roster that is held, under the charter; the key that signed it is that office's and can have been
 * valid when the alert was accepted; the signature covers these bytes; an update or notice comes from who may change what
 * it refers to; and this office may see it. What is signed with a key that was stolen is marked disputed from the
 * position on that the roster gives. Not looked at is the time: what was accepted in the past stays good.
 */
#ifndef LIAISON_AGENTS_ITEM_H
#define LIAISON_AGENTS_ITEM_H

#include "agents/inbox.h"
#include "proto/admission.h"
#include "proto/envelope.h"
#include "proto/trust.h"

#include "proto/frame.pb-c.h"

enum item_type {
	ITEM_DELIVERY,
	ITEM_NOTICE,
	ITEM_ERASED,
	ITEM_UNVERIFIED,
};

/* What judging rests on. All borrowed. */
struct item_context {
	struct trust *trust;
	const char *office; /* the reader's id */
	const struct crossings *crossings;
	struct batch_cache *cache; /* may be NULL */
	int64_t now;
	bool was_released; /* it was judged and shown before: release is not asked again */
};

struct item {
	enum item_type type;
	struct inbox_place place;
	char id[ALERT_ID_BYTES]; /* of the delivered alert; of the alert that a notice ends or that was erased; "": unread */
	struct admitted admitted;      /* ITEM_DELIVERY and ITEM_NOTICE; of an unverified one as far as it was read */
	struct envelope envelope;      /* borrows from the wire's message */
	bool has_body;                 /* `admitted` is filled */
	const Liaison__Origin *origin; /* borrowed from the wire's message; NULL: entered the network here */
	bool is_disputed;
	bool is_withheld;             /* unverified because this office may not see it: nothing of it is to be kept */
	enum inbox_state ends;        /* ITEM_NOTICE: what its alert is from now on */
	Liaison__NoticeReason reason; /* ITEM_NOTICE, ITEM_ERASED; 0: none said */
	struct digest leaf_hash;      /* ITEM_ERASED */
	struct fault why;             /* ITEM_UNVERIFIED */
};

/*
 * Always one of the four types; LIAISON_NO_MEMORY is the only failure. `place` and `wire` outlive the item.
 */
enum liaison_err item_judge(const struct item_context *context, const struct inbox_place *place,
	const Liaison__DeliveryItem *wire, struct item *out) LIAISON_MUST_CHECK;
void item_clear(struct item *item);

/* Turns a verified item into an unverified one, with code and sentence. */
void item_reject(struct item *item, enum liaison_err code, const char *sentence);

#endif
