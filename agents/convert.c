/* `liaison convert`: tables into alerts and back, without a broker. What a row cannot say is told by its line. */
#include "agents/commands.h"
#include "agents/intake.h"
#include "agents/say.h"
#include "proto/csv_alert.h"
#include "proto/csv_map.h"
#include "proto/edge/file.h"
#include "proto/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define MAP_BYTES_MAX (1024 * 1024)
#define OUT_BYTES_MAX (8U * 1024 * 1024)
#define OUT_FLUSH_BYTES (64U * 1024)
#define SPOOL_BYTES (256 * 1024)

enum format { FORMAT_NONE, FORMAT_JSON, FORMAT_CSV };

struct convert_options {
	enum format from, to;
	const char *map, *lang, *file;
};

/* What goes on while a file is converted. */
struct conversion {
	const struct app *app;
	const struct convert_options *chosen;
	struct buf out;
	struct progress progress;
	const char *name;
	uint64_t in, done, skipped, refused;
};

/* --- options ---------------------------------------------------------------------------------------------------------- */

static enum format
format_parse(struct argp_state *state, const char *option, const char *name)
{
	if (strcmp(name, "json") == 0 || strcmp(name, "jsonl") == 0)
		return FORMAT_JSON;
	if (strcmp(name, "csv") == 0)
		return FORMAT_CSV;
	argp_error(state, "--%s takes json or csv in this version, not `%s`", option, name);
	return FORMAT_NONE;
}

static enum format
format_of_name(const char *name)
{
	const char *dot = name != NULL ? strrchr(name, '.') : NULL;

	if (dot == NULL)
		return FORMAT_NONE;
	if (strcmp(dot, ".json") == 0 || strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".ndjson") == 0)
		return FORMAT_JSON;
	return strcmp(dot, ".csv") == 0 || strcmp(dot, ".tsv") == 0 ? FORMAT_CSV : FORMAT_NONE;
}

static void
check_options(struct argp_state *state, struct convert_options *chosen)
{
	if (chosen->from == FORMAT_NONE)
		chosen->from = format_of_name(chosen->file);
	if (chosen->from == FORMAT_NONE)
		argp_error(state, "say what comes in: --from json or --from csv");
	if (chosen->to == FORMAT_NONE)
		chosen->to = FORMAT_JSON;
	if (chosen->from == FORMAT_CSV && chosen->to == FORMAT_CSV)
		argp_error(state, "from a table to a table there is nothing to convert; take --to json");
	if (chosen->from == FORMAT_CSV && chosen->map == NULL)
		argp_error(state,
			"which column means what is said by a map: --map FILE (config/maps has one to begin with)");
	if (chosen->from != FORMAT_CSV && chosen->map != NULL)
		argp_error(state, "--map goes with --from csv");
}

enum { OPTION_FROM = 256, OPTION_TO, OPTION_LANG };

