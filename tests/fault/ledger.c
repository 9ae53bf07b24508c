#include "tests/fault/ledger.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADLINE "fault "

void
ledger_init(struct ledger *ledger, struct experiment *experiment)
{
	*ledger = (struct ledger){.experiment = experiment, .by_id = fault_need(json_object())};
}

void
ledger_clear(struct ledger *ledger)
{
	for (size_t i = 0; !ledger->has_others_alerts && i < ledger->count; i++)
		free(ledger->alerts[i].input);
	for (size_t i = 0; i < ledger->answer_count; i++)
		free(ledger->answers[i].id);
	if (!ledger->has_others_alerts)
		free(ledger->alerts);
	free(ledger->answers);
	json_decref(ledger->by_id);
}

uint64_t
ledger_now(const struct ledger *ledger)
{
	return ledger->position != NULL ? *ledger->position + 1 : 1;
}

/* --- alerts ---------------------------------------------------------------------------------------------------------- */

static char *
some_text(struct experiment *experiment, uint32_t bytes)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz     ";
	uint32_t len = 1 + experiment_below(experiment, bytes);
	char *text = fault_need(malloc(len + 1));

	text[0] = 'A';
	for (uint32_t i = 1; i < len; i++)
		text[i] = letters[experiment_below(experiment, sizeof letters - 1)];
	text[len - 1] = '.';
	text[len] = '\0';
	return text;
}

void
ledger_write_alert(struct ledger *ledger, uint32_t bytes, FILE *out)
{
	char *text = some_text(ledger->experiment, bytes), *input = NULL;
	const char *urgency = experiment_below(ledger->experiment, 8) == 0 ? "IMMEDIATE" : "EXPECTED";

	if (ledger->count == ledger->room) {
		ledger->room = 2 * ledger->room + 64;
		ledger->alerts = fault_need(realloc(ledger->alerts, ledger->room * sizeof *ledger->alerts));
	}
	if (asprintf(&input,
		    "{\"kind\":\"ROUTE\",\"crime\":[\"WILDLIFE\"],\"urgency\":\"%s\",\"severity\":\"SEVERE\","
		    "\"certainty\":\"LIKELY\",\"source\":\"B\",\"information\":\"2\",\"action\":[\"INFORM_ONLY\"],"
		    "\"texts\":[{\"lang\":\"en\",\"headline\":\"" HEADLINE "%zu\",\"description\":\"%s\"}],"
		    "\"where\":{\"countries\":[\"KH\",\"TH\"],\"crossings\":[\"kh-poipet\"]},"
		    "\"handling\":{\"level\":\"AMBER\",\"countries\":[\"TH\"]}}",
		    urgency, ledger->count, text) < 0)
		fault_give_up("no memory");
	free(text);
	fprintf(out, "%s\n", input);
	ledger->alerts[ledger->count++].input = input;
}

/* --- answers --------------------------------------------------------------------------------------------------------- */

static struct answer *
answer_to(struct ledger *ledger, const char *id)
{
	const json_t *known = json_object_get(ledger->by_id, id);

	if (known != NULL)
		return &ledger->answers[json_integer_value(known)];
	if (ledger->answer_count == ledger->answer_room) {
		ledger->answer_room = 2 * ledger->answer_room + 64;
		ledger->answers = fault_need(realloc(ledger->answers, ledger->answer_room * sizeof *ledger->answers));
	}
	struct answer *answer = &ledger->answers[ledger->answer_count];
	*answer = (struct answer){.id = fault_need(strdup(id))};
	json_object_set_new(ledger->by_id, id, json_integer((json_int_t)ledger->answer_count++));
	return answer;
}

void
ledger_take_answer(struct ledger *ledger, const char *line)
{
	json_t *said = json_loads(line, 0, NULL);
	const char *id = json_string_value(json_object_get(said, "id"));

	if (id == NULL) {
		experiment_broken(ledger->experiment, "publish printed: %s", line);
		json_decref(said);
		return;
	}
	struct answer *answer = answer_to(ledger, id);
	if (json_is_true(json_object_get(said, "accepted")) && answer->accepted_at == 0)
		answer->accepted_at = ledger_now(ledger);
	else if (json_is_true(json_object_get(said, "queued")) && answer->queued_at == 0)
		answer->queued_at = ledger_now(ledger);
	else if (json_is_false(json_object_get(said, "accepted")) && answer->refused_at == 0)
		answer->refused_at = ledger_now(ledger);
	json_decref(said);
}

