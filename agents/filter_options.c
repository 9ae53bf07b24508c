#include "agents/filter_options.h"

#include "agents/codes_arg.h"
#include "proto/base/message.h"
#include "proto/filter.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum key {
	KEY_KIND = 0x400,
	KEY_CRIME,
	KEY_COUNTRY,
	KEY_CROSSING,
	KEY_OFFICE,
	KEY_MIN_SEVERITY,
	KEY_MIN_URGENCY,
	KEY_NEAR,
	KEY_BBOX,
	KEY_LANG,
	KEY_STATUS,
	KEY_INCLUDE_ENDED,
};

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "Filter (repeat an option, or use commas, for \"or\"; different options are \"and\"):", 1},
	{"kind", KEY_KIND, "KIND", 0, "ROUTE, VEHICLE, WANTED_PERSON, ...", 1},
	{"crime", KEY_CRIME, "CRIME", 0, "DRUGS, WILDLIFE, TRAFFICKING_IN_PERSONS, ...", 1},
	{"country", KEY_COUNTRY, "CC", 0, "A country that the alert is about, KH", 1},
	{"crossing", KEY_CROSSING, "ID", 0, "A crossing that the alert is about, kh-poipet", 1},
	{"office", KEY_OFFICE, "ADDRESS", 0, "Who wrote it: an office, or all under an address, kh.blo", 1},
	{"min-severity", KEY_MIN_SEVERITY, "SEVERITY", 0, "MINOR, MODERATE, SEVERE, EXTREME", 1},
	{"min-urgency", KEY_MIN_URGENCY, "URGENCY", 0, "PAST, FUTURE, EXPECTED, IMMEDIATE", 1},
	{"near", KEY_NEAR, "LAT,LON,KM", 0, "Within so many kilometres of a point, 13.66,102.55,50", 1},
	{"bbox", KEY_BBOX, "SOUTH,WEST,NORTH,EAST", 0,
		"Inside a box, in degrees; EAST < WEST crosses the 180th meridian", 1},
	{"lang", KEY_LANG, "TAG", 0, "A language that it has text in, km", 1},
	{"status", KEY_STATUS, "STATUS", 0, "ACTUAL (the default), EXERCISE, TEST", 1},
	{"include-ended", KEY_INCLUDE_ENDED, NULL, 0, "Expired and cancelled ones of the past, too", 1},
	{0},
};

_Noreturn static void
die_without_memory(struct argp_state *state)
{
	argp_failure(state, EX_OSERR, 0, "out of memory");
	exit(EX_OSERR); /* where argp was told not to */
}

static Liaison__Filter *
filter_of(struct filter_options *chosen, struct argp_state *state)
{
	if (chosen->message == NULL)
		chosen->message = (Liaison__Filter *)message_new(&liaison__filter__descriptor);
	if (chosen->message == NULL)
		die_without_memory(state);
	return chosen->message;
}

static int
read_code(const ProtobufCEnumDescriptor *descriptor, const char *option, const char *name, struct argp_state *state)
{
	struct fault fault;
	int value = 0;

	if (code_parse(descriptor, option, name, &value, &fault) != LIAISON_OK)
		argp_error(state, "%s", fault.message);
	return value;
}

/* Calls back for each part of a list with commas. */
typedef void part_fn(void *arg, const char *option, char *part, struct argp_state *state);

static void
each_part(const char *list, const char *option, part_fn *take, void *arg, struct argp_state *state)
{
	char *copy = strdup(list), *rest = copy;

	if (copy == NULL)
		die_without_memory(state);
	for (char *part = strtok_r(copy, ",", &rest); part != NULL; part = strtok_r(NULL, ",", &rest))
		take(arg, option, part, state);
	free(copy);
}

struct code_list {
	const ProtobufCEnumDescriptor *descriptor;
	int **values; /* all protobuf-c enums are ints in memory */
	size_t *count;
};

static void
add_code(void *arg, const char *option, char *part, struct argp_state *state)
{
	const struct code_list *list = arg;
	int value = read_code(list->descriptor, option, part, state);
	int *room = message_grow(list->values, *list->count, sizeof **list->values);

	if (room == NULL)
		die_without_memory(state);
	*room = value;
	++*list->count;
}

struct text_list {
	char ***texts;
	size_t *count;
};

static void
add_text(void *arg, const char *option, char *part, struct argp_state *state)
{
	const struct text_list *list = arg;

	(void)option;
	if (message_add_text(list->texts, list->count, part) != LIAISON_OK)
		die_without_memory(state);
}

