/* Hello and welcome: which protocol, whose log, how far; and the alarm if an agent has seen more of it than there is. */
#include "broker/core.h"

#include "broker/note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A checkpoint that this broker signed, in this epoch, and that its log does not contain: the log was rolled back or
 * rewritten. LIAISON_INCONSISTENT then; LIAISON_OK for everything that proves nothing.
 */
static enum liaison_err
check_seen(struct core *core, const Liaison__Checkpoint *seen, uint64_t *consistent_from)
{
	const struct office *self = trust_office(core->trust, core->config->id);
	struct key_id key_id;
	struct public_key key;
	const Liaison__RosterKey *entry;

	*consistent_from = 0;
	if (seen == NULL || self == NULL || core->is_tree_lost || seen->key.len != KEY_ID_BYTES ||
		seen->epoch.len != EPOCH_BYTES)
		return LIAISON_OK;
	memcpy(key_id.bytes, seen->key.data, sizeof key_id.bytes);
	if (office_key_ever(self, KEY_CHECKPOINT, &key_id, &key, &entry) != LIAISON_OK ||
		checkpoint_verify(seen, core->network, core->config->id, &key, NULL) != LIAISON_OK)
		return LIAISON_OK;
	if (memcmp(seen->epoch.data, core->epoch.bytes, EPOCH_BYTES) != 0)
		return LIAISON_OK;
	struct digest root;
	if (seen->size > index_size(core->index))
		return LIAISON_INCONSISTENT;
	merkle_tree_root(index_tree(core->index), seen->size, &root);
	if (memcmp(root.bytes, seen->root.data, DIGEST_BYTES) != 0)
		return LIAISON_INCONSISTENT;
	*consistent_from = seen->size;
	return LIAISON_OK;
}

static void
fill_limits(const struct core *core, Liaison__Limits *limits)
{
	liaison__limits__init(limits);
	limits->has_frame_bytes = limits->has_body_bytes = limits->has_signatures_per_second = 1;
	limits->has_bytes_per_second = limits->has_feeds = limits->has_submits_in_flight = 1;
	limits->frame_bytes = FRAME_BYTES_MAX;
	limits->body_bytes = BODY_BYTES_MAX;
	limits->signatures_per_second = (uint32_t)core->config->signatures_per_second;
	limits->bytes_per_second = (uint32_t)core->config->bytes_per_second;
	limits->feeds = (uint32_t)core->config->feeds_per_office;
	limits->submits_in_flight = (uint32_t)core->config->submits_in_flight;
}

static void
send_welcome(struct core *core, struct session *session, uint64_t consistent_from)
{
	Liaison__Welcome welcome = LIAISON__WELCOME__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Limits limits;
	ProtobufCBinaryData epochs[1] = {{EPOCH_BYTES, core->epoch.bytes}};
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];
	Liaison__RosterVersion **versions = NULL;
	static char software[] = "liaisond " LIAISON_VERSION;

	fill_limits(core, &limits);
	welcome.has_version = welcome.has_time = welcome.has_charter_version = welcome.has_read_only = 1;
	welcome.version = PROTOCOL_VERSION;
	welcome.broker = core->config->id;
	welcome.network = core->network;
	welcome.office = session->office.text;
	welcome.time = core_now(core);
	welcome.limits = &limits;
	welcome.n_epochs = 1;
	welcome.epochs = epochs;
	welcome.charter_version = trust_charter_version(core->trust);
	welcome.n_rosters = adopt_versions(core, &versions);
	welcome.rosters = versions;
	welcome.has_highest_sequence = welcome.has_highest_reply = 1;
	welcome.highest_sequence = index_highest(core->index, session->office.text, false);
	welcome.highest_reply = index_highest(core->index, session->office.text, true);
	welcome.checkpoint = checkpoint_newest(core);
	welcome.n_consistency = path_fields(checkpoint_consistency(core, consistent_from), fields);
	welcome.consistency = fields;
	welcome.read_only = core->is_read_only;
	welcome.software = software;
	frame.frame_case = LIAISON__FRAME__FRAME_WELCOME;
	frame.welcome = &welcome;
	session->checkpoint_size = core->checkpoint.message.size;
	if (accept_send_frame(core->accept, session, &frame) != LIAISON_OK)
		note(NOTE_DEBUG, "welcome-not-sent", "office=%s", session->office.text);
	free(versions);
}

void
hello_handle(struct core *core, struct session *session, const Liaison__Hello *hello)
{
	uint64_t consistent_from;

	if (!hello->has_least_version || hello->least_version > PROTOCOL_VERSION ||
		hello->greatest_version < PROTOCOL_VERSION) {
		core_refuse(
			core, session, 0, LIAISON_UNSUPPORTED_VERSION, "this broker speaks protocol version 1 only");
		accept_shut(core->accept, session, LIAISON_UNSUPPORTED_VERSION, "no protocol version in common");
		return;
	}
	if (check_seen(core, hello->checkpoint, &consistent_from) != LIAISON_OK) {
		char why[256];
		snprintf(why, sizeof why,
			"%s holds a checkpoint that this broker signed over %llu records and that its log does not "
			"continue: "
			"was an old disk restored?",
			session->office.text, (unsigned long long)hello->checkpoint->size);
		core_set_read_only(core, why);
	}
	session->state = SESSION_READY;
	note(NOTE_INFO, "session-ready", "office=%s software=%s", session->office.text,
		note_quote(hello->software != NULL ? hello->software : "-", (char[256]){0}));
	adopt_bring_up_to_date(core, session, hello);
	send_welcome(core, session, consistent_from);
}
