/* The worked examples in config/examples: valid, invented, complete, and described. */
#include "proto/alert.pb-c.h"
#include "proto/crossings.h"
#include "proto/identifiers/container.h"
#include "proto/identifiers/imo.h"
#include "proto/identifiers/mrz.h"
#include "proto/identifiers/vin.h"
#include "proto/json.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "config/examples"
#define SEALED_FOLDER "config/examples/sealed"
#define WITH_EXPIRY "route-with-expiry.json"
#define EXAMPLES_MOST 64
#define KINDS 12

struct example {
	char name[64];
	bool is_sealed;
	Liaison__Alert *alert;
};

struct examples {
	struct example list[EXAMPLES_MOST];
	size_t count;
	struct crossings *crossings;
};

static char *
text_of(const char *folder, const char *name)
{
	char path[512];
	char *text = calloc(1, JSON_LINE_BYTES_MAX);
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, JSON_LINE_BYTES_MAX - 1, file) > 0);
	(void)fclose(file);
	return text;
}

static void
load_folder(struct examples *examples, const char *folder, bool is_sealed)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		struct example *example = &examples->list[examples->count];
		struct fault fault = {0};
		char *text;
		if (strstr(entry->d_name, ".json") == NULL)
			continue;
		assert_true(examples->count < EXAMPLES_MOST && strlen(entry->d_name) < sizeof example->name);
		strcpy(example->name, entry->d_name);
		example->is_sealed = is_sealed;
		text = text_of(folder, entry->d_name);
		if (json_to_message(&liaison__alert__descriptor, text, strlen(text), 1,
			    (ProtobufCMessage **)&example->alert, &fault) != LIAISON_OK)
			fail_msg("%s/%s: %s", folder, entry->d_name, fault.message);
		free(text);
		examples->count++;
	}
	(void)closedir(dir);
}

