#include "broker/index.h"

#include "tests/support/alerts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Adds an alert and returns where it lies. */
static uint64_t
add(struct index *index, Liaison__Alert *alert, uint8_t mark)
{
	struct facts *facts = facts_of(alert);
	struct digest leaf = {{mark}}, body_hash = {{mark, 1}};
	struct log_location location = {.offset = mark};
	uint64_t at = index_size(index);

	assert_int_equal(index_add(index, RECORD_ALERT, &leaf, &location, facts, &body_hash), LIAISON_OK);
	facts_free(facts);
	return at;
}

static Liaison__Alert *
route(const char *id, const char *urgency)
{
	char quoted_id[128], quoted_urgency[32];
	const struct change changes[] = {{"id", quoted_id}, {"urgency", quoted_urgency}, {NULL, NULL}};

	snprintf(quoted_id, sizeof quoted_id, "\"%s\"", id);
	snprintf(quoted_urgency, sizeof quoted_urgency, "\"%s\"", urgency);
	return an_alert(LIAISON__KIND__KIND_ROUTE, changes);
}

static void
add_other(struct index *index, uint8_t type)
{
	struct digest leaf = {{0xee}};
	struct log_location location = {0};

	assert_int_equal(index_add(index, type, &leaf, &location, NULL, NULL), LIAISON_OK);
}

static void
alerts_are_found_by_id_whatever_lies_between(void **state)
{
	struct index *index = index_new();
	struct alert_id id;
	uint64_t at;
	(void)state;

	add_other(index, RECORD_EPOCH);
	add(index, route("kh.blo.poipet/1", "EXPECTED"), 1);
	add_other(index, RECORD_TRUST);
	add(index, route("kh.blo.poipet/9", "EXPECTED"), 2);
	add(index, route("kh.blo.bavet/1", "EXPECTED"), 3);
	assert_int_equal(alert_id_parse("kh.blo.poipet/9", &id, NULL), LIAISON_OK);
	assert_true(index_find(index, &id, &at));
	assert_int_equal(at, 3);
	assert_int_equal(index_entry(index, at)->location.offset, 2);
	id.sequence = 2;
	assert_false(index_find(index, &id, &at));
	assert_int_equal(index_highest(index, "kh.blo.poipet", false), 9);
	assert_int_equal(index_highest(index, "kh.blo.poipet", true), 0);
	assert_int_equal(index_highest(index, "vn.blo.mocbai", false), 0);
	index_free(index);
}

static void
each_lane_sees_its_own_alerts_only(void **state)
{
	struct index *index = index_new();
	(void)state;

	add_other(index, RECORD_EPOCH);                       /* 0 */
	add(index, route("kh.blo.poipet/1", "EXPECTED"), 1);  /* 1 */
	add(index, route("kh.blo.poipet/2", "IMMEDIATE"), 2); /* 2 */
	add_other(index, RECORD_EVIDENCE);                    /* 3 */
	add(index, route("kh.blo.poipet/3", "IMMEDIATE"), 3); /* 4 */
	add(index, route("kh.blo.poipet/4", "FUTURE"), 4);    /* 5 */
	const uint64_t urgent[] = {2, 4, 6}, ordinary[] = {1, 5, 6};
	uint64_t at = 0;
	for (size_t i = 0; i < 3; i++, at++) {
		at = index_next(index, at, true);
		assert_int_equal(at, urgent[i]);
	}
	at = 0;
	for (size_t i = 0; i < 3; i++, at++) {
		at = index_next(index, at, false);
		assert_int_equal(at, ordinary[i]);
	}
	index_free(index);
}

static void
a_cancel_marks_what_it_is_about(void **state)
{
	struct index *index = index_new();
	struct alert_id id;
	(void)state;

	uint64_t original = add(index, route("kh.blo.poipet/1", "EXPECTED"), 1);
	assert_int_equal(alert_id_parse("kh.blo.poipet/1", &id, NULL), LIAISON_OK);
	assert_false(index_known(index, &id).is_terminal);
	add(index, a_notice(LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL, NULL), 2);
	assert_true(index_entry(index, original)->is_cancelled);
	struct known_alert known = index_known(index, &id);
	assert_true(known.is_known && known.is_terminal);
	assert_int_equal(known.kind, LIAISON__KIND__KIND_ROUTE);
	index_free(index);
}

/* Whoever subscribes after the cancellation is given neither; whoever has the update alone can still be told. */
static void
a_cancel_ends_the_updates_of_its_alert_too(void **state)
{
	static const struct change update[] = {
		{"id", "\"kh.blo.poipet/3\""}, {"message", "\"UPDATE\""}, {"references", "[\"kh.blo.poipet/1\"]"}, {0}};
	static const struct change second[] = {
		{"id", "\"kh.blo.poipet/4\""}, {"message", "\"UPDATE\""}, {"references", "[\"kh.blo.poipet/1\"]"}, {0}};
	static const struct change its_end[] = {
		{"id", "\"kh.blo.poipet/5\""}, {"references", "[\"kh.blo.poipet/3\"]"}, {0}};
	struct index *index = index_new();
	struct alert_id id;
	(void)state;

	add(index, route("kh.blo.poipet/1", "EXPECTED"), 1);
	uint64_t other = add(index, route("kh.blo.bavet/1", "EXPECTED"), 2);
	uint64_t updates[] = {add(index, an_alert(LIAISON__KIND__KIND_ROUTE, update), 3),
		add(index, an_alert(LIAISON__KIND__KIND_ROUTE, second), 4)};
	add(index, a_notice(LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL, NULL), 5);
	assert_true(index_entry(index, updates[0])->is_cancelled && index_entry(index, updates[1])->is_cancelled);
	assert_false(index_entry(index, other)->is_cancelled);
	assert_int_equal(alert_id_parse("kh.blo.poipet/3", &id, NULL), LIAISON_OK);
	assert_false(index_known(index, &id).is_terminal);
	add(index, a_notice(LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL, its_end), 6);
	assert_true(index_known(index, &id).is_terminal);
	index_free(index);
}

static void
thousands_are_found_again_and_their_tree_is_the_logs(void **state)
{
	struct index *index = index_new();
	struct merkle_frontier frontier;
	struct digest root, expected;
	(void)state;

	merkle_frontier_init(&frontier);
	for (unsigned i = 1; i <= 5000; i++) {
		char id[64];
		snprintf(id, sizeof id, "kh.blo.o%u/%u", i % 97, i);
		struct digest leaf = {{(uint8_t)(i & 0xff)}};
		add(index, route(id, i % 10 == 0 ? "IMMEDIATE" : "EXPECTED"), (uint8_t)(i & 0xff));
		merkle_frontier_append(&frontier, &leaf);
	}
	for (unsigned i = 1; i <= 5000; i++) {
		struct alert_id id = {.sequence = i};
		uint64_t at;
		snprintf(id.office.text, sizeof id.office.text, "kh.blo.o%u", i % 97);
		assert_true(index_find(index, &id, &at));
		assert_int_equal(at, i - 1);
	}
	merkle_frontier_root(&frontier, &expected);
	merkle_tree_root(index_tree(index), index_size(index), &root);
	assert_true(digest_equal(&root, &expected));
	index_free(index);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alerts_are_found_by_id_whatever_lies_between),
		cmocka_unit_test(each_lane_sees_its_own_alerts_only),
		cmocka_unit_test(a_cancel_marks_what_it_is_about),
		cmocka_unit_test(a_cancel_ends_the_updates_of_its_alert_too),
		cmocka_unit_test(thousands_are_found_again_and_their_tree_is_the_logs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