void
ledger_on_answer(void *ledger, const char *line)
{
	ledger_take_answer(ledger, line);
}

void
ledger_at(struct ledger *ledger, const struct ledger *from, uint64_t until)
{
	ledger_init(ledger, from->experiment);
	ledger->alerts = from->alerts;
	ledger->count = from->count;
	ledger->has_others_alerts = true;
	for (size_t i = 0; i < from->answer_count; i++) {
		const struct answer *answer = &from->answers[i];
		bool is_accepted = answer->accepted_at != 0 && answer->accepted_at <= until;
		bool is_queued = answer->queued_at != 0 && answer->queued_at <= until;
		if (!is_accepted && !is_queued)
			continue;
		struct answer *copy = answer_to(ledger, answer->id);
		copy->accepted_at = is_accepted;
		copy->queued_at = is_queued;
	}
}

uint64_t
ledger_acknowledged(const struct ledger *ledger, uint64_t until)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ledger->answer_count; i++)
		sum += ledger->answers[i].accepted_at != 0 && ledger->answers[i].accepted_at <= until;
	return sum;
}

/* --- a reader -------------------------------------------------------------------------------------------------------- */

void
sight_init(struct sight *sight, struct ledger *ledger, const char *who)
{
	*sight = (struct sight){
		.ledger = ledger, .by_id = fault_need(json_object()), .by_number = fault_need(json_object())};
	snprintf(sight->who, sizeof sight->who, "%s", who);
}

void
sight_clear(struct sight *sight)
{
	json_decref(sight->by_id);
	json_decref(sight->by_number);
	free(sight->list);
}

bool
sight_has(const struct sight *sight, const char *id)
{
	return json_object_get(sight->by_id, id) != NULL;
}

bool
sight_has_number(const struct sight *sight, uint64_t number)
{
	char key[24];

	snprintf(key, sizeof key, "%" PRIu64, number);
	return json_object_get(sight->by_number, key) != NULL;
}

/* The number in its headline; UINT64_MAX if it has none that was given. */
static uint64_t
number_of(const struct sight *sight, const json_t *alert)
{
	const char *headline =
		json_string_value(json_object_get(json_array_get(json_object_get(alert, "texts"), 0), "headline"));
	uint64_t number;

	if (headline == NULL || sscanf(headline, HEADLINE "%" SCNu64, &number) != 1 || number >= sight->ledger->count)
		return UINT64_MAX;
	return number;
}

/* Everything that its author wrote is there as it was written. */
static bool
is_as_written(const struct sight *sight, uint64_t number, const json_t *alert)
{
	json_t *input = json_loads(sight->ledger->alerts[number].input, 0, NULL), *value;
	const char *key;
	bool is_same = input != NULL;

	json_object_foreach(input, key, value) is_same = is_same && json_equal(value, json_object_get(alert, key));
	json_decref(input);
	return is_same;
}

static void
note_sighting(struct sight *sight, const char *id, uint64_t number)
{
	char key[24];
	json_t *times = json_object_get(sight->by_id, id);

	if (times != NULL) {
		json_integer_set(times, json_integer_value(times) + 1);
	} else {
		json_object_set_new(sight->by_id, id, json_integer(1));
	}
	if (sight->count == sight->room) {
		sight->room = 2 * sight->room + 64;
		sight->list = fault_need(realloc(sight->list, sight->room * sizeof *sight->list));
	}
	sight->list[sight->count++] = (struct sighting){
		json_object_iter_key(json_object_iter_at(sight->by_id, id)), number, ledger_now(sight->ledger), 0};
	/* One alert under two ids was published twice. */
	snprintf(key, sizeof key, "%" PRIu64, number);
	const char *other = json_string_value(json_object_get(sight->by_number, key));
	if (other != NULL && strcmp(other, id) != 0)
		experiment_found(sight->ledger->experiment, &sight->ledger->experiment->twice,
			"%s was shown one alert as %s and as %s", sight->who, other, id);
	else if (other == NULL)
		json_object_set_new(sight->by_number, key, json_string(id));
}

