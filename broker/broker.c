/*
 * What is wired to what:
 *
 *   accept ---message--> dispatch ---submit--> admit (workers) --judged--> submit --record--> log writer (thread)
 *      ^                    |                                                 ^                    |
 *      |                    +--subscribe, credit, trust, proof                +------durable-------+--> index
 *      +-----------receipts, deliveries-------------------------------------- deliver <---match
 *
 * All but the workers and the writer run on the core thread, in one event loop.
 */
#include "broker/broker.h"

#include "broker/core.h"
#include "broker/note.h"
#include "proto/edge/disk.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"
#include "proto/edge/keyfile.h"

#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STOP_CHECK_MS 20
#define STOP_LIMIT_MS 20000
#define TICK_MS 500

struct broker {
	struct core core;
	struct event *admit_event, *log_event, *tick_event, *hour_event, *progress_event, *cursor_event, *trust_event,
		*stop_event;
	struct event *signals[3];
	struct broker_events events;
	int64_t stopping_since_ms;
};

/* --- events ------------------------------------------------------------------------------------------------------- */

static void
on_message(void *arg, struct session *session, struct net_message *message)
{
	dispatch_message(arg, session, message);
}

static void
on_closed(void *arg, struct session *session)
{
	deliver_session_closed(arg, session);
}

static void
on_admitted(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	submit_admitted(arg);
}

static void
on_logged(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	submit_logged(arg);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct core *core = arg;
	const struct disk *disk = disk_system();
	uint64_t room;

	(void)fd;
	(void)what;
	if (disk->ops->free_bytes(disk->arg, core->config->data_dir, &room) < 0)
		return;
	/* Once full, it has room again when another segment of the log fits above the floor: no word back and forth. */
	uint64_t needed = (uint64_t)core->config->disk_floor_bytes +
			  (core->is_storage_full ? (uint64_t)core->config->segment_bytes : 0);
	bool is_full = room < needed;
	if (is_full != core->is_storage_full)
		note(is_full ? NOTE_ERROR : NOTE_INFO, is_full ? "storage-full" : "storage-has-room", "free_bytes=%llu",
			(unsigned long long)room);
	core->is_storage_full = is_full;
}

/* Long enough for the hour's notes; short enough for one to stand in each day's log. */
static void
on_hour(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	expiry_note(arg);
}

static void
on_progress(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	deliver_progress(arg);
}

static void
on_cursors(evutil_socket_t fd, short what, void *arg)
{
	struct core *core = arg;
	struct fault fault = {.message = ""};
	char quoted[256];

	(void)fd;
	(void)what;
	deliver_save_cursors(core);
	if (store_flush_audit(core->store, &fault) != LIAISON_OK)
		note(NOTE_ERROR, "audit-failed", "message=%s", note_quote(fault.message, quoted));
}

static void
on_trust_poll(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	adopt_folder_if_changed(arg);
}

static void
on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct broker *broker = arg;

	(void)fd;
	(void)what;
	note(NOTE_INFO, "reload", "folder=trust");
	adopt_folder(&broker->core);
}

static void
on_stop_check(evutil_socket_t fd, short what, void *arg)
{
	struct broker *broker = arg;
	struct core *core = &broker->core;
	bool too_long = core_monotonic(core) - broker->stopping_since_ms > STOP_LIMIT_MS;

	(void)fd;
	(void)what;
	if (submit_is_idle(core) || too_long)
		event_base_loopexit(core->base, NULL);
}

static void
on_terminate(evutil_socket_t fd, short what, void *arg)
{
	struct broker *broker = arg;
	struct timeval interval = {.tv_usec = STOP_CHECK_MS * 1000};

	(void)fd;
	(void)what;
	if (broker->core.is_stopping)
		return;
	note(NOTE_INFO, "stopping", "inside=%zu", log_writer_inside(broker->core.writer));
	broker->core.is_stopping = true;
	broker->stopping_since_ms = core_monotonic(&broker->core);
	if (broker->events.on_stopping != NULL)
		broker->events.on_stopping(broker->events.arg);
	event_add(broker->stop_event, &interval);
}

static struct event *
every(struct broker *broker, int64_t interval_ms, event_callback_fn callback, void *arg)
{
	struct timeval interval = {.tv_sec = interval_ms / 1000, .tv_usec = interval_ms % 1000 * 1000};
	struct event *event = event_new(broker->core.base, -1, EV_PERSIST, callback, arg);

	if (event != NULL && event_add(event, &interval) != 0) {
		event_free(event);
		event = NULL;
	}
	return event;
}

