#include "proto/template.h"

#include <string.h>

#define KIND(name) (UINT32_C(1) << LIAISON__KIND__KIND_##name)
#define RIGHT(name) (UINT32_C(1) << LIAISON__RIGHT__RIGHT_##name)

#define CARGO_KINDS                                                                                                    \
	(KIND(ROUTE) | KIND(VEHICLE) | KIND(VESSEL) | KIND(CONTAINER) | KIND(SEIZURE) | KIND(HOTSPOT) |                \
		KIND(MODUS_OPERANDI) | KIND(SMUGGLING_INCIDENT))
#define PERSON_KINDS (KIND(WANTED_PERSON) | KIND(MISSING_PERSON) | KIND(PERSON_AT_RISK))
#define ALL_KINDS (CARGO_KINDS | PERSON_KINDS | KIND(DOCUMENT))
/* A referral mechanism looks after people: it gets what helps to find and protect them, and no wanted person. */
#define REFERRAL_KINDS                                                                                                 \
	(KIND(MISSING_PERSON) | KIND(PERSON_AT_RISK) | KIND(ROUTE) | KIND(HOTSPOT) | KIND(MODUS_OPERANDI))
#define EXCHANGE (RIGHT(PUBLISH) | RIGHT(SUBSCRIBE))

static const struct office_template templates[] = {
	{"blo", "border liaison office", LIAISON__OFFICE_KIND__OFFICE_KIND_BLO, ALL_KINDS, ALL_KINDS, EXCHANGE,
		LIAISON__LEVEL__LEVEL_RED},
	{"atu", "anti-trafficking unit", LIAISON__OFFICE_KIND__OFFICE_KIND_ATU, ALL_KINDS, ALL_KINDS, EXCHANGE,
		LIAISON__LEVEL__LEVEL_RED},
	{"piu", "port intelligence unit", LIAISON__OFFICE_KIND__OFFICE_KIND_PIU, CARGO_KINDS | KIND(WANTED_PERSON),
		ALL_KINDS, EXCHANGE, LIAISON__LEVEL__LEVEL_RED},
	/* Takes back what an office of its country should not have said, and brings rosters to the broker. */
	{"ncc", "national coordinating committee", LIAISON__OFFICE_KIND__OFFICE_KIND_NCC, ALL_KINDS, ALL_KINDS,
		EXCHANGE | RIGHT(RECALL) | RIGHT(OPERATE), LIAISON__LEVEL__LEVEL_RED},
	{"nrm", "referral mechanism", LIAISON__OFFICE_KIND__OFFICE_KIND_NRM,
		KIND(MISSING_PERSON) | KIND(PERSON_AT_RISK), REFERRAL_KINDS, EXCHANGE, LIAISON__LEVEL__LEVEL_AMBER},
	{"police", "police desk", LIAISON__OFFICE_KIND__OFFICE_KIND_POLICE, ALL_KINDS, ALL_KINDS, EXCHANGE,
		LIAISON__LEVEL__LEVEL_RED},
	{"customs", "customs desk", LIAISON__OFFICE_KIND__OFFICE_KIND_CUSTOMS, CARGO_KINDS,
		CARGO_KINDS | KIND(WANTED_PERSON) | KIND(DOCUMENT), EXCHANGE, LIAISON__LEVEL__LEVEL_AMBER},
	{"immigration", "immigration desk", LIAISON__OFFICE_KIND__OFFICE_KIND_IMMIGRATION,
		PERSON_KINDS | KIND(DOCUMENT) | KIND(ROUTE) | KIND(SMUGGLING_INCIDENT), ALL_KINDS, EXCHANGE,
		LIAISON__LEVEL__LEVEL_AMBER},
	/* Sees what it carries by serving offices, not by rights of its own. */
	{"broker", "broker", LIAISON__OFFICE_KIND__OFFICE_KIND_BROKER, 0, 0, RIGHT(PEER), LIAISON__LEVEL__LEVEL_CLEAR},
	{"organisation", "organisation outside a country", LIAISON__OFFICE_KIND__OFFICE_KIND_ORGANISATION, 0, ALL_KINDS,
		RIGHT(SUBSCRIBE), LIAISON__LEVEL__LEVEL_AMBER},
};

#define TEMPLATES (sizeof templates / sizeof templates[0])

const struct office_template *
template_at(size_t position)
{
	return position < TEMPLATES ? &templates[position] : NULL;
}

const struct office_template *
template_find(const char *name)
{
	for (size_t i = 0; i < TEMPLATES; i++)
		if (strcmp(templates[i].name, name) == 0)
			return &templates[i];
	return NULL;
}
