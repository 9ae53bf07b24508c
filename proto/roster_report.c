#include "proto/roster_report.h"

#include "proto/base/utf8.h"
#include "proto/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE_BYTES 1024
#define LIST_BYTES 400

struct report {
	roster_sentence_fn *sentence;
	void *arg;
	size_t count;
};

LIAISON_PRINTF(2, 3)
static void
say(struct report *report, const char *format, ...)
{
	char sentence[SENTENCE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof sentence, format, args);
	va_end(args);
	utf8_make_shown(sentence); /* a roster's texts are its authority's, and not checked for what a terminal obeys */
	report->sentence(report->arg, sentence);
	report->count++;
}

/* --- words ---------------------------------------------------------------------------------------------------------- */

/* "ROUTE, SEIZURE and VESSEL" for the bits set. */
static const char *
code_list(const ProtobufCEnumDescriptor *descriptor, uint32_t bits, char out[LIST_BYTES])
{
	size_t used = 0;

	out[0] = '\0';
	for (int code = 0; code < 32; code++) {
		if ((bits & UINT32_C(1) << code) == 0)
			continue;
		uint32_t rest = code < 31 ? bits >> (code + 1) : 0;
		const char *name = json_enum_name(descriptor, code);
		const char *link = used == 0 ? "" : rest != 0 ? ", " : " and ";
		int n = snprintf(out + used, LIST_BYTES - used, "%s%s", link, name != NULL ? name : "?");
		used += n > 0 && (size_t)n < LIST_BYTES - used ? (size_t)n : 0;
	}
	return out;
}

static uint32_t
kind_bits(const Liaison__Kind *kinds, size_t count)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < count; i++)
		bits |= UINT32_C(1) << kinds[i];
	return bits;
}

static uint32_t
right_bits(const Liaison__Office *office)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < office->n_rights; i++)
		bits |= UINT32_C(1) << office->rights[i];
	return bits;
}

static const char *
level_name(const Liaison__Office *office)
{
	Liaison__Level level = office->has_clearance ? office->clearance : LIAISON__LEVEL__LEVEL_CLEAR;
	const char *name = json_enum_name(&liaison__level__descriptor, (int)level);

	return name != NULL ? name : "?";
}

static const char *
text_or(const char *text, const char *otherwise)
{
	return text != NULL && text[0] != '\0' ? text : otherwise;
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(text_or(a, ""), text_or(b, "")) == 0;
}

static bool
has_text(char *const *texts, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(texts[i], text) == 0)
			return true;
	return false;
}

/* --- diff: keys ----------------------------------------------------------------------------------------------------- */

static void
diff_key_new(struct report *report, const Liaison__Office *office, enum key_use use, const Liaison__RosterKey *key)
{
	char name[KEY_NAME_BYTES], from[RFC3339_BYTES];

	key_name(key->key.data, key->key.len, name);
	time_format(key->not_before, from);
	say(report, "%s: %s key %s is new, valid from %s.", office->id, key_use_name(use), name, from);
}

static void
diff_key_life(struct report *report, const Liaison__Office *office, enum key_use use, const Liaison__RosterKey *before,
	const Liaison__RosterKey *after)
{
	char name[KEY_NAME_BYTES], when[RFC3339_BYTES];

	key_name(after->key.data, after->key.len, name);
	if (before->state != after->state && after->state == LIAISON__KEY_STATE__KEY_STATE_REVOKED)
		say(report, "%s: %s key %s is revoked (%s); nothing signed or connected with it is taken any more%s.",
			office->id, key_use_name(use), name, text_or(after->reason, "no reason"),
			after->disputed_from != NULL ? ", and its later alerts are marked disputed to every reader"
						     : "");
	else if (before->state != after->state && after->state == LIAISON__KEY_STATE__KEY_STATE_RETIRED)
		say(report, "%s: %s key %s is retired (%s); what it signed before stays good.", office->id,
			key_use_name(use), name, text_or(after->reason, "no reason"));
	else if (before->state != after->state)
		say(report, "%s: %s key %s is active again.", office->id, key_use_name(use), name);
	if (after->has_not_after && (!before->has_not_after || before->not_after != after->not_after)) {
		time_format(after->not_after, when);
		say(report, "%s: %s key %s ends at %s.", office->id, key_use_name(use), name, when);
	} else if (before->has_not_after && !after->has_not_after) {
		say(report, "%s: %s key %s no longer ends before the roster.", office->id, key_use_name(use), name);
	}
	if (before->not_before != after->not_before) {
		time_format(after->not_before, when);
		say(report, "%s: %s key %s begins at %s.", office->id, key_use_name(use), name, when);
	}
}

