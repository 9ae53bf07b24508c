#include "proto/filter.h"

#include "proto/base/message.h"
#include "proto/identifiers/country.h"
#include "proto/identifiers/lang.h"

#include <stdlib.h>
#include <string.h>

struct filter {
	Liaison__Filter *message; /* in normal form */
	uint8_t *packed;          /* the same as bytes, to compare */
	size_t packed_len;
	/* As filter_matches asks: bit (1 << value), 0 where all match. */
	uint32_t kinds, crimes, statuses;
	Liaison__Severity min_severity;
	Liaison__Urgency min_urgency;
	struct area_circle *near;
	struct area_box *boxes;
};

/* --- normal form --------------------------------------------------------------------------------------------------- */

/* For messages: input as it may be shown. */
#define SHOWN "%.40s"

static enum liaison_err
check_count(size_t count, const char *attribute, struct fault *fault)
{
	if (count > FILTER_VALUES_MAX)
		return fault_set(fault, LIAISON_TOO_LARGE, "filter.%s: %zu values, at most %d are allowed", attribute,
			count, FILTER_VALUES_MAX);
	return LIAISON_OK;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
compare_numbers(const void *a, const void *b)
{
	int left = *(const int *)a, right = *(const int *)b;

	return (left > right) - (left < right);
}

typedef bool text_check_fn(const char *text);

static bool
is_country(const char *text)
{
	char capitals[3] = {0};

	if (strlen(text) != 2)
		return false;
	for (size_t i = 0; i < 2; i++)
		capitals[i] = (char)(text[i] & ~0x20);
	return country_is_known(capitals);
}

/* `kh-poipet`: the form of a crossing's id. */
static bool
is_crossing(const char *text)
{
	size_t len = strlen(text);

	if (len < 4 || len >= CROSSING_ID_BYTES_MAX || text[2] != '-')
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static enum liaison_err
normalise_texts(char **texts, size_t *count, const char *attribute, text_check_fn *is_valid, const char *form,
	struct fault *fault)
{
	enum liaison_err err = check_count(*count, attribute, fault);
	size_t kept = 0;

	if (err != LIAISON_OK)
		return err;
	for (size_t i = 0; i < *count; i++) {
		for (char *c = texts[i]; *c != '\0'; c++)
			*c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
		if (!is_valid(texts[i]))
			return fault_set(fault, LIAISON_BAD_CODE, "filter.%s[%zu]: \"" SHOWN "\" is not %s", attribute,
				i, texts[i], form);
	}
	if (*count > 1)
		qsort(texts, *count, sizeof texts[0], compare_texts);
	for (size_t i = 0; i < *count; i++) {
		if (kept > 0 && strcmp(texts[kept - 1], texts[i]) == 0)
			free(texts[i]);
		else
			texts[kept++] = texts[i];
	}
	*count = kept;
	return LIAISON_OK;
}

/* protobuf-c's enums are int-sized. */
static enum liaison_err
normalise_enums(void *values, size_t *count, const char *attribute, const ProtobufCEnumDescriptor *descriptor,
	uint32_t *bits, struct fault *fault)
{
	int *numbers = values;
	size_t kept = 0;
	enum liaison_err err = check_count(*count, attribute, fault);

	if (err != LIAISON_OK)
		return err;
	for (size_t i = 0; i < *count; i++) {
		if (protobuf_c_enum_descriptor_get_value(descriptor, numbers[i]) == NULL)
			return fault_set(fault, LIAISON_BAD_CODE,
				"filter.%s[%zu]: %d is not a code that this version knows", attribute, i, numbers[i]);
		*bits |= UINT32_C(1) << ((unsigned)numbers[i] & 31);
	}
	if (*count > 1)
		qsort(numbers, *count, sizeof numbers[0], compare_numbers);
	for (size_t i = 0; i < *count; i++)
		if (kept == 0 || numbers[kept - 1] != numbers[i])
			numbers[kept++] = numbers[i];
	*count = kept;
	return LIAISON_OK;
}

static int
compare_near(const void *a, const void *b)
{
	const Liaison__Near *x = *(Liaison__Near *const *)a, *y = *(Liaison__Near *const *)b;
	const double xs[] = {x->lat, x->lon, x->km}, ys[] = {y->lat, y->lon, y->km};

	for (size_t i = 0; i < 3; i++)
		if (xs[i] != ys[i])
			return xs[i] < ys[i] ? -1 : 1;
	return 0;
}

static int
compare_bbox(const void *a, const void *b)
{
	const Liaison__BoundingBox *x = *(Liaison__BoundingBox *const *)a, *y = *(Liaison__BoundingBox *const *)b;
	const double xs[] = {x->south, x->west, x->north, x->east}, ys[] = {y->south, y->west, y->north, y->east};

	for (size_t i = 0; i < 4; i++)
		if (xs[i] != ys[i])
			return xs[i] < ys[i] ? -1 : 1;
	return 0;
}

static enum liaison_err
normalise_near(struct filter *filter, struct fault *fault)
{
	Liaison__Filter *message = filter->message;
	enum liaison_err err = check_count(message->n_near, "near", fault);

	if (err != LIAISON_OK || message->n_near == 0)
		return err;
	filter->near = calloc(message->n_near, sizeof *filter->near);
	if (filter->near == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	qsort(message->near, message->n_near, sizeof message->near[0], compare_near);
	for (size_t i = 0; i < message->n_near; i++) {
		const Liaison__Near *near = message->near[i];
		if (!near->has_lat || !near->has_lon || !area_point_is_valid(near->lat, near->lon))
			return fault_set(fault, LIAISON_BAD_CODE,
				"filter.near: %g,%g is not a position; latitude is -90 to 90, longitude -180 to 180",
				near->lat, near->lon);
		if (!near->has_km || !(near->km > 0 && near->km <= EARTH_HALF_KM))
			return fault_set(fault, LIAISON_BAD_CODE,
				"filter.near: a radius of %g km; it must be more than 0 and at most %.0f", near->km,
				EARTH_HALF_KM);
		area_circle_init(&filter->near[i], (struct area_point){near->lat, near->lon}, near->km);
	}
	return LIAISON_OK;
}

static enum liaison_err
normalise_bbox(struct filter *filter, struct fault *fault)
{
	Liaison__Filter *message = filter->message;
	enum liaison_err err = check_count(message->n_bbox, "bbox", fault);

	if (err != LIAISON_OK || message->n_bbox == 0)
		return err;
	filter->boxes = calloc(message->n_bbox, sizeof *filter->boxes);
	if (filter->boxes == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	qsort(message->bbox, message->n_bbox, sizeof message->bbox[0], compare_bbox);
	for (size_t i = 0; i < message->n_bbox; i++) {
		const Liaison__BoundingBox *box = message->bbox[i];
		if (!box->has_south || !box->has_west || !box->has_north || !box->has_east ||
			!area_point_is_valid(box->south, box->west) || !area_point_is_valid(box->north, box->east))
			return fault_set(fault, LIAISON_BAD_CODE,
				"filter.bbox: south,west,north,east must be four degrees on the globe");
		if (box->south > box->north)
			return fault_set(fault, LIAISON_BAD_CODE,
				"filter.bbox: south %g lies north of north %g; the order is "
				"south,west,north,east",
				box->south, box->north);
		filter->boxes[i] = (struct area_box){box->south, box->west, box->north, box->east};
	}
	return LIAISON_OK;
}

static enum liaison_err
normalise_thresholds(struct filter *filter, struct fault *fault)
{
	Liaison__Filter *message = filter->message;

	filter->min_severity = message->has_min_severity ? message->min_severity : LIAISON__SEVERITY__SEVERITY_UNKNOWN;
	filter->min_urgency = message->has_min_urgency ? message->min_urgency : LIAISON__URGENCY__URGENCY_UNKNOWN;
	if (!protobuf_c_enum_descriptor_get_value(&liaison__severity__descriptor, (int)filter->min_severity))
		return fault_set(
			fault, LIAISON_BAD_CODE, "filter.minSeverity: %d is not a severity", (int)filter->min_severity);
	if (!protobuf_c_enum_descriptor_get_value(&liaison__urgency__descriptor, (int)filter->min_urgency))
		return fault_set(
			fault, LIAISON_BAD_CODE, "filter.minUrgency: %d is not an urgency", (int)filter->min_urgency);
	message->has_min_severity = filter->min_severity != LIAISON__SEVERITY__SEVERITY_UNKNOWN;
	message->has_min_urgency = filter->min_urgency != LIAISON__URGENCY__URGENCY_UNKNOWN;
	message->has_include_ended = message->has_include_ended && message->include_ended;
	return LIAISON_OK;
}

static enum liaison_err
normalise(struct filter *filter, struct fault *fault)
{
	Liaison__Filter *message = filter->message;
	const struct {
		char **texts;
		size_t *count;
		const char *name;
		text_check_fn *is_valid;
		const char *form;
	} lists[] = {
		{message->countries, &message->n_countries, "countries", is_country,
			"a country's code of ISO 3166-1, two capital letters as KH"},
		{message->crossings, &message->n_crossings, "crossings", is_crossing,
			"a crossing's id, as kh-poipet is"},
		{message->offices, &message->n_offices, "offices", address_is_valid, "an address, as kh.blo is"},
		{message->langs, &message->n_langs, "langs", lang_tag_is_valid, "a language tag, as th or zh-Hant is"},
	};
	enum liaison_err err = normalise_enums(
		message->kinds, &message->n_kinds, "kinds", &liaison__kind__descriptor, &filter->kinds, fault);

	if (err == LIAISON_OK)
		err = normalise_enums(message->crimes, &message->n_crimes, "crimes", &liaison__crime__descriptor,
			&filter->crimes, fault);
	for (size_t i = 0; err == LIAISON_OK && i < sizeof lists / sizeof lists[0]; i++)
		err = normalise_texts(
			lists[i].texts, lists[i].count, lists[i].name, lists[i].is_valid, lists[i].form, fault);
	if (err == LIAISON_OK)
		err = normalise_thresholds(filter, fault);
	if (err == LIAISON_OK)
		err = normalise_near(filter, fault);
	if (err == LIAISON_OK)
		err = normalise_bbox(filter, fault);
	if (err == LIAISON_OK)
		err = normalise_enums(message->statuses, &message->n_statuses, "statuses", &liaison__status__descriptor,
			&filter->statuses, fault);
	if (err != LIAISON_OK)
		return err;
	const uint32_t actual_only = UINT32_C(1) << LIAISON__STATUS__STATUS_ACTUAL;
	if (filter->statuses == actual_only) {
		free(message->statuses);
		message->statuses = NULL;
		message->n_statuses = 0;
	}
	if (filter->statuses == 0)
		filter->statuses = actual_only;
	return LIAISON_OK;
}

/* What a later version asks for and this one does not know must not widen the answer. */
static enum liaison_err
check_known(const ProtobufCMessage *message, struct fault *fault)
{
	if (message->n_unknown_fields > 0)
		return fault_set(fault, LIAISON_BAD_CODE,
			"filter: an attribute that this version does not know (number %u of %s)",
			message->unknown_fields[0].tag, message->descriptor->short_name);
	return LIAISON_OK;
}

enum liaison_err
filter_new(const Liaison__Filter *message, struct filter **out, struct fault *fault)
{
	struct filter *filter = calloc(1, sizeof *filter);
	enum liaison_err err = LIAISON_NO_MEMORY;

	if (filter == NULL)
		return fault_set(fault, err, "out of memory");
	filter->message = (Liaison__Filter *)message_copy(&message->base);
	if (filter->message == NULL) {
		fault_set(fault, err, "out of memory");
		goto out;
	}
	err = check_known(&filter->message->base, fault);
	for (size_t i = 0; err == LIAISON_OK && i < filter->message->n_near; i++)
		err = check_known(&filter->message->near[i]->base, fault);
	for (size_t i = 0; err == LIAISON_OK && i < filter->message->n_bbox; i++)
		err = check_known(&filter->message->bbox[i]->base, fault);
	if (err == LIAISON_OK)
		err = normalise(filter, fault);
	if (err != LIAISON_OK)
		goto out;
	filter->packed_len = liaison__filter__get_packed_size(filter->message);
	filter->packed = malloc(filter->packed_len + 1);
	if (filter->packed == NULL) {
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		goto out;
	}
	liaison__filter__pack(filter->message, filter->packed);
	*out = filter;
	filter = NULL;
out:
	filter_free(filter);
	return err;
}

void
filter_free(struct filter *filter)
{
	if (filter == NULL)
		return;
	if (filter->message != NULL)
		liaison__filter__free_unpacked(filter->message, NULL);
	free(filter->packed);
	free(filter->near);
	free(filter->boxes);
	free(filter);
}

/* --- asking -------------------------------------------------------------------------------------------------------- */

/* Both ascending. */
static bool
lists_meet(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	for (size_t i = 0, k = 0; i < a_count && k < b_count;) {
		int order = strcmp(a[i], b[k]);
		if (order == 0)
			return true;
		if (order < 0)
			i++;
		else
			k++;
	}
	return false;
}

static bool
offices_match(const Liaison__Filter *message, const char *author)
{
	for (size_t i = 0; i < message->n_offices; i++) {
		size_t len = strlen(message->offices[i]);
		if (strncmp(message->offices[i], author, len) == 0 && (author[len] == '.' || author[len] == '\0'))
			return true;
	}
	return false;
}

static bool
hidden_match(const struct filter *filter, const struct facts *alert)
{
	const Liaison__Filter *message = filter->message;

	if (filter->crimes != 0 && (filter->crimes & alert->crimes) == 0)
		return false;
	if (message->n_crossings > 0 &&
		!lists_meet(message->crossings, message->n_crossings, alert->crossings, alert->crossing_count))
		return false;
	if (message->n_langs > 0 && !lists_meet(message->langs, message->n_langs, alert->langs, alert->lang_count))
		return false;
	return filter_area_matches(filter, alert);
}

bool
filter_matches(const struct filter *filter, const struct facts *alert)
{
	const Liaison__Filter *message = filter->message;

	if (facts_is_notice(alert))
		return true;
	if ((filter->statuses & UINT32_C(1) << alert->status) == 0)
		return false;
	if (filter->kinds != 0 && (filter->kinds & UINT32_C(1) << alert->kind) == 0)
		return false;
	if (alert->severity < filter->min_severity || alert->urgency < filter->min_urgency)
		return false;
	if (message->n_offices > 0 && !offices_match(message, alert->id.office.text))
		return false;
	if (message->n_countries > 0 &&
		!lists_meet(message->countries, message->n_countries, alert->countries, alert->country_count))
		return false;
	return alert->is_sealed || hidden_match(filter, alert);
}

bool
filter_has_area(const struct filter *filter)
{
	return filter->message->n_near > 0 || filter->message->n_bbox > 0;
}

bool
filter_area_matches(const struct filter *filter, const struct facts *alert)
{
	const Liaison__Filter *message = filter->message;
	bool is_near = message->n_near == 0, is_within = message->n_bbox == 0;

	if ((is_near && is_within) || alert->is_sealed)
		return true;
	if (alert->area == NULL)
		return false;
	for (size_t i = 0; !is_near && i < message->n_near; i++)
		is_near = area_meets_circle(alert->area, &filter->near[i]);
	for (size_t i = 0; is_near && !is_within && i < message->n_bbox; i++)
		is_within = area_meets_box(alert->area, &filter->boxes[i]);
	return is_near && is_within;
}

const Liaison__Filter *
filter_message(const struct filter *filter)
{
	return filter->message;
}

bool
filter_equal(const struct filter *a, const struct filter *b)
{
	return a->packed_len == b->packed_len && memcmp(a->packed, b->packed, a->packed_len) == 0;
}
