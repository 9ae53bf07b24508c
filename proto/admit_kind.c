/* What each kind of alert needs, and what has to fit together across fields. */
#include "proto/admit_rules.h"
#include "proto/identifiers/lang.h"
#include "proto/json.h"

#include <math.h>

#define BIT(number) (UINT32_C(1) << (number))
#define IS(subject) BIT(LIAISON__SUBJECT__SUBJECT_##subject)

/* Persons are for admit_victims to judge, unless a kind has no use for them at all. */
#define PERSONS (IS(PERSON) | IS(PROTECTED_PERSON))
#define THINGS (IS(VEHICLE) | IS(VESSEL) | IS(CONTAINER) | IS(CONSIGNMENT))

enum kind_need {
	NEEDS_TEXT = 1,         /* one text at least */
	NEEDS_DESCRIPTION = 2,  /* ... with a description */
	NEEDS_COURSE = 4,       /* a leg, crossing or area */
	NEEDS_PLACE = 8,        /* the same, or a country */
	NEEDS_ONE_SUBJECT = 16, /* exactly one */
};

struct kind_row {
	unsigned needs;
	uint32_t subjects; /* that may stand in it */
	uint32_t needed;   /* at least one subject of these; 0: none needed */
	const char *needed_names;
};

/* Sealed kinds have no row of their own here: until they are opened nothing of them can be asked. */
static const struct kind_row kinds[] = {
	[LIAISON__KIND__KIND_WANTED_PERSON] = {NEEDS_TEXT, PERSONS | THINGS | IS(DOCUMENT), PERSONS, "a person"},
	[LIAISON__KIND__KIND_MISSING_PERSON] = {NEEDS_TEXT, PERSONS | THINGS | IS(DOCUMENT), 0, NULL},
	[LIAISON__KIND__KIND_PERSON_AT_RISK] = {NEEDS_TEXT, PERSONS | THINGS | IS(DOCUMENT), 0, NULL},
	[LIAISON__KIND__KIND_ROUTE] = {NEEDS_TEXT | NEEDS_COURSE, PERSONS | THINGS, 0, NULL},
	[LIAISON__KIND__KIND_VEHICLE] = {NEEDS_TEXT, PERSONS | THINGS | IS(DOCUMENT), IS(VEHICLE), "a vehicle"},
	[LIAISON__KIND__KIND_VESSEL] = {NEEDS_TEXT, PERSONS | THINGS, IS(VESSEL), "a vessel"},
	[LIAISON__KIND__KIND_CONTAINER] = {NEEDS_TEXT, PERSONS | THINGS, IS(CONTAINER), "a container"},
	[LIAISON__KIND__KIND_DOCUMENT] = {NEEDS_ONE_SUBJECT, IS(DOCUMENT) | IS(PROTECTED_PERSON), IS(DOCUMENT),
		"a document"},
	[LIAISON__KIND__KIND_SEIZURE] = {NEEDS_TEXT, PERSONS | THINGS | IS(DOCUMENT), IS(CONSIGNMENT), "a consignment"},
	[LIAISON__KIND__KIND_HOTSPOT] = {NEEDS_TEXT | NEEDS_PLACE, THINGS | IS(PROTECTED_PERSON), 0, NULL},
	[LIAISON__KIND__KIND_MODUS_OPERANDI] = {NEEDS_TEXT | NEEDS_DESCRIPTION, THINGS | IS(PROTECTED_PERSON), 0, NULL},
	[LIAISON__KIND__KIND_SMUGGLING_INCIDENT] = {NEEDS_TEXT | NEEDS_PLACE, PERSONS | THINGS | IS(DOCUMENT), 0, NULL},
};

static const char *
subject_text(Liaison__Subject__SubjectCase which)
{
	switch (which) {
	case LIAISON__SUBJECT__SUBJECT_PERSON: return "person";
	case LIAISON__SUBJECT__SUBJECT_PROTECTED_PERSON: return "protectedPerson";
	case LIAISON__SUBJECT__SUBJECT_VEHICLE: return "vehicle";
	case LIAISON__SUBJECT__SUBJECT_VESSEL: return "vessel";
	case LIAISON__SUBJECT__SUBJECT_CONTAINER: return "container";
	case LIAISON__SUBJECT__SUBJECT_DOCUMENT: return "document";
	case LIAISON__SUBJECT__SUBJECT_CONSIGNMENT: return "consignment";
	case LIAISON__SUBJECT__SUBJECT__NOT_SET:
	case _LIAISON__SUBJECT__SUBJECT__CASE_IS_INT_SIZE: break;
	}
	return "?";
}

static bool
has_course(const Liaison__Where *where)
{
	return where != NULL && (where->n_legs || where->n_crossings || where->n_circles || where->n_polygons);
}