static void
diff_keys(struct report *report, const Liaison__Office *before, const Liaison__Office *after)
{
	Liaison__RosterKey *const *keys;

	for (enum key_use use = 0; use < KEY_USES; use++) {
		size_t count = office_keys(after, use, &keys);
		for (size_t i = 0; i < count; i++) {
			const Liaison__RosterKey *old =
				office_key_find(before, use, keys[i]->key.data, keys[i]->key.len);
			if (old == NULL)
				diff_key_new(report, after, use, keys[i]);
			else
				diff_key_life(report, after, use, old, keys[i]);
		}
		count = office_keys(before, use, &keys);
		for (size_t i = 0; i < count; i++) {
			char name[KEY_NAME_BYTES];
			if (office_key_find(after, use, keys[i]->key.data, keys[i]->key.len) != NULL)
				continue;
			key_name(keys[i]->key.data, keys[i]->key.len, name);
			say(report, "%s: %s key %s vanishes.", after->id, key_use_name(use), name);
		}
	}
}

/* --- diff: offices -------------------------------------------------------------------------------------------------- */

/* One sentence for what is given and one for what is taken. */
static void
diff_bits(struct report *report, const char *id, const char *given, const char *taken,
	const ProtobufCEnumDescriptor *descriptor, uint32_t before, uint32_t after)
{
	char list[LIST_BYTES];

	if ((after & ~before) != 0)
		say(report, "%s %s %s.", id, given, code_list(descriptor, after & ~before, list));
	if ((before & ~after) != 0)
		say(report, "%s %s %s.", id, taken, code_list(descriptor, before & ~after, list));
}

static void
diff_rights(struct report *report, const Liaison__Office *before, const Liaison__Office *after)
{
	diff_bits(report, after->id, "may now publish", "may no longer publish", &liaison__kind__descriptor,
		kind_bits(before->publishes, before->n_publishes), kind_bits(after->publishes, after->n_publishes));
	diff_bits(report, after->id, "may now receive", "may no longer receive", &liaison__kind__descriptor,
		kind_bits(before->receives, before->n_receives), kind_bits(after->receives, after->n_receives));
	diff_bits(report, after->id, "gets right", "loses right", &liaison__right__descriptor, right_bits(before),
		right_bits(after));
	if (strcmp(level_name(before), level_name(after)) != 0)
		say(report, "%s may receive up to %s (before: %s).", after->id, level_name(after), level_name(before));
	if (before->kind != after->kind)
		say(report, "%s changes its kind from %s to %s.", after->id,
			json_enum_name(&liaison__office_kind__descriptor, (int)before->kind),
			json_enum_name(&liaison__office_kind__descriptor, (int)after->kind));
}

static void
diff_state(struct report *report, const Liaison__Office *before, const Liaison__Office *after)
{
	if (before->state == after->state)
		return;
	if (after->state == LIAISON__OFFICE_STATE__OFFICE_STATE_SUSPENDED)
		say(report,
			"%s is suspended (%s): within a second of a broker's taking this it neither publishes nor "
			"receives.",
			after->id, text_or(after->state_reason, "no reason"));
	else
		say(report, "%s is active again.", after->id);
}

static const char *
office_name_in(const Liaison__Office *office, const char *lang)
{
	for (size_t i = 0; i < office->n_names; i++)
		if (same_text(office->names[i]->lang, lang))
			return text_or(office->names[i]->name, "");
	return "";
}

static void
diff_lists(struct report *report, const char *id, const char *what, char *const *before, size_t before_count,
	char *const *after, size_t after_count)
{
	for (size_t i = 0; i < after_count; i++)
		if (!has_text(before, before_count, after[i]))
			say(report, "%s: %s %s is new.", id, what, after[i]);
	for (size_t i = 0; i < before_count; i++)
		if (!has_text(after, after_count, before[i]))
			say(report, "%s: %s %s is taken away.", id, what, before[i]);
}

static void
diff_directory(struct report *report, const Liaison__Office *before, const Liaison__Office *after)
{
	static const Liaison__Contact nothing = LIAISON__CONTACT__INIT;
	const Liaison__Contact *old = before->contact != NULL ? before->contact : &nothing;
	const Liaison__Contact *new = after->contact != NULL ? after->contact : &nothing;

	for (size_t i = 0; i < after->n_names; i++)
		if (!same_text(office_name_in(before, after->names[i]->lang), after->names[i]->name))
			say(report, "%s: its name in %s is \"%s\".", after->id, text_or(after->names[i]->lang, "?"),
				text_or(after->names[i]->name, ""));
	if (!same_text(old->phone, new->phone))
		say(report, "%s: its phone is %s (before: %s).", after->id, text_or(new->phone, "none"),
			text_or(old->phone, "none"));
	if (!same_text(old->hours, new->hours))
		say(report, "%s: its hours are %s (before: %s).", after->id, text_or(new->hours, "not said"),
			text_or(old->hours, "not said"));
	diff_lists(report, after->id, "language", old->langs, old->n_langs, new->langs, new->n_langs);
	diff_lists(report, after->id, "crossing", before->crossings, before->n_crossings, after->crossings,
		after->n_crossings);
	diff_lists(report, after->id, "end point", before->endpoints, before->n_endpoints, after->endpoints,
		after->n_endpoints);
}

