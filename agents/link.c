#include "agents/link_internal.h"

#include "agents/say.h"
#include "proto/frame.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A broker that dies shuts the line during the handshake, too; one with another key does it each time. */
#define CUTS_MAX 4
#define TRY_MS 8000  /* one broker, before the next one is tried */
#define PAUSE_MS 500 /* after a round in which none answered */
#define PAUSE_MAX_MS 8000
#define SILENCE_MS 20000     /* then a ping goes out */
#define SILENCE_MAX_MS 45000 /* then the broker is gone */
#define SEND_MAX_MS 10000
#define FRAME_MESSAGE_MAX (1024 * 1024)

/* --- connecting ------------------------------------------------------------------------------------------------------ */

/* Whether waiting and trying again may help. */
static bool
is_passing(enum liaison_err err)
{
	return err == LIAISON_UNREACHABLE || err == LIAISON_BUSY || err == LIAISON_RATE_LIMITED;
}

static int
stop_fd(const struct link *link)
{
	return link->setup.stop_fd > 0 ? link->setup.stop_fd : -1;
}

/* Waits up to pause_ms for the word to stop. */
static bool
pause_or_stop(const struct link *link, int pause_ms)
{
	struct pollfd item = {.fd = stop_fd(link), .events = POLLIN};

	return poll(&item, 1, pause_ms) > 0;
}

static bool
is_told_to_stop(const struct link *link)
{
	return stop_fd(link) >= 0 && pause_or_stop(link, 0);
}

static enum liaison_err
await_connection(struct link *link, int64_t deadline_ms, struct fault *fault)
{
	const struct app *app = link->setup.app;
	struct net_message message;
	int cuts = 0;

	for (;;) {
		int64_t left = deadline_ms - app_monotonic(app);
		if (left <= 0)
			return fault_set(fault, LIAISON_UNREACHABLE, "no broker answers at %s", link->broker->endpoint);
		if (is_told_to_stop(link))
			return fault_set(fault, LIAISON_UNREACHABLE, "told to stop while connecting to %s",
				link->broker->endpoint);
		switch (client_wait(link->client, (int)left, stop_fd(link), &message)) {
		case CLIENT_CONNECTED: return LIAISON_OK;
		case CLIENT_MESSAGE: net_message_close(&message); break;
		case CLIENT_REFUSED:
			return fault_set(fault, LIAISON_UNKNOWN_OFFICE,
				"the broker at %s does not know this office's transport key: has the roster with this "
				"office's card "
				"reached the broker, and is the office not suspended?",
				link->broker->endpoint);
		case CLIENT_CUT:
			if (++cuts < CUTS_MAX)
				break;
			return fault_set(fault, LIAISON_BAD_CONFIG,
				"what answers at %s is not the broker whose key office.conf names; compare the key "
				"with its operator",
				link->broker->endpoint);
		case CLIENT_NOT_A_BROKER:
			return fault_set(fault, LIAISON_BAD_CONFIG,
				"what answers at %s is no broker; compare the end point with its operator",
				link->broker->endpoint);
		case CLIENT_TIMEOUT:
		case CLIENT_WOKEN:
		case CLIENT_DISCONNECTED: break;
		}
	}
}

static void
forget_session(struct link *link)
{
	client_free(link->client);
	link->client = NULL;
	frame_free(link->welcome);
	link->welcome = NULL;
	if (link->checkpoint != NULL)
		liaison__checkpoint__free_unpacked(link->checkpoint, NULL);
	link->checkpoint = NULL;
	while (link->pending_count > 0) {
		frame_free(link->pending[link->pending_first]);
		link->pending_first = (link->pending_first + 1) % LINK_PENDING_MAX;
		link->pending_count--;
	}
	link->is_lost = false;
}

static enum liaison_err
try_broker(struct link *link, const struct home_broker *broker, int64_t deadline_ms, struct fault *fault)
{
	const struct secret_keys *keys = link->setup.keys;
	const struct client_options options = {
		.server_key = broker->key,
		.public_key = keys->transport_public,
		.secret = keys->transport,
		.max_message_bytes = FRAME_MESSAGE_MAX,
		.receive_high_water = LINK_RECEIVE_HIGH_WATER,
	};

	forget_session(link);
	link->broker = broker;
	say_detail(link->setup.app, "connecting to %s", broker->endpoint);
	link->client = client_new(link->net, broker->endpoint, &options, fault);
	if (link->client == NULL)
		return fault->code;
	enum liaison_err err = await_connection(link, deadline_ms, fault);
	link->heard_ms = app_monotonic(link->setup.app);
	return err == LIAISON_OK ? link_greet(link, deadline_ms, fault) : err;
}