static struct event *
on_readable(struct broker *broker, int fd, event_callback_fn callback)
{
	struct event *event = event_new(broker->core.base, fd, EV_READ | EV_PERSIST, callback, &broker->core);

	if (event != NULL && event_add(event, NULL) != 0) {
		event_free(event);
		event = NULL;
	}
	return event;
}

static struct event *
on_signal(struct broker *broker, int number, event_callback_fn callback)
{
	struct event *event = evsignal_new(broker->core.base, number, callback, broker);

	if (event != NULL && event_add(event, NULL) != 0) {
		event_free(event);
		event = NULL;
	}
	return event;
}

static enum liaison_err
watch_everything(struct broker *broker, struct fault *fault)
{
	struct core *core = &broker->core;
	const struct config *config = core->config;

	broker->admit_event = on_readable(broker, admit_fd(core->admit), on_admitted);
	broker->log_event = on_readable(broker, log_writer_fd(core->writer), on_logged);
	broker->tick_event = every(broker, TICK_MS, on_tick, core);
	broker->hour_event = every(broker, MS_PER_HOUR, on_hour, core);
	broker->progress_event = every(broker, config->progress_ms, on_progress, core);
	broker->cursor_event = every(broker, config->cursor_flush_ms, on_cursors, core);
	broker->trust_event = every(broker, config->trust_poll_ms, on_trust_poll, core);
	broker->stop_event = event_new(core->base, -1, EV_PERSIST, on_stop_check, broker);
	broker->signals[0] = on_signal(broker, SIGTERM, on_terminate);
	broker->signals[1] = on_signal(broker, SIGINT, on_terminate);
	broker->signals[2] = on_signal(broker, SIGHUP, on_hangup);
	if (broker->admit_event == NULL || broker->log_event == NULL || broker->tick_event == NULL ||
		broker->hour_event == NULL || broker->progress_event == NULL || broker->cursor_event == NULL ||
		broker->trust_event == NULL || broker->stop_event == NULL || broker->signals[0] == NULL ||
		broker->signals[1] == NULL || broker->signals[2] == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory for the event loop");
	return LIAISON_OK;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

enum liaison_err
broker_new(const struct config *config, struct broker **out, struct fault *fault)
{
	struct broker *broker = calloc(1, sizeof *broker);

	if (broker == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory for the broker");
	broker->core.config = config;
	broker->core.clock = clock_system();
	enum liaison_err err = core_open(&broker->core, fault);
	if (err == LIAISON_OK) {
		struct accept_options options = {.config = config,
			.clock = broker->core.clock,
			.transport_secret = broker->core.keys->transport,
			.trust = broker->core.trust,
			.events = {.on_message = on_message, .on_closed = on_closed, .arg = &broker->core}};
		err = accept_new(broker->core.base, broker->core.net, &options, &broker->core.accept, fault);
	}
	if (err == LIAISON_OK)
		err = watch_everything(broker, fault);
	if (err != LIAISON_OK) {
		broker_free(broker);
		return err;
	}
	*out = broker;
	return LIAISON_OK;
}

enum liaison_err
broker_run(struct broker *broker, const struct broker_events *events, struct fault *fault)
{
	struct core *core = &broker->core;
	char endpoint[128] = "";
	enum liaison_err err = accept_listen(core->accept, endpoint, fault);

	if (err == LIAISON_OK)
		err = accept_self_test(core->accept, core->net, endpoint, &core->keys->transport_public, fault);
	if (err != LIAISON_OK)
		return err;
	broker->events = *events;
	expiry_note(core);
	note(NOTE_INFO, "ready", "id=%s endpoint=%s records=%llu", core->config->id, endpoint,
		(unsigned long long)index_size(core->index));
	if (events->on_ready != NULL)
		events->on_ready(events->arg, endpoint);
	int ended = event_base_dispatch(core->base);
	/* What was made durable while the loop ended is answered too, before the goodbye. */
	log_writer_stop(core->writer);
	while (log_writer_inside(core->writer) > 0)
		submit_logged(core);
	accept_goodbye(core->accept);
	on_cursors(-1, 0, core);
	note(NOTE_INFO, "stopped", "records=%llu", (unsigned long long)index_size(core->index));
	return ended == 0 ? LIAISON_OK : fault_set(fault, LIAISON_INTERNAL, "the event loop has failed");
}

void
broker_free(struct broker *broker)
{
	if (broker == NULL)
		return;
	struct core *core = &broker->core;
	struct event *events[] = {broker->admit_event, broker->log_event, broker->tick_event, broker->hour_event,
		broker->progress_event, broker->cursor_event, broker->trust_event, broker->stop_event,
		broker->signals[0], broker->signals[1], broker->signals[2]};

	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		if (events[i] != NULL)
			event_free(events[i]);
	core_close(core);
	free(broker);
}
