/* The worked examples in config/examples, completed as an agent completes them, are admitted; the sealed ones are not yet. */
#include "tests/support/admitting.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_BYTES_MAX (256 * 1024)

static char *
read_text(const char *folder, const char *name)
{
	char path[512];
	char *text = calloc(1, TEXT_BYTES_MAX);

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, TEXT_BYTES_MAX - 1, file) > 0);
	fclose(file);
	return text;
}

/* What an author leaves to the agent. */
static void
complete(const struct admitting *admitting, Liaison__Alert *alert)
{
	alert->id = strdup(ALERT_OFFICE "/1");
	alert->has_sent = alert->has_status = alert->has_message = alert->has_expires = 1;
	alert->sent = admitting->now;
	alert->status = LIAISON__STATUS__STATUS_ACTUAL;
	alert->message = LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_ALERT;
	alert->expires = admission_expiry_limit(&admitting->limits, alert, alert->sent);
}

static size_t
try_folder(struct admitting *admitting, const char *folder, enum liaison_err expected)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (strstr(entry->d_name, ".json") == NULL)
			continue;
		char *text = read_text(folder, entry->d_name);
		Liaison__Alert *alert = an_alert_of_json(text);
		complete(admitting, alert);
		admitting->known_count = 0;
		enum liaison_err err = admitting_try(admitting, alert);
		if (err != expected)
			fail_msg("%s: %s: %s", entry->d_name, err_name(err), admitting->fault.message);
		free(text);
		count++;
	}
	closedir(dir);
	return count;
}

static void
examples_are_admitted(void **state)
{
	(void)state;
	static const char *const named[] = {"kh.ncc.demo", "kh.nrm.demo", "th.atu.demo", "th.nrm.demo"};
	struct admitting admitting;

	admitting_init(&admitting);
	admitting.now += 120 * MS_PER_DAY; /* after the dates that the examples' warrants have */
	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
		world_enrol(admitting.world, named[i], strstr(named[i], "nrm") ? "nrm" : "atu");
	assert_true(try_folder(&admitting, "config/examples", LIAISON_OK) >= 12);
	assert_true(try_folder(&admitting, "config/examples/sealed", LIAISON_VICTIM_IN_CLEAR) >= 2);
	admitting_clear(&admitting);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(examples_are_admitted)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