static bool
has_description(const Liaison__Alert *alert)
{
	for (size_t i = 0; i < alert->n_texts; i++)
		if (alert->texts[i]->description != NULL)
			return true;
	return false;
}

static enum liaison_err
check_needs(const struct admit_question *question, const struct kind_row *row)
{
	const Liaison__Alert *alert = question->alert;
	const char *kind = kind_text(alert->kind);

	if ((row->needs & NEEDS_TEXT) && alert->n_texts == 0)
		return fault_set(
			question->fault, LIAISON_BAD_CODE, "texts: is missing; %s needs a text with a headline", kind);
	if ((row->needs & NEEDS_DESCRIPTION) && !has_description(alert))
		return fault_set(
			question->fault, LIAISON_BAD_CODE, "texts[0].description: is missing; %s needs it", kind);
	if ((row->needs & NEEDS_COURSE) && !has_course(alert->where))
		return fault_set(
			question->fault, LIAISON_BAD_CODE, "where: %s needs a leg, crossing, circle or polygon", kind);
	if ((row->needs & NEEDS_PLACE) && !has_course(alert->where) &&
		(alert->where == NULL || alert->where->n_countries == 0))
		return fault_set(question->fault, LIAISON_BAD_CODE,
			"where: %s needs a country, crossing, circle, polygon or leg", kind);
	return LIAISON_OK;
}

static enum liaison_err
check_subjects(const struct admit_question *question, const struct kind_row *row)
{
	const Liaison__Alert *alert = question->alert;
	uint32_t seen = 0;

	for (size_t i = 0; i < alert->n_subjects; i++) {
		Liaison__Subject__SubjectCase which = alert->subjects[i]->subject_case;
		if ((row->subjects & BIT(which)) == 0)
			return fault_set(question->fault, LIAISON_BAD_CODE, "subjects[%zu].%s: must not be in %s", i,
				subject_text(which), kind_text(alert->kind));
		seen |= BIT(which);
	}
	if (row->needed != 0 && (seen & row->needed) == 0)
		return fault_set(question->fault, LIAISON_BAD_CODE, "subjects: %s needs %s", kind_text(alert->kind),
			row->needed_names);
	if ((row->needs & NEEDS_ONE_SUBJECT) && alert->n_subjects != 1)
		return fault_set(question->fault, LIAISON_BAD_CODE, "subjects: %zu; %s has exactly one",
			alert->n_subjects, kind_text(alert->kind));
	return LIAISON_OK;
}

/* The document that a DOCUMENT alert is about must be one that a reader can find and judge. */
static enum liaison_err
check_document(const struct admit_question *question)
{
	const Liaison__Document *document = question->alert->subjects[0]->document;
	const char *missing = NULL;

	if (document->number == NULL)
		missing = "number";
	else if (document->issuer == NULL)
		missing = "issuer";
	else if (!document->has_type)
		missing = "type";
	else if (!document->has_state)
		missing = "state";
	if (missing != NULL)
		return fault_set(question->fault, LIAISON_BAD_CODE,
			"subjects[0].document.%s: is missing; DOCUMENT needs it", missing);
	return LIAISON_OK;
}

/* --- what fits together ---------------------------------------------------------------------------------------------- */

static enum liaison_err
check_time_order(const struct admit_question *question)
{
	const Liaison__Alert *alert = question->alert;

	if (alert->has_effective && alert->effective >= alert->expires)
		return fault_set(question->fault, LIAISON_BAD_CODE, "effective: is not before expires");
	if (alert->has_onset && alert->onset >= alert->expires)
		return fault_set(question->fault, LIAISON_BAD_CODE, "onset: is not before expires");
	if (alert->has_review_by && (alert->review_by <= alert->sent || alert->review_by > alert->expires))
		return fault_set(question->fault, LIAISON_BAD_CODE, "reviewBy: is not between sent and expires");
	if (alert->has_respond_by && (alert->respond_by <= alert->sent || alert->respond_by > alert->expires))
		return fault_set(question->fault, LIAISON_BAD_CODE, "respondBy: is not between sent and expires");
	return LIAISON_OK;
}

static enum liaison_err
check_actions(const struct admit_question *question)
{
	const Liaison__Alert *alert = question->alert;
	uint32_t actions = 0;

	for (size_t i = 0; i < alert->n_action; i++) {
		if (actions & BIT(alert->action[i]))
			return fault_set(question->fault, LIAISON_BAD_CODE, "action[%zu]: stands there twice", i);
		actions |= BIT(alert->action[i]);
	}
	if ((actions & BIT(LIAISON__ACTION__ACTION_INFORM_ONLY)) && alert->n_action > 1)
		return fault_set(question->fault, LIAISON_BAD_CODE, "action: INFORM_ONLY excludes every other action");
	if ((actions & (BIT(LIAISON__ACTION__ACTION_ARREST) | BIT(LIAISON__ACTION__ACTION_DETAIN))) &&
		alert->legal_basis == NULL)
		return fault_set(question->fault, LIAISON_BAD_CODE,
			"legalBasis: is missing; ARREST and DETAIN need authority, reference, date and offence");
	return LIAISON_OK;
}

