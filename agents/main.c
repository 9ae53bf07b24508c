/* `liaison`: the table of commands is the whole program. */
#include "agents/command.h"
#include "agents/commands.h"
#include "agents/say.h"

#include <langinfo.h>
#include <locale.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

const char *argp_program_version = "liaison " LIAISON_VERSION;

static const struct command menu[] = {
	{"sandbox", "a throw-away network on loopback: up, status, down", command_sandbox},
	{"home", "make an office's home", command_home},
	{"keys", "secret keys and cards", command_keys},
	{"charter", "the root's work: which countries take part", command_charter},
	{"roster", "an authority's work: offices, their keys and rights", command_roster},
	{"trust", "whom this office trusts: import, show", command_trust},
	{"offices", "who is who", command_offices},
	{"publish", "check, sign and send alerts", command_publish},
	{"outbox", "what has not been accepted yet: list, send again, take back", command_outbox},
	{"update", "replace an alert's content", command_update},
	{"cancel", "say that an alert no longer holds", command_cancel},
	{"feed", "follow a feed: each delivery verified end to end before it is shown", command_feed},
	{"feeds", "list, move, forget feeds; what they passed over", command_feeds},
	{"inbox", "what this office received", command_inbox},
	{"show", "one alert in full", command_show},
	{"verify", "prove that the broker's log holds what was received and published", command_verify},
	{"explain", "what a code means; why an office may or may not see an alert", command_explain},
	{"doctor", "is this home in order, and if not, what to do", command_doctor},
	{"convert", "tables into alerts and back, without a broker", command_convert},
	{NULL, NULL, NULL},
};

static const char about[] = "Signed border alerts between offices: publish them, read them, prove them.";

/* The menu as argp shows it under the options. */
static char *
menu_as_text(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	fprintf(out, "%s\v", about);
	for (const struct command *row = menu; row->name != NULL; row++)
		fprintf(out, "  %-10s %s\n", row->name, row->summary);
	fputs("\n`liaison COMMAND --help` says more about one, with examples.", out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* Text is UTF-8 whatever the system says; numbers stay as C has them. */
static void
set_locale(void)
{
	if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
}

/* Keys pass through this program's memory, some of them through libzmq's: no core file, and no look inside from outside. */
static void
keep_memory_private(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its leak check looks inside */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

int
main(int argc, char **argv)
{
	struct app app;
	struct fault fault;
	char program[] = "liaison";

	keep_memory_private();
	set_locale();
	keep_memory_private();
	if (sodium_init() < 0 || app_init(&app, &fault) != LIAISON_OK) {
		fputs("liaison: libsodium or memory failed at start\n", stderr);
		return EX_OSERR;
	}
	/* argp's help without its remark on short options, as wide as a page; the user's own setting goes before. */
	setenv("ARGP_HELP_FMT", "rmargin=100,no-dup-args-note", 0);
	argv[0] = program;
	char *text = menu_as_text();
	int first = command_parse_globals(&app, argc, argv, text);
	free(text);
	argv[first - 1] = program;
	int exit_code = command_choose(&app, menu, about, argc - first + 1, argv + first - 1);
	exit_code = say_finish(&app, exit_code);
	app_clear(&app);
	return exit_code;
}
