/*
 * Nothing of a victim in the clear, and then: nothing that this version does not do yet.
 *
 * A victim is another type (ProtectedPerson), which travels only sealed. But an author can put one into the clear under
 * another type's name, so a Person is let pass in the clear only where it can hardly be one: as a wanted person, or, for
 * crimes whose victims are not persons, as a suspect beside the thing that is looked for. A document's machine readable
 * zone names its holder, and victims' passports are taken from them: it follows the same rule.
 */
#include "proto/admit_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(number) (UINT32_C(1) << (number))
#define ADULT_YEARS 18

/* Crimes that are done to persons. */
#define CRIMES_AGAINST_PERSONS                                                                                         \
	(BIT(LIAISON__CRIME__CRIME_TRAFFICKING_IN_PERSONS) | BIT(LIAISON__CRIME__CRIME_MIGRANT_SMUGGLING) |            \
		BIT(LIAISON__CRIME__CRIME_CHILD_SEXUAL_EXPLOITATION))

/* Actions by which somebody is looked for as a suspect. */
#define ACTIONS_AGAINST_SUSPECTS                                                                                       \
	(BIT(LIAISON__ACTION__ACTION_ARREST) | BIT(LIAISON__ACTION__ACTION_DETAIN) |                                   \
		BIT(LIAISON__ACTION__ACTION_DISCREET_CHECK) | BIT(LIAISON__ACTION__ACTION_INQUIRY_CHECK) |             \
		BIT(LIAISON__ACTION__ACTION_SPECIFIC_CHECK))

static uint32_t
actions_of(const Liaison__Alert *alert)
{
	uint32_t actions = 0;

	for (size_t i = 0; i < alert->n_action; i++)
		actions |= BIT(alert->action[i]);
	return actions;
}

/* A suspect under age may be just that; the author is asked to think again. */
static void
warn_of_minor(const struct admit_question *question, const Liaison__Person *person, size_t number)
{
	char sent[RFC3339_BYTES];

	if (person->birth_date == NULL || question->warning == NULL)
		return;
	time_format(question->alert->sent, sent);
	long years = strtol(sent, NULL, 10) - strtol(person->birth_date, NULL, 10);
	size_t len = strlen(person->birth_date);
	/* The same month and day, as far as the birth date tells them, is a birthday. */
	if (len > 4 && strncmp(sent + 4, person->birth_date + 4, len - 4) < 0)
		years--;
	if (years < ADULT_YEARS)
		admit_warn(question,
			"subjects[%zu].person: is under %d; a child who is a victim is a protected person, "
			"and travels sealed",
			number, ADULT_YEARS);
}

static enum liaison_err
check_person(const struct admit_question *question, size_t number)
{
	const Liaison__Alert *alert = question->alert;
	uint32_t actions = actions_of(alert);

	if (alert->kind == LIAISON__KIND__KIND_SMUGGLING_INCIDENT)
		return fault_set(question->fault, LIAISON_VICTIM_IN_CLEAR,
			"subjects[%zu].person: SMUGGLING_INCIDENT names nobody; count people under `counts`", number);
	if (alert->kind != LIAISON__KIND__KIND_WANTED_PERSON && (question->facts->crimes & CRIMES_AGAINST_PERSONS))
		return fault_set(question->fault, LIAISON_VICTIM_IN_CLEAR,
			"subjects[%zu].person: with a crime against persons, only WANTED_PERSON names one; publish "
			"that and link "
			"it",
			number);
	if ((actions & BIT(LIAISON__ACTION__ACTION_PROTECT)) && !(actions & ACTIONS_AGAINST_SUSPECTS))
		return fault_set(question->fault, LIAISON_VICTIM_IN_CLEAR,
			"subjects[%zu].person: whom to PROTECT is a protected person, and travels sealed", number);
	warn_of_minor(question, alert->subjects[number]->person, number);
	return LIAISON_OK;
}