static void
read_numbers(const char *option, const char *text, double *out, size_t count, struct argp_state *state)
{
	const char *at = text;

	for (size_t i = 0; i < count; i++) {
		char *end = NULL;
		out[i] = strtod(at, &end);
		if (end == at || *end != (i + 1 < count ? ',' : '\0'))
			argp_error(state, "--%s takes %zu numbers with commas between, not `%s`", option, count, text);
		at = end + 1;
	}
}

static void
add_near(Liaison__Filter *filter, const char *text, struct argp_state *state)
{
	double numbers[3];

	read_numbers("near", text, numbers, 3, state);
	Liaison__Near *near = (Liaison__Near *)message_new(&liaison__near__descriptor);
	if (near != NULL) {
		near->has_lat = near->has_lon = near->has_km = 1;
		near->lat = numbers[0];
		near->lon = numbers[1];
		near->km = numbers[2];
	}
	if (message_add(&filter->near, &filter->n_near, (ProtobufCMessage *)near) != LIAISON_OK)
		die_without_memory(state);
}

static void
add_bbox(Liaison__Filter *filter, const char *text, struct argp_state *state)
{
	double numbers[4];

	read_numbers("bbox", text, numbers, 4, state);
	Liaison__BoundingBox *box = (Liaison__BoundingBox *)message_new(&liaison__bounding_box__descriptor);
	if (box != NULL) {
		box->has_south = box->has_west = box->has_north = box->has_east = 1;
		box->south = numbers[0];
		box->west = numbers[1];
		box->north = numbers[2];
		box->east = numbers[3];
	}
	if (message_add(&filter->bbox, &filter->n_bbox, (ProtobufCMessage *)box) != LIAISON_OK)
		die_without_memory(state);
}

static void
add_codes(const ProtobufCEnumDescriptor *descriptor, void *values, size_t *count, const char *option, const char *list,
	struct argp_state *state)
{
	struct code_list codes = {descriptor, values, count};

	each_part(list, option, add_code, &codes, state);
}

static void
add_texts(char ***texts, size_t *count, const char *option, const char *list, struct argp_state *state)
{
	struct text_list target = {texts, count};

	each_part(list, option, add_text, &target, state);
}

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	if (key < KEY_KIND || key > KEY_INCLUDE_ENDED)
		return ARGP_ERR_UNKNOWN;
	Liaison__Filter *filter = filter_of(state->input, state);
	switch ((enum key)key) {
	case KEY_KIND:
		add_codes(&liaison__kind__descriptor, &filter->kinds, &filter->n_kinds, "kind", arg, state);
		break;
	case KEY_CRIME:
		add_codes(&liaison__crime__descriptor, &filter->crimes, &filter->n_crimes, "crime", arg, state);
		break;
	case KEY_STATUS:
		add_codes(&liaison__status__descriptor, &filter->statuses, &filter->n_statuses, "status", arg, state);
		break;
	case KEY_COUNTRY: add_texts(&filter->countries, &filter->n_countries, "country", arg, state); break;
	case KEY_CROSSING: add_texts(&filter->crossings, &filter->n_crossings, "crossing", arg, state); break;
	case KEY_OFFICE: add_texts(&filter->offices, &filter->n_offices, "office", arg, state); break;
	case KEY_LANG: add_texts(&filter->langs, &filter->n_langs, "lang", arg, state); break;
	case KEY_MIN_SEVERITY:
		filter->has_min_severity = 1;
		filter->min_severity = read_code(&liaison__severity__descriptor, "severity", arg, state);
		break;
	case KEY_MIN_URGENCY:
		filter->has_min_urgency = 1;
		filter->min_urgency = read_code(&liaison__urgency__descriptor, "urgency", arg, state);
		break;
	case KEY_NEAR: add_near(filter, arg, state); break;
	case KEY_BBOX: add_bbox(filter, arg, state); break;
	case KEY_INCLUDE_ENDED: filter->has_include_ended = filter->include_ended = 1; break;
	}
	return 0;
}

const struct argp filter_argp = {.options = options, .parser = read_option};

enum liaison_err
filter_options_finish(struct filter_options *chosen, struct fault *fault)
{
	struct filter *filter = NULL;

	if (chosen->message == NULL)
		return LIAISON_OK;
	enum liaison_err err = filter_new(chosen->message, &filter, fault);
	if (err != LIAISON_OK)
		return err;
	Liaison__Filter *normal = (Liaison__Filter *)message_copy(&filter_message(filter)->base);
	filter_free(filter);
	if (normal == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	message_free(&chosen->message->base);
	chosen->message = normal;
	return LIAISON_OK;
}

void
filter_options_clear(struct filter_options *chosen)
{
	if (chosen->message != NULL)
		message_free(&chosen->message->base);
	chosen->message = NULL;
}
