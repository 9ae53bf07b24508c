#include "proto/signing.h"
#include "tests/support/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static void
test_world_stands(void **state)
{
	struct world *world = world_new(1);
	const struct trust *trust = world_trust(world);

	(void)state;
	assert_int_equal(trust_member_count(trust), 3);
	assert_int_equal(trust_office_count(trust), 3 * 6 + 5);
	for (size_t i = 1; i < trust_office_count(trust); i++)
		assert_true(strcmp(trust_office_at(trust, i - 1)->id.text, trust_office_at(trust, i)->id.text) < 0);
	for (size_t i = 0; i < trust_office_count(trust); i++) {
		const struct office *office = trust_office_at(trust, i);
		assert_ptr_equal(trust_office(trust, office->id.text), office);
		assert_ptr_equal(trust_office_by_transport_key(
					 trust, &world_keys(world, office->id.text)->transport_public, WORLD_NOW),
			office);
	}
	world_free(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_world_stands),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