static enum liaison_err
try_all(struct link *link, int64_t deadline_ms, struct fault *fault)
{
	const struct home *home = link->setup.home;
	const struct app *app = link->setup.app;
	int64_t pause_ms = PAUSE_MS;

	for (;;) {
		enum liaison_err err = LIAISON_UNREACHABLE;
		struct fault why;
		for (size_t i = 0; i < home->broker_count; i++) {
			int64_t now = app_monotonic(app);
			int64_t until = home->broker_count > 1 ? now + TRY_MS : deadline_ms;
			if (until > deadline_ms)
				until = deadline_ms;
			if (until < now + 1)
				until = now + 1;
			err = try_broker(link, &home->brokers[i], until, &why);
			if (err == LIAISON_OK)
				return LIAISON_OK;
			*fault = why;
			say_detail(app, "%s", why.message);
		}
		if (!is_passing(err) || app_monotonic(app) >= deadline_ms || is_told_to_stop(link))
			return fault->code;
		int64_t left = deadline_ms - app_monotonic(app);
		if (pause_or_stop(link, (int)(pause_ms < left ? pause_ms : left)))
			return fault->code;
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
}

enum liaison_err
link_open(const struct link_setup *setup, int64_t deadline_ms, struct link **out, struct fault *fault)
{
	struct fault own;

	fault = fault != NULL ? fault : &own;
	if (setup->home->broker_count == 0)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s/office.conf names no broker; add one with `liaison home init --broker HOST:PORT "
			"--broker-key KEY`",
			setup->home->path);
	struct link *link = calloc(1, sizeof *link);
	if (link == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	link->setup = *setup;
	link->trust = trust_ref(setup->trust);
	link->net = net_new(1, 16, fault);
	enum liaison_err err = link->net == NULL ? fault->code : try_all(link, deadline_ms, fault);
	if (err != LIAISON_OK) {
		link_close(link);
		return err;
	}
	*out = link;
	return LIAISON_OK;
}

void
link_close(struct link *link)
{
	if (link == NULL)
		return;
	forget_session(link);
	if (link->net != NULL)
		net_free(link->net);
	trust_unref(link->trust);
	free(link);
}

const char *
link_broker(const struct link *link)
{
	return link->id.text;
}

const Liaison__Welcome *
link_welcome(const struct link *link)
{
	return link->welcome->welcome;
}

struct trust *
link_trust(const struct link *link)
{
	return link->trust;
}

uint32_t
link_next_request(struct link *link)
{
	return ++link->last_request;
}

/* --- sending --------------------------------------------------------------------------------------------------------- */

enum liaison_err
link_send(struct link *link, const Liaison__Frame *frame, struct fault *fault)
{
	const struct app *app = link->setup.app;
	int64_t until = app_monotonic(app) + SEND_MAX_MS;
	size_t len = 0;

	uint8_t *bytes = frame_encode(frame, &len);
	if (bytes == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = client_send(link->client, bytes, len);
	while (err == LIAISON_BUSY && !link->is_lost && app_monotonic(app) < until) {
		(void)poll(NULL, 0, 5);
		err = client_send(link->client, bytes, len);
	}
	free(bytes);
	if (err == LIAISON_OK)
		return LIAISON_OK;
	return fault_set(fault, LIAISON_UNREACHABLE, "the broker at %s takes nothing any more", link->broker->endpoint);
}

void
link_ping(struct link *link)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Ping ping = LIAISON__PING__INIT;
	struct fault ignored; /* if it does not leave, the silence that follows is what counts */

	ping.has_nonce = 1;
	ping.nonce = ++link->pinged;
	frame.frame_case = LIAISON__FRAME__FRAME_PING;
	frame.ping = &ping;
	if (link_send(link, &frame, &ignored) != LIAISON_OK)
		say_detail(link->setup.app, "%s", ignored.message);
}

static void
answer_ping(struct link *link, const Liaison__Ping *ping)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Pong pong = LIAISON__PONG__INIT;
	struct fault ignored;

	pong.has_nonce = ping->has_nonce;
	pong.nonce = ping->nonce;
	frame.frame_case = LIAISON__FRAME__FRAME_PONG;
	frame.pong = &pong;
	if (link_send(link, &frame, &ignored) != LIAISON_OK)
		link->heard_ms -= SILENCE_MS; /* ask sooner whether it is still there */
}

/* --- receiving ------------------------------------------------------------------------------------------------------- */