static enum liaison_err
check_lists(const struct admit_question *question)
{
	const Liaison__Alert *alert = question->alert;

	for (size_t i = 0; i < alert->n_texts; i++)
		for (size_t k = 0; k < i; k++)
			if (lang_tag_equal(alert->texts[i]->lang, alert->texts[k]->lang))
				return fault_set(question->fault, LIAISON_BAD_CODE,
					"texts[%zu].lang: %s has a text already, texts[%zu]", i, alert->texts[i]->lang,
					k);
	for (size_t i = 0; i < alert->n_counts; i++)
		for (size_t k = 0; k < i; k++)
			if (alert->counts[i]->category == alert->counts[k]->category)
				return fault_set(question->fault, LIAISON_BAD_CODE,
					"counts[%zu].category: is counted already, in counts[%zu]", i, k);
	uint32_t crimes = 0;
	for (size_t i = 0; i < alert->n_crime; i++) {
		if (crimes & BIT(alert->crime[i]))
			return fault_set(question->fault, LIAISON_BAD_CODE, "crime[%zu]: stands there twice", i);
		crimes |= BIT(alert->crime[i]);
	}
	for (size_t i = 0; i < alert->n_subjects; i++) {
		const Liaison__Subject *subject = alert->subjects[i];
		if (subject->subject_case == LIAISON__SUBJECT__SUBJECT_CONSIGNMENT &&
			subject->consignment->has_quantity != subject->consignment->has_unit)
			return fault_set(question->fault, LIAISON_BAD_CODE,
				"subjects[%zu].consignment: quantity and unit go together", i);
	}
	return LIAISON_OK;
}

static enum liaison_err
check_place(const struct admit_question *question, const Liaison__Place *place, size_t leg, const char *end)
{
	if (place != NULL && place->has_lat != place->has_lon)
		return fault_set(
			question->fault, LIAISON_BAD_CODE, "where.legs[%zu].%s: lat and lon go together", leg, end);
	return LIAISON_OK;
}

/* Once round the earth is a ring round a pole; further is a mistake, and no inside could be told from an outside. */
static bool
is_wound_up(const Liaison__Polygon *polygon)
{
	double lon = 0, west = 0, east = 0;

	for (size_t i = 0; i < polygon->n_points; i++) {
		const Liaison__Point *next = polygon->points[i + 1 == polygon->n_points ? 0 : i + 1];
		lon += remainder(next->lon - polygon->points[i]->lon, 360);
		west = fmin(west, lon);
		east = fmax(east, lon);
	}
	return east - west > 360.5;
}

static enum liaison_err
check_where(const struct admit_question *question)
{
	const Liaison__Where *where = question->alert->where;
	enum liaison_err err = LIAISON_OK;

	if (where == NULL)
		return LIAISON_OK;
	for (size_t i = 0; i < where->n_polygons; i++)
		if (is_wound_up(where->polygons[i]))
			return fault_set(question->fault, LIAISON_BAD_CODE,
				"where.polygons[%zu]: goes round the earth more than once", i);
	for (size_t i = 0; err == LIAISON_OK && i < where->n_legs; i++) {
		const Liaison__Leg *leg = where->legs[i];
		if (leg->has_start && leg->has_end && leg->start > leg->end)
			return fault_set(
				question->fault, LIAISON_BAD_CODE, "where.legs[%zu].end: is before its start", i);
		err = check_place(question, leg->from, i, "from");
		if (err == LIAISON_OK)
			err = check_place(question, leg->to, i, "to");
	}
	return err;
}

enum liaison_err
admit_kind(const struct admit_question *question)
{
	const Liaison__Alert *alert = question->alert;
	static enum liaison_err (*const fits[])(const struct admit_question *) = {
		check_time_order,
		check_actions,
		check_lists,
		check_where,
	};
	enum liaison_err err = LIAISON_OK;

	if (!alert->has_kind || alert->sealed != NULL)
		return LIAISON_OK;
	const struct kind_row *row = &kinds[alert->kind];
	err = check_needs(question, row);
	if (err == LIAISON_OK)
		err = check_subjects(question, row);
	if (err == LIAISON_OK && alert->kind == LIAISON__KIND__KIND_DOCUMENT)
		err = check_document(question);
	for (size_t i = 0; err == LIAISON_OK && i < sizeof fits / sizeof fits[0]; i++)
		err = fits[i](question);
	return err;
}
