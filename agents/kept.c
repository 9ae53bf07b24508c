#include "agents/kept.h"

static enum liaison_err
damaged(const char *id, const struct fault *why, struct fault *fault)
{
	return fault_set(fault, LIAISON_CORRUPT,
		"%s is damaged in post.db (%s); `liaison feeds seek NAME start` lets it come again", id, why->message);
}

static enum liaison_err
admit(const char *id, const struct crossings *crossings, struct kept *kept, struct fault *fault)
{
	struct fault why;

	enum liaison_err err =
		admit_body(kept->envelope.body, kept->envelope.body_len, crossings, &kept->admitted, &why);
	if (err == LIAISON_NO_MEMORY)
		return fault_set(fault, err, "out of memory");
	return err == LIAISON_OK ? LIAISON_OK : damaged(id, &why, fault);
}

enum liaison_err
kept_from_envelope(const char *id, const uint8_t *bytes, size_t len, const struct crossings *crossings,
	struct kept *out, struct fault *fault)
{
	struct kept kept = {.message = liaison__envelope__unpack(NULL, len, bytes)};
	struct fault why = {.message = "no envelope"};

	enum liaison_err err = LIAISON_CORRUPT;
	if (kept.message == NULL || envelope_from_message(kept.message, &kept.envelope, &why) != LIAISON_OK)
		err = damaged(id, &why, fault);
	else
		err = admit(id, crossings, &kept, fault);
	if (err == LIAISON_OK)
		*out = kept;
	else if (kept.message != NULL)
		liaison__envelope__free_unpacked(kept.message, NULL);
	return err;
}

enum liaison_err
kept_from_body(const char *id, const uint8_t *body, size_t len, const struct crossings *crossings, struct kept *out,
	struct fault *fault)
{
	struct kept kept = {.envelope = {.body = body, .body_len = len, .leaf_count = 1}};

	enum liaison_err err = admit(id, crossings, &kept, fault);
	if (err != LIAISON_OK)
		return err;
	kept.envelope.body = NULL; /* borrowed for the call only */
	kept.envelope.body_len = 0;
	*out = kept;
	return LIAISON_OK;
}

void
kept_clear(struct kept *kept)
{
	admitted_clear(&kept->admitted);
	if (kept->message != NULL)
		liaison__envelope__free_unpacked(kept->message, NULL);
	*kept = (struct kept){0};
}
