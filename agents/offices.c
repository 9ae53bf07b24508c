/* `liaison offices`: who is who, by the rosters that this home holds. */
#include "agents/agent.h"
#include "agents/codes_arg.h"
#include "agents/commands.h"
#include "agents/line.h"
#include "agents/say.h"
#include "agents/table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

struct offices_options {
	const char *country, *kind, *crossing;
};

static const struct argp_option options[] = {
	{"country", 'c', "CC", 0, "Of this country only", 0},
	{"kind", 'k', "KIND", 0, "Of this kind only: BLO, ATU, PIU, NCC, NRM, POLICE, CUSTOMS, IMMIGRATION, ...", 0},
	{"crossing", 'x', "ID", 0, "At this crossing only", 0},
	{0},
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct offices_options *chosen = state->input;

	switch (key) {
	case 'c': chosen->country = arg; return 0;
	case 'k': chosen->kind = arg; return 0;
	case 'x': chosen->crossing = arg; return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = read_option,
	.doc = "List the offices of all countries: names, crossings, phone, hours, languages, what they may "
	       "receive.\vExamples:\n"
	       "  liaison offices --country TH --kind BLO\n"
	       "  liaison offices --crossing kh-poipet",
};

/* In the reader's language, else English, else the first. */
static const char *
office_name(const struct home *home, const Liaison__Office *office)
{
	const char *english = NULL;

	for (size_t l = 0; l < home->lang_count; l++)
		for (size_t i = 0; i < office->n_names; i++)
			if (office->names[i]->lang != NULL && strcmp(office->names[i]->lang, home->langs[l]) == 0)
				return office->names[i]->name;
	for (size_t i = 0; i < office->n_names; i++)
		if (office->names[i]->lang != NULL && strcmp(office->names[i]->lang, "en") == 0)
			english = office->names[i]->name;
	return english != NULL ? english : office->n_names > 0 ? office->names[0]->name : "";
}

static const char *
joined(char *const *list, size_t count, char out[256])
{
	return count == 0 ? "" : text_list((const char *const *)list, count, out, 256);
}

static bool
has_crossing(const Liaison__Office *office, const char *crossing)
{
	for (size_t i = 0; i < office->n_crossings; i++)
		if (strcmp(office->crossings[i], crossing) == 0)
			return true;
	return false;
}

static void
line_texts(struct line *line, const char *key, char *const *texts, size_t count)
{
	line_open_array(line, key);
	for (size_t i = 0; i < count; i++)
		line_element(line, texts[i]);
	line_close_array(line);
}

static void
line_codes(struct line *line, const char *key, const ProtobufCEnumDescriptor *codes, uint32_t bits)
{
	line_open_array(line, key);
	for (unsigned i = 0; i < codes->n_values; i++)
		if ((bits >> codes->values[i].value & 1) != 0)
			line_element(line, code_text(codes, codes->values[i].value));
	line_close_array(line);
}

static enum liaison_err
line_office(const struct agent *agent, const struct office *office, const char *state, struct fault *fault)
{
	const Liaison__Office *entry = office->entry;
	struct line line;

	line_begin(&line, agent->app);
	line_text(&line, "id", office->id.text);
	line_text(&line, "kind", code_text(&liaison__office_kind__descriptor, (int)entry->kind));
	line_text(&line, "name", office_name(agent->home, entry));
	line_open_object(&line, "names");
	for (size_t i = 0; i < entry->n_names; i++)
		if (entry->names[i]->lang != NULL)
			line_text(&line, entry->names[i]->lang, entry->names[i]->name);
	line_close_object(&line);
	line_texts(&line, "crossings", entry->crossings, entry->n_crossings);
	if (entry->contact != NULL) {
		line_text(&line, "phone", entry->contact->phone);
		line_text(&line, "hours", entry->contact->hours);
		line_texts(&line, "langs", entry->contact->langs, entry->contact->n_langs);
	}
	line_text(&line, "state", state);
	line_text(&line, "clearance", code_text(&liaison__level__descriptor, (int)office->clearance));
	line_codes(&line, "receives", &liaison__kind__descriptor, office->receives);
	line_codes(&line, "publishes", &liaison__kind__descriptor, office->publishes);
	line_codes(&line, "rights", &liaison__right__descriptor, office->rights);
	return line_end(&line, fault);
}

static enum liaison_err
show_office(const struct agent *agent, struct table *table, const struct office *office, struct fault *fault)
{
	const Liaison__Office *entry = office->entry;
	const Liaison__Contact *contact = entry->contact;
	char crossings[256], langs[256], receives[CODES_TEXT_BYTES], publishes[CODES_TEXT_BYTES];
	const char *state = office_is_suspended(office, app_now(agent->app)) ? "suspended" : "active";

	table_row(table,
		(const char *const[]){office->id.text, code_text(&liaison__office_kind__descriptor, (int)entry->kind),
			office_name(agent->home, entry), joined(entry->crossings, entry->n_crossings, crossings),
			contact != NULL ? contact->phone : "", contact != NULL ? contact->hours : "",
			contact != NULL ? joined(contact->langs, contact->n_langs, langs) : "", state,
			code_text(&liaison__level__descriptor, (int)office->clearance),
			code_list_text(&liaison__kind__descriptor, office->receives, receives),
			code_list_text(&liaison__kind__descriptor, office->publishes, publishes)});
	return line_office(agent, office, state, fault);
}

static enum liaison_err
check_options(const struct agent *agent, const struct offices_options *chosen, int *kind, struct fault *fault)
{
	if (chosen->country != NULL) {
		char code[8] = "";
		for (size_t i = 0; chosen->country[i] != '\0' && i + 1 < sizeof code; i++)
			code[i] = (char)(chosen->country[i] | 0x20);
		if (trust_member(agent->trust, code) == NULL)
			return fault_set(fault, LIAISON_BAD_USAGE,
				"%s takes no part in this network; `liaison trust show` lists who does",
				chosen->country);
	}
	if (chosen->crossing != NULL && crossings_find(agent->crossings, chosen->crossing) == NULL) {
		const struct crossing *nearest = crossings_nearest_name(agent->crossings, chosen->crossing);
		return fault_set(fault, LIAISON_BAD_USAGE, "no crossing is called `%s`%s%s%s", chosen->crossing,
			nearest != NULL ? "; did you mean `" : "", nearest != NULL ? nearest->id : "",
			nearest != NULL ? "`?" : "");
	}
	return chosen->kind == NULL
		       ? LIAISON_OK
		       : code_parse(&liaison__office_kind__descriptor, "kind of office", chosen->kind, kind, fault);
}

int
command_offices(struct app *app, int argc, char **argv)
{
	static const char *const columns[] = {"OFFICE", "KIND", "NAME", "CROSSINGS", "PHONE", "HOURS", "LANGS", "STATE",
		"CLEARANCE", "RECEIVES", "PUBLISHES", NULL};
	struct offices_options chosen = {0};
	struct agent agent = {0};
	struct fault fault;
	size_t shown = 0;
	int kind = 0;

	command_parse(app, &argp, argc, argv, &chosen);
	enum liaison_err err = agent_open(app, AGENT_TRUST | AGENT_CROSSINGS, &agent, &fault);
	if (err == LIAISON_OK)
		err = check_options(&agent, &chosen, &kind, &fault);
	struct table *table = err == LIAISON_OK ? table_new(app, columns) : NULL;
	for (size_t i = 0; err == LIAISON_OK && i < trust_office_count(agent.trust); i++) {
		const struct office *office = trust_office_at(agent.trust, i);
		if (chosen.country != NULL && strcasecmp(chosen.country, office->member->code) != 0)
			continue;
		if (kind != 0 && (int)office->entry->kind != kind)
			continue;
		if (chosen.crossing != NULL && !has_crossing(office->entry, chosen.crossing))
			continue;
		err = show_office(&agent, table, office, &fault);
		shown++;
	}
	table_end(table);
	if (err == LIAISON_OK && shown == 0)
		say_note(app, "no office is like that; `liaison offices` lists all");
	agent_close(&agent);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}