static enum liaison_err
check_document(const struct admit_question *question, size_t number)
{
	const Liaison__Alert *alert = question->alert;

	if (alert->kind == LIAISON__KIND__KIND_SMUGGLING_INCIDENT)
		return fault_set(question->fault, LIAISON_VICTIM_IN_CLEAR,
			"subjects[%zu].document: names its holder; SMUGGLING_INCIDENT names nobody", number);
	if (alert->subjects[number]->document->mrz != NULL && alert->kind != LIAISON__KIND__KIND_WANTED_PERSON &&
		(question->facts->crimes & CRIMES_AGAINST_PERSONS))
		return fault_set(question->fault, LIAISON_VICTIM_IN_CLEAR,
			"subjects[%zu].document.mrz: names its holder, who with a crime against persons may be a "
			"victim; "
			"number and issuer are enough",
			number);
	return LIAISON_OK;
}

enum liaison_err
admit_victims(const struct admit_question *question)
{
	const Liaison__Alert *alert = question->alert;
	enum liaison_err err = LIAISON_OK;

	for (size_t i = 0; i < alert->n_subjects; i++)
		if (alert->subjects[i]->subject_case == LIAISON__SUBJECT__SUBJECT_PROTECTED_PERSON)
			return fault_set(question->fault, LIAISON_VICTIM_IN_CLEAR,
				"subjects[%zu].protectedPerson: travels only sealed, which comes with a later version",
				i);
	if (alert->sealed == NULL && (alert->kind == LIAISON__KIND__KIND_MISSING_PERSON ||
					     alert->kind == LIAISON__KIND__KIND_PERSON_AT_RISK))
		return fault_set(question->fault, LIAISON_VICTIM_IN_CLEAR,
			"kind: %s travels only sealed, which comes with a later version", kind_text(alert->kind));
	for (size_t i = 0; err == LIAISON_OK && i < alert->n_subjects; i++) {
		if (alert->subjects[i]->subject_case == LIAISON__SUBJECT__SUBJECT_PERSON)
			err = check_person(question, i);
		else if (alert->subjects[i]->subject_case == LIAISON__SUBJECT__SUBJECT_DOCUMENT)
			err = check_document(question, i);
	}
	return err;
}

/* --- what comes later ------------------------------------------------------------------------------------------------ */

static bool
needs_approval(const struct admit_question *question)
{
	const Liaison__Roster *roster = question->office->member->roster;

	for (size_t i = 0; roster != NULL && i < roster->n_approvals; i++)
		if (roster->approvals[i]->kind == question->alert->kind && roster->approvals[i]->has_approval &&
			roster->approvals[i]->approval != LIAISON__APPROVAL__APPROVAL_NONE)
			return true;
	return false;
}

enum liaison_err
admit_supported(const struct admit_question *question)
{
	const Liaison__Alert *alert = question->alert;

	if (message_is_reply(alert->message))
		return fault_set(question->fault, LIAISON_NOT_SUPPORTED,
			"message: replies (%s) come with a later version", message_text(alert->message));
	/* Half an erasure would pretend: notices could go out, but no store would destroy anything. */
	if (alert->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_REDACT)
		return fault_set(question->fault, LIAISON_NOT_SUPPORTED,
			"message: REDACT comes with a later version; CANCEL takes an alert back");
	if (alert->sealed != NULL)
		return fault_set(
			question->fault, LIAISON_NOT_SUPPORTED, "sealed: sealed alerts come with a later version");
	if (alert->n_attachments > 0)
		return fault_set(question->fault, LIAISON_NOT_SUPPORTED, "attachments: come with a later version");
	if (alert->has_kind && needs_approval(question))
		return fault_set(question->fault, LIAISON_NOT_SUPPORTED,
			"kind: the roster of %s wants %s approved, which comes with a later version",
			question->office->member->code, kind_text(alert->kind));
	return LIAISON_OK;
}