LIAISON_PRINTF(4, 5)
static enum link_event
lose(struct link *link, struct fault *fault, enum liaison_err code, const char *format, ...)
{
	char text[LIAISON_FAULT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	link->is_lost = true;
	fault_set(&link->why_lost, code, "%s", text_make_safe(text));
	*fault = link->why_lost;
	return LINK_LOST;
}

/* What is link's own affair is done here; anything else is handed out. */
static enum link_event
sort_frame(struct link *link, Liaison__Frame *frame, Liaison__Frame **out, bool *is_silent, struct fault *fault)
{
	enum link_event event = LINK_FRAME;

	*is_silent = true;
	switch (frame->frame_case) {
	case LIAISON__FRAME__FRAME_PING: answer_ping(link, frame->ping); break;
	case LIAISON__FRAME__FRAME_PONG: link->ponged = frame->pong->nonce; break;
	case LIAISON__FRAME__FRAME_TRUST: link_adopt_trust(link, frame->trust); break;
	case LIAISON__FRAME__FRAME_GOODBYE:
		event = lose(link, fault,
			frame->goodbye->has_code ? (enum liaison_err)frame->goodbye->code : LIAISON_UNREACHABLE,
			"the broker ended the session: %s",
			frame->goodbye->message != NULL ? frame->goodbye->message : "it did not say why");
		if (link->why_lost.code == LIAISON_OK)
			link->why_lost.code = fault->code = LIAISON_UNREACHABLE;
		break;
	case LIAISON__FRAME__FRAME__NOT_SET: break; /* a later version's: not for us */
	default:
		*out = frame;
		*is_silent = false;
		return LINK_FRAME;
	}
	frame_free(frame);
	return event;
}

enum link_event
link_step(struct link *link, int timeout_ms, int extra_fd, Liaison__Frame **frame, bool *is_silent, struct fault *fault)
{
	struct net_message message;
	Liaison__Frame *got = NULL;
	struct fault why;

	*is_silent = false;
	if (link->is_lost) {
		*fault = link->why_lost;
		return LINK_LOST;
	}
	switch (client_wait(link->client, timeout_ms, extra_fd, &message)) {
	case CLIENT_TIMEOUT: return LINK_TIMEOUT;
	case CLIENT_WOKEN: return LINK_WOKEN;
	case CLIENT_DISCONNECTED:
		return lose(link, fault, LIAISON_UNREACHABLE, "the connection to %s was lost", link->broker->endpoint);
	case CLIENT_REFUSED:
		return lose(link, fault, LIAISON_UNKNOWN_OFFICE,
			"the broker at %s no longer knows this office's transport key", link->broker->endpoint);
	case CLIENT_CUT:
	case CLIENT_NOT_A_BROKER:
		return lose(link, fault, LIAISON_UNREACHABLE, "the connection to %s failed", link->broker->endpoint);
	case CLIENT_CONNECTED: *is_silent = true; return LINK_FRAME;
	case CLIENT_MESSAGE: break;
	}
	link->heard_ms = app_monotonic(link->setup.app);
	enum liaison_err err = frame_decode(net_message_data(&message), net_message_size(&message), &got, &why);
	net_message_close(&message);
	if (err != LIAISON_OK)
		return lose(link, fault, err, "the broker at %s sent what is no frame: %s", link->broker->endpoint,
			why.message);
	return sort_frame(link, got, frame, is_silent, fault);
}

/* When the next look at the silence is due, and the look itself. */
static int64_t
watch_silence(struct link *link, int64_t now, struct fault *fault)
{
	int64_t silent = now - link->heard_ms;

	if (silent >= SILENCE_MAX_MS) {
		(void)lose(
			link, fault, LIAISON_UNREACHABLE, "the broker at %s has fallen silent", link->broker->endpoint);
		return 0;
	}
	if (silent < SILENCE_MS)
		return SILENCE_MS - silent;
	if (link->pinged == link->ponged)
		link_ping(link);
	return SILENCE_MAX_MS - silent;
}

enum link_event
link_wait(struct link *link, int timeout_ms, int extra_fd, Liaison__Frame **frame, struct fault *fault)
{
	const struct app *app = link->setup.app;
	int64_t until = app_monotonic(app) + timeout_ms;
	bool is_silent = false;

	if (link->pending_count > 0) {
		*frame = link->pending[link->pending_first];
		link->pending_first = (link->pending_first + 1) % LINK_PENDING_MAX;
		link->pending_count--;
		return LINK_FRAME;
	}
	for (;;) {
		int64_t now = app_monotonic(app);
		int64_t slice = watch_silence(link, now, fault);
		if (timeout_ms >= 0 && until - now < slice)
			slice = until > now ? until - now : 0;
		enum link_event event = link_step(link, (int)slice, extra_fd, frame, &is_silent, fault);
		bool is_over = timeout_ms >= 0 && app_monotonic(app) >= until;
		if (event == LINK_TIMEOUT && !is_over)
			continue;
		if (event == LINK_FRAME && is_silent) {
			if (is_over)
				return LINK_TIMEOUT;
			continue;
		}
		return event;
	}
}