void
sight_take_line(struct sight *sight, const char *line)
{
	struct experiment *experiment = sight->ledger->experiment;
	json_t *shown = json_loads(line, 0, NULL);
	const char *type = json_string_value(json_object_get(shown, "type"));
	const json_t *alert = json_object_get(shown, "alert");
	const char *id = json_string_value(json_object_get(alert, "id"));

	if (type != NULL && strcmp(type, "progress") == 0) {
		while (sight->settled < sight->count)
			sight->list[sight->settled++].settled_at = ledger_now(sight->ledger);
	} else if (type == NULL || strcmp(type, "delivery") != 0 || id == NULL) {
		experiment_found(experiment, &experiment->damaged, "%s was shown: %.400s", sight->who, line);
	} else {
		uint64_t number = number_of(sight, alert);
		if (number == UINT64_MAX || !json_is_true(json_object_get(shown, "verified")) ||
			!is_as_written(sight, number, alert))
			experiment_found(experiment, &experiment->damaged,
				"%s was shown something else than was written: %.400s", sight->who, line);
		note_sighting(sight, id, number);
	}
	json_decref(shown);
}

void
sight_on_line(void *sight, const char *line)
{
	sight_take_line(sight, line);
}

void
sight_check(const struct sight *sight, uint64_t until, bool with_queued)
{
	const struct ledger *ledger = sight->ledger;
	struct experiment *experiment = ledger->experiment;
	const char *id;
	json_t *times;

	for (size_t i = 0; i < ledger->answer_count; i++) {
		const struct answer *answer = &ledger->answers[i];
		uint64_t at = answer->accepted_at;
		const char *what = "accepted";
		if ((at == 0 || at > until) && with_queued) {
			at = answer->queued_at;
			what = "safe in the outbox";
		}
		if (at != 0 && at <= until && !sight_has(sight, answer->id))
			experiment_found(experiment, &experiment->lost, "%s was told to be %s, and %s is not given it",
				answer->id, what, sight->who);
	}
	json_object_foreach(sight->by_id, id, times) if (json_integer_value(times) > 1)
		experiment_found(experiment, &experiment->twice, "%s was shown %s %" PRId64 " times", sight->who, id,
			(int64_t)json_integer_value(times));
}

/* What was followed by a progress line by then is held. */
static void
check_kept(const struct sight *shown, uint64_t until, const struct sight *kept)
{
	struct experiment *experiment = kept->ledger->experiment;

	for (size_t i = 0; i < shown->count; i++) {
		const struct sighting *sighting = &shown->list[i];
		if (sighting->settled_at != 0 && sighting->settled_at <= until && !sight_has(kept, sighting->id))
			experiment_found(experiment, &experiment->lost, "%s had kept %s, and it is gone", kept->who,
				sighting->id);
	}
}

/* Nothing was shown twice, nor what was held before. */
static void
check_once(const struct sight *kept, const struct sight *shown)
{
	struct experiment *experiment = shown->ledger->experiment;
	const char *id;
	json_t *times;

	json_object_foreach(shown->by_id, id, times)
	{
		if (json_integer_value(times) > 1)
			experiment_found(experiment, &experiment->twice, "%s was shown %s %" PRId64 " times",
				shown->who, id, (int64_t)json_integer_value(times));
		if (sight_has(kept, id))
			experiment_found(experiment, &experiment->twice, "%s had kept %s, and was shown it again",
				shown->who, id);
	}
}

void
sight_check_return(const struct sight *before, uint64_t until, const struct sight *kept, const struct sight *after)
{
	const struct ledger *ledger = after->ledger;
	struct experiment *experiment = ledger->experiment;

	check_kept(before, until, kept);
	for (size_t i = 0; i < ledger->answer_count; i++)
		if (ledger->answers[i].refused_at == 0 && !sight_has(kept, ledger->answers[i].id) &&
			!sight_has(after, ledger->answers[i].id))
			experiment_found(experiment, &experiment->lost,
				"%s was acknowledged, and %s neither has it nor is given it", ledger->answers[i].id,
				after->who);
	check_once(kept, after);
}

void
sight_check_life(const struct sight *before, const struct sight *shown, const struct sight *now)
{
	struct experiment *experiment = now->ledger->experiment;
	const char *id;
	json_t *times;

	check_kept(shown, UINT64_MAX, now);
	check_once(before, shown);
	json_object_foreach(before->by_id, id, times) if (!sight_has(now, id))
		experiment_found(experiment, &experiment->lost, "%s had kept %s, and it is gone", now->who, id);
}