static const struct argp_option options[] = {
	{"from", OPTION_FROM, "FORMAT", 0, "What comes in: json or csv (default: by the file's name)", 0},
	{"to", OPTION_TO, "FORMAT", 0, "What goes out: json (one alert a line) or csv (json)", 0},
	{"map", 'm', "FILE", 0, "For --from csv: which column goes where", 0},
	{"lang", OPTION_LANG, "TAG", 0, "For --to csv: which language's texts (en)", 0},
	{0},
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct convert_options *chosen = state->input;

	switch (key) {
	case OPTION_FROM: chosen->from = format_parse(state, "from", arg); return 0;
	case OPTION_TO: chosen->to = format_parse(state, "to", arg); return 0;
	case OPTION_LANG: chosen->lang = arg; return 0;
	case 'm': chosen->map = arg; return 0;
	case ARGP_KEY_ARG:
		if (chosen->file != NULL)
			argp_error(state, "one file at a time");
		chosen->file = arg;
		return 0;
	case ARGP_KEY_END: check_options(state, chosen); return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = read_option,
	.args_doc = "[FILE|-]",
	.doc = "Convert alerts from one format to another, on standard output. A table's rows become the JSON that an "
	       "author "
	       "would write, ready for `liaison publish`; JSON to JSON puts one checked alert on each line. Rows that "
	       "are "
	       "refused are told by line on standard error, and the exit code is then 65.\vExamples:\n"
	       "  liaison convert --from csv --map config/maps/smuggling-legs.conf legs.csv > legs.jsonl\n"
	       "  liaison convert --from csv --map my.conf legs.csv | liaison publish -\n"
	       "  liaison inbox --json | jq -c .alert > alerts.jsonl\n"
	       "  liaison convert --to csv --lang th alerts.jsonl > alerts.csv\n"
	       "It takes alerts by themselves, not the lines of `feed --json` and `inbox --json` around them; hence "
	       "jq.",
};

/* --- what goes out ---------------------------------------------------------------------------------------------------- */

static enum liaison_err
flush(struct conversion *conversion, size_t above, struct fault *fault)
{
	struct buf *out = &conversion->out;

	if (buf_check(out) != LIAISON_OK)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	if (out->len <= above)
		return LIAISON_OK;
	if (fwrite(out->data, 1, out->len, stdout) != out->len)
		return fault_errno(fault, LIAISON_IO, errno, "cannot write to standard output");
	buf_reset(out);
	return LIAISON_OK;
}

static void
refuse(struct conversion *conversion, const struct fault *why)
{
	conversion->refused++;
	progress_end(&conversion->progress);
	say_error(conversion->app, "%s:%s", conversion->name, why->message);
}

static void
show_progress(struct conversion *conversion)
{
	char note[64];

	snprintf(note, sizeof note, "%" PRIu64 " refused", conversion->refused);
	progress_set(&conversion->progress, conversion->in, note);
}

/* --- from a table ----------------------------------------------------------------------------------------------------- */

/* Standard input, which cannot be mapped, as a file that nobody sees. */
static int
spool(struct fault *fault)
{
	char *bytes = malloc(SPOOL_BYTES);
	FILE *file = tmpfile();
	int fd = file != NULL ? dup(fileno(file)) : -1;
	ssize_t got = 0;

	if (bytes == NULL || fd < 0)
		got = -1;
	while (got >= 0 && (got = read(STDIN_FILENO, bytes, SPOOL_BYTES)) != 0) {
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got > 0 && write(fd, bytes, (size_t)got) != got)
			got = -1;
	}
	if (got < 0) {
		fault_errno(fault, LIAISON_IO, errno, "cannot keep standard input in a temporary file");
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	free(bytes);
	if (file != NULL)
		fclose(file);
	return fd;
}

/* The whole table in memory that the system pages in as it is read. *text is NULL for an empty one. */
static enum liaison_err
map_table(const char *path, const char **text, size_t *len, struct fault *fault)
{
	struct stat status;
	enum liaison_err err = LIAISON_OK;

	int fd = strcmp(path, "-") == 0 ? spool(fault) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return strcmp(path, "-") == 0 ? fault->code
					      : fault_errno(fault, LIAISON_IO, errno, "cannot open %s", path);
	*text = NULL;
	*len = 0;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		err = fault_set(fault, LIAISON_IO, "%s is no file; give a table by `-` on standard input", path);
	} else if (status.st_size > 0) {
		void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED) {
			err = fault_errno(fault, LIAISON_IO, errno, "cannot read %s", path);
		} else {
			*text = bytes;
			*len = (size_t)status.st_size;
		}
	}
	close(fd);
	return err;
}

static enum liaison_err
read_map(const char *path, struct csv_map **map, struct fault *fault)
{
	struct buf text;

	buf_init(&text, MAP_BYTES_MAX);
	enum liaison_err err = file_read(path, FILE_ANY, &text, fault);
	buf_put_u8(&text, 0);
	if (err == LIAISON_OK && buf_check(&text) != LIAISON_OK)
		err = fault_set(fault, LIAISON_BAD_CONFIG, "%s is too large for a map", path);
	if (err == LIAISON_NOT_FOUND)
		err = fault_set(fault, LIAISON_IO, "there is no map %s", path);
	if (err == LIAISON_OK)
		err = csv_map_new(path, (const char *)text.data, map, fault);
	buf_clear(&text);
	return err;
}

static enum liaison_err
convert_row(struct conversion *conversion, const struct csv_map *map, const struct csv_record *row, struct fault *fault)
{
	bool is_skipped = false;
	struct fault why;

	conversion->in++;
	enum liaison_err err = csv_map_row(map, row, app_now(conversion->app), &is_skipped, &conversion->out, &why);
	if (err == LIAISON_NO_MEMORY)
		return fault_set(fault, err, "out of memory");
	if (err != LIAISON_OK)
		refuse(conversion, &why);
	else if (is_skipped)
		conversion->skipped++;
	else
		conversion->done++;
	return flush(conversion, OUT_FLUSH_BYTES, fault);
}

