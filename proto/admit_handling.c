#include "proto/admit_rules.h"
#include "proto/json.h"

#include <string.h>

static bool
is_true(protobuf_c_boolean has, protobuf_c_boolean value)
{
	return has && value;
}

static bool
is_false(protobuf_c_boolean has, protobuf_c_boolean value)
{
	return has && !value;
}

/* RED: exact offices on the roster, and nothing wider. */
static enum liaison_err
check_red(const struct admit_question *question, const Liaison__Handling *handling)
{
	if (handling->n_countries > 0)
		return fault_set(question->fault, LIAISON_BAD_HANDLING,
			"handling.countries: RED names exact offices, no country");
	if (handling->n_offices == 0)
		return fault_set(question->fault, LIAISON_BAD_HANDLING,
			"handling.offices: is missing; RED names the exact offices that may see it");
	for (size_t i = 0; i < handling->n_offices; i++)
		if (trust_office(question->trust, handling->offices[i]) == NULL)
			return fault_set(question->fault, LIAISON_BAD_HANDLING,
				"handling.offices[%zu]: no roster names an office %.64s; RED needs exact ones", i,
				handling->offices[i]);
	if (is_true(handling->has_own_country, handling->own_country))
		return fault_set(question->fault, LIAISON_BAD_HANDLING,
			"handling.ownCountry: RED goes to named offices only, at home too");
	if (is_true(handling->has_onward, handling->onward))
		return fault_set(
			question->fault, LIAISON_BAD_HANDLING, "handling.onward: RED is for the named offices' eyes");
	return LIAISON_OK;
}

static enum liaison_err
check_distribution(const struct admit_question *question, const Liaison__Handling *handling)
{
	bool names_some = handling->n_countries > 0 || handling->n_offices > 0;
	bool is_everyone = is_true(handling->has_everyone, handling->everyone);

	if (is_everyone && handling->level > LIAISON__LEVEL__LEVEL_GREEN)
		return fault_set(question->fault, LIAISON_BAD_HANDLING,
			"handling.everyone: only CLEAR and GREEN may go to everyone");
	if (is_everyone && (names_some || is_false(handling->has_own_country, handling->own_country)))
		return fault_set(question->fault, LIAISON_BAD_HANDLING,
			"handling.everyone: excludes countries, offices and ownCountry false; say one or the other");
	if (handling->level == LIAISON__LEVEL__LEVEL_RED)
		return check_red(question, handling);
	if (handling->level == LIAISON__LEVEL__LEVEL_AMBER && !names_some)
		return fault_set(question->fault, LIAISON_BAD_HANDLING,
			"handling.countries: is missing; AMBER names countries, or offices");
	if (!is_everyone && !names_some && is_false(handling->has_own_country, handling->own_country))
		return fault_set(
			question->fault, LIAISON_BAD_HANDLING, "handling: reaches nobody; name countries or offices");
	return LIAISON_OK;
}

static bool
is_inhabited(const struct trust *trust, const char *address)
{
	for (size_t i = 0; i < trust_office_count(trust); i++)
		if (address_covers(address, trust_office_at(trust, i)->id.text))
			return true;
	return false;
}

/* Not wrong, since a roster may yet name them; but the author ought to know that today nobody is there. */
static void
warn_of_empty_addresses(const struct admit_question *question, const Liaison__Handling *handling)
{
	char address[MEMBER_BYTES];

	for (size_t i = 0; i < handling->n_countries; i++)
		if (address_from_country(handling->countries[i], address) == LIAISON_OK &&
			!is_inhabited(question->trust, address))
			admit_warn(question, "handling.countries[%zu]: no office of %s is on any roster yet", i,
				handling->countries[i]);
	for (size_t i = 0; i < handling->n_offices; i++)
		if (!is_inhabited(question->trust, handling->offices[i]))
			admit_warn(question, "handling.offices[%zu]: no office under %s is on any roster yet", i,
				handling->offices[i]);
}

enum liaison_err
admit_handling(const struct admit_question *question)
{
	const Liaison__Handling *handling = question->alert->handling;

	if (handling == NULL)
		return LIAISON_OK;
	if (handling->has_keep_until && handling->keep_until <= question->now)
		return fault_set(question->fault, LIAISON_BAD_HANDLING, "handling.keepUntil: is past");
	enum liaison_err err = check_distribution(question, handling);
	if (err == LIAISON_OK && question->warning != NULL)
		warn_of_empty_addresses(question, handling);
	return err;
}