static void
diff_office_new(struct report *report, const Liaison__Office *office)
{
	char publishes[LIST_BYTES], receives[LIST_BYTES], rights[LIST_BYTES];
	uint32_t publish_bits = kind_bits(office->publishes, office->n_publishes);
	uint32_t receive_bits = kind_bits(office->receives, office->n_receives);
	const char *kind = json_enum_name(&liaison__office_kind__descriptor, (int)office->kind);

	say(report, "%s is new, of kind %s. Publishes: %s. Receives up to %s: %s. Rights: %s.", office->id,
		text_or(kind, "?"),
		publish_bits != 0 ? code_list(&liaison__kind__descriptor, publish_bits, publishes) : "nothing",
		level_name(office),
		receive_bits != 0 ? code_list(&liaison__kind__descriptor, receive_bits, receives) : "nothing",
		text_or(code_list(&liaison__right__descriptor, right_bits(office), rights), "none"));
}

static void
diff_office(struct report *report, const Liaison__Office *before, const Liaison__Office *after)
{
	if (before == NULL) {
		diff_office_new(report, after);
		return;
	}
	diff_state(report, before, after);
	diff_rights(report, before, after);
	diff_keys(report, before, after);
	diff_directory(report, before, after);
}

/* --- diff: the member ----------------------------------------------------------------------------------------------- */

static Liaison__Approval
approval_of(const Liaison__Roster *roster, int kind)
{
	for (size_t i = 0; i < roster->n_approvals; i++)
		if ((int)roster->approvals[i]->kind == kind)
			return roster->approvals[i]->approval;
	return LIAISON__APPROVAL__APPROVAL_NONE;
}

static void
diff_approvals(struct report *report, const Liaison__Roster *before, const Liaison__Roster *after)
{
	for (unsigned i = 0; i < liaison__kind__descriptor.n_values; i++) {
		int kind = liaison__kind__descriptor.values[i].value;
		if (approval_of(before, kind) == approval_of(after, kind))
			continue;
		say(report, "%s: approval for %s is %s (before: %s).", after->member,
			json_enum_name(&liaison__kind__descriptor, kind),
			json_enum_name(&liaison__approval__descriptor, (int)approval_of(after, kind)),
			json_enum_name(&liaison__approval__descriptor, (int)approval_of(before, kind)));
	}
}

static void
diff_member(struct report *report, const Liaison__Roster *before, const Liaison__Roster *after)
{
	char old[RFC3339_BYTES], new[RFC3339_BYTES];

	if (before->expires != after->expires) {
		time_format(before->expires, old);
		time_format(after->expires, new);
		say(report, "%s: the roster expires at %s (before: %s).", after->member, new, old);
	}
	if (before->since != after->since)
		say(report, "%s: its authority keys are those of charter %llu (before: charter %llu).", after->member,
			(unsigned long long)after->since, (unsigned long long)before->since);
	if (!same_text(before->broker, after->broker))
		say(report, "%s is served by %s (before: %s): its offices must connect there.", after->member,
			text_or(after->broker, "no broker"), text_or(before->broker, "no broker"));
	for (size_t i = 0; i < after->n_peers; i++)
		if (!has_text(before->peers, before->n_peers, after->peers[i]))
			say(report, "%s exchanges alerts with %s, once that side names it too.", after->member,
				after->peers[i]);
	for (size_t i = 0; i < before->n_peers; i++)
		if (!has_text(after->peers, after->n_peers, before->peers[i]))
			say(report, "%s no longer exchanges alerts with %s.", after->member, before->peers[i]);
	diff_bits(report, after->member, "now contributes", "no longer contributes", &liaison__kind__descriptor,
		kind_bits(before->contributes, before->n_contributes),
		kind_bits(after->contributes, after->n_contributes));
	diff_approvals(report, before, after);
}

size_t
roster_diff(const Liaison__Roster *before, const Liaison__Roster *after, roster_sentence_fn *sentence, void *arg)
{
	struct report report = {.sentence = sentence, .arg = arg};

	if (before != NULL)
		diff_member(&report, before, after);
	for (size_t i = 0; i < after->n_offices; i++)
		diff_office(&report, before != NULL ? roster_office(before, after->offices[i]->id) : NULL,
			after->offices[i]);
	for (size_t i = 0; before != NULL && i < before->n_offices; i++)
		if (roster_office(after, before->offices[i]->id) == NULL)
			say(&report, "%s vanishes.", before->offices[i]->id);
	return report.count;
}