static enum liaison_err
convert_rows(struct conversion *conversion, struct csv_map *map, struct csv_reader *reader, struct fault *fault)
{
	const struct csv_record *row = NULL;
	struct fault why;

	enum liaison_err err = csv_read(reader, &row, &why);
	if (err == LIAISON_OK && row == NULL)
		return fault_set(
			fault, LIAISON_MALFORMED, "%s is empty; its first line names the columns", conversion->name);
	if (err == LIAISON_OK)
		err = csv_map_bind(map, row, &why);
	if (err != LIAISON_OK)
		return fault_set(fault, err, "%s:%s", conversion->name, why.message);
	for (;;) {
		err = csv_read(reader, &row, &why);
		if (err == LIAISON_NO_MEMORY)
			return fault_set(fault, err, "out of memory");
		if (err != LIAISON_OK) {
			conversion->in++;
			refuse(conversion, &why);
			continue;
		}
		if (row == NULL)
			return LIAISON_OK;
		err = convert_row(conversion, map, row, fault);
		if (err != LIAISON_OK)
			return err;
		show_progress(conversion);
	}
}

static enum liaison_err
convert_table(struct conversion *conversion, const char *path, struct fault *fault)
{
	struct csv_reader reader;
	struct csv_map *map = NULL;
	const char *text = NULL;
	size_t len = 0;

	enum liaison_err err = read_map(conversion->chosen->map, &map, fault);
	if (err == LIAISON_OK)
		err = map_table(path, &text, &len, fault);
	if (err == LIAISON_OK) {
		csv_reader_init(&reader, text != NULL ? text : "", len, csv_map_separator(map));
		err = convert_rows(conversion, map, &reader, fault);
		csv_reader_clear(&reader);
	}
	if (text != NULL)
		(void)munmap((void *)(uintptr_t)text, len);
	csv_map_free(map);
	return err;
}

/* --- from JSON -------------------------------------------------------------------------------------------------------- */

static void
convert_alert(struct conversion *conversion, const char *text, size_t len, uint64_t line)
{
	const char *lang = conversion->chosen->lang != NULL ? conversion->chosen->lang : "en";
	ProtobufCMessage *alert = NULL;
	struct fault why;

	if (json_to_message(&liaison__alert__descriptor, text, len, line, &alert, &why) != LIAISON_OK) {
		refuse(conversion, &why);
		return;
	}
	if (conversion->chosen->to == FORMAT_CSV) {
		csv_put_alert(&conversion->out, (const Liaison__Alert *)alert, lang);
	} else {
		json_from_message(alert, &conversion->out);
		buf_put_u8(&conversion->out, '\n');
	}
	protobuf_c_message_free_unpacked(alert, NULL);
	conversion->done++;
}

static enum liaison_err
convert_json(struct conversion *conversion, const char *path, struct fault *fault)
{
	struct intake *intake = NULL;
	const char *text = NULL;
	uint64_t line = 0;
	size_t len = 0;
	struct fault why;

	enum liaison_err err = intake_open(path, &intake, fault);
	if (err != LIAISON_OK)
		return err;
	if (conversion->chosen->to == FORMAT_CSV)
		csv_put_alert_header(&conversion->out);
	for (;;) {
		enum intake_result result = intake_next(intake, &text, &len, &line, &why);
		if (result == INTAKE_END)
			break;
		if (result == INTAKE_FAILED) {
			err = fault_set(fault, why.code, "%s", why.message);
			break;
		}
		conversion->in++;
		if (result == INTAKE_BAD)
			refuse(conversion, &why);
		else
			convert_alert(conversion, text, len, line);
		err = flush(conversion, OUT_FLUSH_BYTES, fault);
		if (err != LIAISON_OK)
			break;
		show_progress(conversion);
	}
	intake_close(intake);
	return err;
}

/* --- the whole -------------------------------------------------------------------------------------------------------- */

int
command_convert(struct app *app, int argc, char **argv)
{
	struct convert_options chosen = {0};
	struct conversion conversion = {.app = app, .chosen = &chosen};
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	const char *path = chosen.file != NULL ? chosen.file : "-";
	conversion.name = strcmp(path, "-") == 0 ? "standard input" : path;
	buf_init(&conversion.out, OUT_BYTES_MAX);
	progress_begin(&conversion.progress, app, conversion.name, 0);
	enum liaison_err err = chosen.from == FORMAT_CSV ? convert_table(&conversion, path, &fault)
							 : convert_json(&conversion, path, &fault);
	if (err == LIAISON_OK)
		err = flush(&conversion, 0, &fault);
	progress_end(&conversion.progress);
	buf_clear(&conversion.out);
	if (err != LIAISON_OK)
		return say_fault(app, &fault);
	say_note(app, "%s: %" PRIu64 " in, %" PRIu64 " out, %" PRIu64 " passed over, %" PRIu64 " refused",
		conversion.name, conversion.in, conversion.done, conversion.skipped, conversion.refused);
	return conversion.refused > 0 ? EX_DATAERR : EX_OK;
}
