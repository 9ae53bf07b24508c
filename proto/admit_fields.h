/*
 * The fields of a body as one table: of what form each is, how long it may be, what a message cannot do without. The
 * rules that need more than one field stand in the other admit_ files. Internal to admission.
 *
 * Every field of Alert and of what it holds has its row, in the schema's order (a test holds the two together), so the
 * table also tells a later reader of the schema what admission will ask of a new field.
 */
#ifndef LIAISON_PROTO_ADMIT_FIELDS_H
#define LIAISON_PROTO_ADMIT_FIELDS_H

#include "proto/base/err.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

enum field_form {
	/* Nothing but its type and number is asked for. */
	FORM_ANY,
	FORM_BYTES, /* exactly `max` bytes */
	FORM_BLOB,  /* up to `max` bytes */
	FORM_TIME,  /* years 1 to 9999 */
	/* Text for people: no control characters; lines may be broken in FORM_TEXT only. */
	FORM_LINE,
	FORM_TEXT,
	/* Positions. */
	FORM_LAT,
	FORM_LON,
	FORM_RADIUS_KM,
	/* Codes: checked when it is their turn, after identifiers. */
	FORM_COUNTRY,
	FORM_CROSSING,
	FORM_ADDRESS,
	FORM_ALERT_ID,
	FORM_LANG,
	FORM_SCRIPT,
	FORM_PHONE,
	FORM_DATE,
	FORM_BIRTH_DATE,
	FORM_HS,
	FORM_QUANTITY,
	/* Identifiers. */
	FORM_NUMBER, /* plates, document numbers */
	FORM_MRZ,
	FORM_VIN,
	FORM_IMO,
	FORM_MMSI,
	FORM_CALL_SIGN,
	FORM_CONTAINER,
};

struct field_rule {
	const char *name; /* as in JSON */
	enum field_form form;
	uint32_t max;        /* characters of a text, bytes of a blob; 0: no text */
	uint32_t max_values; /* of a list; 0: no list */
	bool is_needed;      /* in every such message (what an Alert needs is another table's) */
};

struct message_rule {
	const ProtobufCMessageDescriptor *descriptor;
	const struct field_rule *fields; /* one for each of the descriptor's */
	uint32_t any_of; /* bit (1 << position): at least one of these fields must be there; 0: no such rule */
};

/* The rule of a message that a body may hold; NULL for another descriptor. */
const struct message_rule *message_rule_of(const ProtobufCMessageDescriptor *descriptor);

/* --- walking a body ------------------------------------------------------------------------------------------------ */

#define PATH_BYTES 160
#define WALK_DEPTH_MAX 8
#define PATH_WHOLE SIZE_MAX /* the whole list, or no list */

/* Where a walk is; path_format writes it only when somebody has to be told. */
struct path {
	size_t depth;
	struct {
		const struct field_rule *field;
		size_t index; /* or PATH_WHOLE */
	} steps[WALK_DEPTH_MAX + 1];
};

/* `subjects[0].document.issuer`; `out` has room for PATH_BYTES. */
void path_format(const struct path *path, char *out);

/* fault_set with "PATH: " before the text. */
enum liaison_err path_fault(const struct path *path, struct fault *fault, enum liaison_err code, const char *format,
	...) LIAISON_PRINTF(4, 5);

/* What a walk calls: for each message before its fields, and for each value that is there. Either may be NULL. */
struct walker {
	enum liaison_err (*message)(
		void *arg, const struct path *path, const ProtobufCMessage *message, const struct message_rule *rule);
	enum liaison_err (*value)(void *arg, const struct path *path, const struct field_rule *rule,
		const ProtobufCFieldDescriptor *field, const void *value);
	/* For each field that is a list, before its values. */
	enum liaison_err (*list)(void *arg, const struct path *path, const struct field_rule *rule, size_t count);
	void *arg;
};

/* In the schema's order; stops at the first that does not return LIAISON_OK, and returns that. */
enum liaison_err body_walk(const ProtobufCMessage *message, const struct walker *walker) LIAISON_MUST_CHECK;

#endif
