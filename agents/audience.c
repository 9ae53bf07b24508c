#include "agents/audience.h"

#include "agents/say.h"
#include "proto/release.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum liaison_err
audience_init(struct audience *audience, struct trust *trust)
{
	audience->trust = trust_ref(trust);
	audience->offices = trust_office_count(trust);
	audience->is_in = calloc(audience->offices + 1, 1);
	return audience->is_in != NULL ? LIAISON_OK : LIAISON_NO_MEMORY;
}

void
audience_clear(struct audience *audience)
{
	free(audience->is_in);
	if (audience->trust != NULL)
		trust_unref(audience->trust);
	*audience = (struct audience){0};
}

/* The same offices under the numbers of another view. */
static enum liaison_err
follow(struct audience *audience, struct trust *trust)
{
	struct audience next;

	if (audience->trust == trust)
		return LIAISON_OK;
	if (audience_init(&next, trust) != LIAISON_OK) {
		audience_clear(&next);
		return LIAISON_NO_MEMORY;
	}
	for (size_t i = 0; i < audience->offices; i++) {
		const struct office *office =
			audience->is_in[i] ? trust_office(trust, trust_office_at(audience->trust, i)->id.text) : NULL;
		if (office != NULL)
			next.is_in[office->number] = 1;
	}
	free(audience->is_in);
	trust_unref(audience->trust);
	audience->trust = next.trust;
	audience->offices = next.offices;
	audience->is_in = next.is_in;
	return LIAISON_OK;
}

enum liaison_err
audience_add(struct audience *audience, struct trust *trust, const struct facts *alert, int64_t now)
{
	const struct alert_state state = {0};

	if (follow(audience, trust) != LIAISON_OK)
		return LIAISON_NO_MEMORY;
	uint32_t *numbers = calloc(audience->offices + 1, sizeof *numbers);
	if (numbers == NULL)
		return LIAISON_NO_MEMORY;
	size_t count = release_audience(alert, &state, audience->trust, now, numbers);
	for (size_t i = 0; i < count; i++)
		audience->is_in[numbers[i]] = 1;
	const struct office *author = trust_office(audience->trust, alert->id.office.text);
	if (author != NULL)
		audience->is_in[author->number] = 0;
	free(numbers);
	return LIAISON_OK;
}

size_t
audience_count(const struct audience *audience)
{
	size_t count = 0;

	for (size_t i = 0; i < audience->offices; i++)
		count += audience->is_in[i];
	return count;
}

/* The members with an office in it, in upper case. */
static size_t
list_members(const struct audience *audience, char names[][8], const char **list, size_t max)
{
	size_t count = 0;

	for (size_t m = 0; m < trust_member_count(audience->trust) && count < max; m++) {
		const struct member *member = trust_member_at(audience->trust, m);
		bool is_in = false;
		for (size_t i = 0; i < audience->offices && !is_in; i++)
			is_in = audience->is_in[i] && trust_office_at(audience->trust, i)->member == member;
		if (!is_in)
			continue;
		snprintf(names[count], 8, "%s", member->code);
		for (char *at = names[count]; *at != '\0'; at++)
			*at = (char)toupper((unsigned char)*at);
		list[count] = names[count];
		count++;
	}
	return count;
}

const char *
audience_text(const struct audience *audience, char out[AUDIENCE_TEXT_BYTES])
{
	char names[64][8], offices[64], members[160];
	const char *list[64];
	size_t count = audience_count(audience);

	if (count == 0) {
		snprintf(out, AUDIENCE_TEXT_BYTES, "nobody but this office");
		return out;
	}
	size_t member_count = list_members(audience, names, list, 64);
	snprintf(out, AUDIENCE_TEXT_BYTES, "%s in %s", text_count(count, "office", "offices", offices),
		text_list(list, member_count, members, sizeof members));
	return out;
}
