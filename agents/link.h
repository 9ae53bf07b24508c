/*
 * One session with one of the office's brokers: connected, greeted, verified, and then frames in both directions.
 *
 * What a link promises: the other end holds the transport key that office.conf pins; what it hands over of charter and
 * rosters was verified before it was adopted and is saved to trust/; it serves this office's member according to the
 * roster; every checkpoint taken is signed by a key that the roster gives this broker, and is proved to continue the last
 * one that this home holds (LIAISON_INCONSISTENT otherwise: a log rewritten, forked or rolled back). Pings are answered
 * and silence is noticed within. A link that is lost stays lost: free it and open another, with back-off.
 *
 * Not promised: that frames sent were read. Only receipts, and for acknowledgements link_settle(), say so.
 */
#ifndef LIAISON_AGENTS_LINK_H
#define LIAISON_AGENTS_LINK_H

#include "agents/app.h"
#include "agents/home.h"
#include "agents/post.h"
#include "proto/keys.h"
#include "proto/merkle.h"
#include "proto/trust.h"

#include "proto/frame.pb-c.h"

struct link;

/* What a link is made of. All borrowed until link_close, but for `trust`: see link_trust. */
struct link_setup {
	const struct app *app;
	const struct home *home;
	const struct secret_keys *keys;
	struct trust *trust;
	struct post *post;
	int stop_fd; /* readable: link_open gives up; 0: none */
};

/* Messages that libzmq keeps for us; credit that a reader grants stays at or under half of it. */
#define LINK_RECEIVE_HIGH_WATER 8192

/*
 * Tries the brokers of office.conf in their order, round and round with pauses, until one welcomes this office or
 * `deadline_ms` (app_monotonic) has passed; each is tried at least once. LIAISON_UNREACHABLE: nobody answered,
 * or `stop_fd` became readable;
 * LIAISON_UNKNOWN_OFFICE: a broker does not know this office's transport key; LIAISON_INCONSISTENT, LIAISON_BAD_CONFIG
 * (network, key or office do not fit), LIAISON_UNSUPPORTED_VERSION: at once, without waiting.
 */
enum liaison_err link_open(
	const struct link_setup *setup, int64_t deadline_ms, struct link **out, struct fault *fault) LIAISON_MUST_CHECK;
void link_close(struct link *link); /* takes NULL; what was sent last may be lost: see link_settle */

const char *link_broker(const struct link *link); /* its office id */
const Liaison__Welcome *link_welcome(const struct link *link);
/* The newest view; a reference of the link's, valid until the next link_wait. */
struct trust *link_trust(const struct link *link);

/* --- frames ---------------------------------------------------------------------------------------------------------- */

/* Copies. LIAISON_UNREACHABLE if the broker has not taken anything for 10 s. */
enum liaison_err link_send(struct link *link, const Liaison__Frame *frame, struct fault *fault) LIAISON_MUST_CHECK;

enum link_event {
	LINK_FRAME, /* *frame, which the caller frees with frame_free() */
	LINK_TIMEOUT,
	LINK_WOKEN, /* `extra_fd` is readable, or a signal came */
	LINK_LOST,  /* the fault says why; the link is of no more use */
};

/* Waits for a frame up to timeout_ms (-1: for ever). Trust, pings and pongs are dealt with inside. */
enum link_event link_wait(struct link *link, int timeout_ms, int extra_fd, Liaison__Frame **frame, struct fault *fault);

/* A number for the next request on this link. */
uint32_t link_next_request(struct link *link);

/*
 * Sends, and waits for the frame of kind `answer`, or the refusal, that carries `request`; other frames wait for later.
 * A refusal becomes its code. LIAISON_UNREACHABLE after timeout_ms.
 */
enum liaison_err link_ask(struct link *link, const Liaison__Frame *question, uint32_t request,
	Liaison__Frame__FrameCase answer, int timeout_ms, Liaison__Frame **out, struct fault *fault) LIAISON_MUST_CHECK;

/* Everything sent so far has been read by the broker (a ping came back). LIAISON_UNREACHABLE otherwise. */
enum liaison_err link_settle(struct link *link, int timeout_ms, struct fault *fault) LIAISON_MUST_CHECK;

/* --- checkpoints ----------------------------------------------------------------------------------------------------- */

/* Signed by this broker, under a checkpoint key that its roster gives it. LIAISON_BAD_SIGNATURE, LIAISON_MALFORMED. */
enum liaison_err link_check_checkpoint(
	struct link *link, const Liaison__Checkpoint *checkpoint, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * The same, and proved to continue the last one taken: it is the last one from then on. `path` leads from it (RFC 6962
 * section 2.1.2). LIAISON_INCONSISTENT.
 */
enum liaison_err link_take_checkpoint(struct link *link, const Liaison__Checkpoint *checkpoint, size_t path_len,
	const ProtobufCBinaryData *path, struct fault *fault) LIAISON_MUST_CHECK;

/* The same for a checkpoint that came without a proof: asks the broker for it. */
enum liaison_err link_prove_checkpoint(
	struct link *link, const Liaison__Checkpoint *checkpoint, struct fault *fault) LIAISON_MUST_CHECK;

/* The last one taken; NULL before the first. */
const Liaison__Checkpoint *link_checkpoint(const struct link *link);
/* Commits it to post.db (in the caller's transaction, if one is open). */
enum liaison_err link_keep_checkpoint(struct link *link, struct fault *fault) LIAISON_MUST_CHECK;

/* Fields of the wire into merkle.h's terms. LIAISON_MALFORMED if one is no digest or there are too many. */
enum liaison_err path_from_wire(
	size_t len, const ProtobufCBinaryData *nodes, struct merkle_path *out, struct fault *fault) LIAISON_MUST_CHECK;

#endif