static int
setup(void **state)
{
	static struct examples examples;
	struct fault fault = {0};

	load_folder(&examples, FOLDER, false);
	load_folder(&examples, SEALED_FOLDER, true);
	if (crossings_builtin(&examples.crossings, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	*state = &examples;
	return 0;
}

static int
teardown(void **state)
{
	struct examples *examples = *state;

	for (size_t i = 0; i < examples->count; i++)
		liaison__alert__free_unpacked(examples->list[i].alert, NULL);
	crossings_free(examples->crossings);
	return 0;
}

static bool
has_route_by(const struct examples *examples, Liaison__Mode mode)
{
	for (size_t i = 0; i < examples->count; i++) {
		const Liaison__Alert *alert = examples->list[i].alert;
		if (alert->kind != LIAISON__KIND__KIND_ROUTE)
			continue;
		for (size_t j = 0; j < alert->where->n_legs; j++)
			if (alert->where->legs[j]->mode == mode)
				return true;
	}
	return false;
}

static void
each_kind_and_each_case_of_the_field_has_one(void **state)
{
	const struct examples *examples = *state;
	size_t kinds[KINDS + 1] = {0}, uses[LIAISON__USE__USE_H3 + 1] = {0},
			     crimes[LIAISON__CRIME__CRIME_OTHER + 1] = {0};

	for (size_t i = 0; i < examples->count; i++) {
		const Liaison__Alert *alert = examples->list[i].alert;
		kinds[alert->kind]++;
		if (alert->kind == LIAISON__KIND__KIND_WANTED_PERSON)
			uses[alert->handling->use]++;
		for (size_t j = 0; alert->kind == LIAISON__KIND__KIND_SEIZURE && j < alert->n_crime; j++)
			crimes[alert->crime[j]]++;
	}
	for (size_t kind = 1; kind <= KINDS; kind++)
		assert_true(kinds[kind] > 0);
	for (size_t use = LIAISON__USE__USE_H0; use <= LIAISON__USE__USE_H3; use++)
		assert_true(uses[use] > 0);
	assert_true(crimes[LIAISON__CRIME__CRIME_DRUGS] > 0);
	assert_true(crimes[LIAISON__CRIME__CRIME_PRECURSORS] > 0);
	assert_true(crimes[LIAISON__CRIME__CRIME_TIMBER] > 0);
	assert_true(crimes[LIAISON__CRIME__CRIME_WILDLIFE] > 0);
	assert_true(has_route_by(examples, LIAISON__MODE__MODE_ROAD));
	assert_true(has_route_by(examples, LIAISON__MODE__MODE_SEA));
}

static void
an_author_writes_only_what_an_author_knows(void **state)
{
	const struct examples *examples = *state;

	for (size_t i = 0; i < examples->count; i++) {
		const Liaison__Alert *alert = examples->list[i].alert;
		assert_null(alert->id);
		assert_false(alert->has_salt);
		assert_false(alert->has_sent);
		/* A date grows old, and tests use the examples for years. */
		assert_int_equal(alert->has_expires, strcmp(examples->list[i].name, WITH_EXPIRY) == 0);
		assert_non_null(alert->handling);
		assert_true(alert->n_texts > 0 && alert->n_crime > 0 && alert->n_action > 0);
	}
}

static void
check_crossing(const struct examples *examples, const char *name, const char *crossing)
{
	if (crossing != NULL && crossings_find(examples->crossings, crossing) == NULL)
		fail_msg("%s: no crossing %s", name, crossing);
}

static void
their_crossings_are_in_the_register(void **state)
{
	const struct examples *examples = *state;

	for (size_t i = 0; i < examples->count; i++) {
		const char *name = examples->list[i].name;
		const Liaison__Where *where = examples->list[i].alert->where;
		for (size_t j = 0; where != NULL && j < where->n_crossings; j++)
			check_crossing(examples, name, where->crossings[j]);
		for (size_t j = 0; where != NULL && j < where->n_legs; j++) {
			check_crossing(examples, name, where->legs[j]->crossing);
			check_crossing(examples, name, where->legs[j]->from->crossing);
			check_crossing(examples, name, where->legs[j]->to->crossing);
		}
	}
}

static void
check_document(const char *name, const Liaison__Document *document)
{
	struct fault fault = {0};
	struct mrz mrz;

	if (document->mrz == NULL)
		return;
	if (mrz_parse(document->mrz, &mrz, &fault) != LIAISON_OK)
		fail_msg("%s: %s", name, fault.message);
	assert_string_equal(mrz.number, document->number);
	assert_string_equal(mrz.surname, "ERIKSSON");
}

/* Nobody in the examples can be taken for somebody: one of the names is that of ICAO's specimens. */
static void
check_names(const char *name, size_t count, Liaison__PersonName *const *names)
{
	for (size_t i = 0; i < count; i++)
		if (names[i]->family != NULL && strcmp(names[i]->family, "Eriksson") == 0)
			return;
	fail_msg("%s: a person who is not called Eriksson", name);
}

static void
check_subject(const struct example *example, const Liaison__Subject *subject)
{
	switch (subject->subject_case) {
	case LIAISON__SUBJECT__SUBJECT_PERSON:
		assert_int_not_equal(example->alert->kind, LIAISON__KIND__KIND_SMUGGLING_INCIDENT);
		check_names(example->name, subject->person->n_names, subject->person->names);
		for (size_t i = 0; i < subject->person->n_documents; i++)
			check_document(example->name, subject->person->documents[i]);
		break;
	case LIAISON__SUBJECT__SUBJECT_PROTECTED_PERSON:
		assert_true(example->is_sealed);
		check_names(example->name, subject->protected_person->n_names, subject->protected_person->names);
		break;
	case LIAISON__SUBJECT__SUBJECT_VEHICLE:
		if (subject->vehicle->vin != NULL)
			assert_int_not_equal(vin_check(subject->vehicle->vin, NULL), IDENTIFIER_INVALID);
		break;
	case LIAISON__SUBJECT__SUBJECT_VESSEL:
		assert_int_equal(imo_check(subject->vessel->imo, NULL, NULL), IDENTIFIER_VALID);
		break;
	case LIAISON__SUBJECT__SUBJECT_CONTAINER:
		assert_int_equal(container_check(subject->container->number, NULL, NULL), IDENTIFIER_VALID);
		break;
	case LIAISON__SUBJECT__SUBJECT_DOCUMENT: check_document(example->name, subject->document); break;
	case LIAISON__SUBJECT__SUBJECT_CONSIGNMENT: break;
	default: fail_msg("%s: a subject of no type", example->name);
	}
}

static void
their_subjects_are_invented_and_well_formed(void **state)
{
	const struct examples *examples = *state;

	for (size_t i = 0; i < examples->count; i++)
		for (size_t j = 0; j < examples->list[i].alert->n_subjects; j++)
			check_subject(&examples->list[i], examples->list[i].alert->subjects[j]);
}

static void
only_the_sealed_ones_are_about_protected_persons(void **state)
{
	const struct examples *examples = *state;

	for (size_t i = 0; i < examples->count; i++) {
		Liaison__Kind kind = examples->list[i].alert->kind;
		bool is_protected =
			kind == LIAISON__KIND__KIND_MISSING_PERSON || kind == LIAISON__KIND__KIND_PERSON_AT_RISK;
		assert_int_equal(examples->list[i].is_sealed, is_protected);
	}
}

static void
the_readme_lists_each(void **state)
{
	const struct examples *examples = *state;
	char *readme = text_of(FOLDER, "README.md");

	for (size_t i = 0; i < examples->count; i++) {
		char cell[128];
		(void)snprintf(cell, sizeof cell, "| `%s%s` |", examples->list[i].is_sealed ? "sealed/" : "",
			examples->list[i].name);
		if (strstr(readme, cell) == NULL)
			fail_msg("README.md does not list %s", examples->list[i].name);
	}
	free(readme);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_and_each_case_of_the_field_has_one),
		cmocka_unit_test(an_author_writes_only_what_an_author_knows),
		cmocka_unit_test(their_crossings_are_in_the_register),
		cmocka_unit_test(their_subjects_are_invented_and_well_formed),
		cmocka_unit_test(only_the_sealed_ones_are_about_protected_persons),
		cmocka_unit_test(the_readme_lists_each),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
