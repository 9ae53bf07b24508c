/*
 * usage: corpus DIR
 * Writes what each fuzz target starts from to DIR/NAME: valid messages of all schemas that it reads, texts, and the
 * project's own samples. The same in each run.
 */
#include "proto/alert.pb-c.h"
#include "proto/base/buf.h"
#include "proto/frame.pb-c.h"
#include "proto/json.h"
#include "proto/log.pb-c.h"
#include "proto/trust.pb-c.h"
#include "tests/support/random_message.h"
#include "tests/support/world.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SEEDS 64 /* random messages of each schema */
#define SCHEMAS_MAX 4
#define FILE_BYTES_MAX (256 * 1024)

struct corpus {
	char dir[2048];
	unsigned count;
};

static void put_charters(struct corpus *corpus);
static void put_rosters(struct corpus *corpus);

struct target {
	const char *name; /* of tests/fuzz/NAME_fuzz.c */
	const ProtobufCMessageDescriptor *messages[SCHEMAS_MAX];
	const ProtobufCMessageDescriptor *json[SCHEMAS_MAX];
	const char *const *texts;
	const char *files; /* a pattern */
	void (*documents)(struct corpus *corpus);
};

/* ICAO 9303's specimens. */
static const char *const MRZ[] = {
	"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
	"I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
	"I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<",
	"I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
	"V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<",
	NULL,
};

static const char *const CSV[] = {
	"From,To,lat\r\n\"Exampleton, North\",B,1.5\r\n,\"a \"\"b\"\"\nc\",\r\n",
	";a;\"b;c\"\n\n\"\"\n",
	"\xef\xbb\xbf"
	"a,b\rc,\"d",
	NULL,
};

static const char *const CONFIG[] = {
	"id = \"kh.broker\"; listen = [ \"tcp://[::1]:7400\", \"tcp://*:0\" ]; segment_bytes = \"256 KiB\"; idle_ms = "
	"5000L;",
	"id = \"kh.broker\"; listen = (\"tcp://127.0.0.1:1\"); disk_floor_bytes = 0x1000000000; workers = 0; # end",
	"id = \"kh.broker\"; data_dir = \"/a\\\\b\\\"c\"; key_file : 'x'; progress_ms = \"100 ms\"; log_level = "
	"\"debug\";",
	"idd = 1; workers = 4294967298; handshake_ms = \"3 fortnights\"; trust_dir = [ 1.5e300, -0.1 ]; listen = { a = "
	"true; };",
	NULL,
};

static const struct target TARGETS[] = {
	{.name = "body", .messages = {&liaison__alert__descriptor}},
	{.name = "frame", .messages = {&liaison__frame__descriptor}},
	{.name = "filter", .messages = {&liaison__filter__descriptor}},
	{.name = "charter",
		.messages = {&liaison__charter__descriptor, &liaison__card__descriptor},
		.documents = put_charters},
	{.name = "roster",
		.messages = {&liaison__roster__descriptor, &liaison__suspension__descriptor},
		.documents = put_rosters},
	{.name = "json",
		.json = {&liaison__alert__descriptor, &liaison__filter__descriptor},
		.files = "config/examples/*.json"},
	{.name = "config", .texts = CONFIG, .files = "config/*.conf"},
	{.name = "mrz", .texts = MRZ},
	{.name = "csv", .texts = CSV},
};

static void
die(const char *what)
{
	fprintf(stderr, "corpus: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void
corpus_put(struct corpus *corpus, const void *bytes, size_t len)
{
	char path[2100];

	snprintf(path, sizeof path, "%s/seed-%04u", corpus->dir, corpus->count++);
	FILE *file = fopen(path, "we");
	if (!file)
		die(path);
	size_t written = fwrite(bytes, 1, len, file);
	if (fclose(file) != 0 || written != len)
		die(path);
}

static void
corpus_put_message(struct corpus *corpus, const ProtobufCMessage *message)
{
	size_t len;
	uint8_t *bytes = message_bytes(message, &len);

	corpus_put(corpus, bytes, len);
	free(bytes);
}

static void
corpus_put_json(struct corpus *corpus, const ProtobufCMessage *message)
{
	struct buf json;

	buf_init(&json, FILE_BYTES_MAX);
	json_from_message(message, &json);
	if (buf_check(&json) == LIAISON_OK)
		corpus_put(corpus, json.data, json.len);
	buf_clear(&json);
}

static void
corpus_put_random(struct corpus *corpus, const ProtobufCMessageDescriptor *const *schemas,
	void (*put)(struct corpus *corpus, const ProtobufCMessage *message))
{
	struct rng_seeded seed;
	struct rng rng = rng_from_seed(&seed, 1);

	for (size_t i = 0; i < SCHEMAS_MAX && schemas[i]; i++)
		for (size_t k = 0; k < SEEDS; k++) {
			ProtobufCMessage *message = random_message(&rng, schemas[i]);
			put(corpus, message);
			protobuf_c_message_free_unpacked(message, NULL);
		}
}

static void
corpus_put_files(struct corpus *corpus, const char *pattern)
{
	static char bytes[FILE_BYTES_MAX];
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0)
		return; /* none yet */
	for (size_t i = 0; i < found.gl_pathc; i++) {
		FILE *file = fopen(found.gl_pathv[i], "re");
		if (!file)
			die(found.gl_pathv[i]);
		corpus_put(corpus, bytes, fread(bytes, 1, sizeof bytes, file));
		fclose(file);
	}
	globfree(&found);
}

static void
put_body(struct corpus *corpus, Liaison__Signed *document)
{
	corpus_put(corpus, document->body.data, document->body.len);
	world_signed_free(document);
}

/* What the test world's root keys would sign next: the fuzz target signs it and so comes past the signatures. */
static void
put_charters(struct corpus *corpus)
{
	struct world *world = world_new(1);

	put_body(corpus, world_charter_sign(world, world_charter_edit(world)));
	corpus_put_message(corpus, &trust_charter(world_trust(world))->base);
	world_free(world);
}

static void
put_rosters(struct corpus *corpus)
{
	struct world *world = world_new(1);

	put_body(corpus, world_roster_sign(world, world_roster_edit(world, "kh")));
	put_body(corpus, world_suspension(world, "kh.blo.poipet", NULL, WORLD_NOW, WORLD_NOW + MS_PER_DAY));
	corpus_put_message(corpus, &trust_member(world_trust(world), "kh")->roster->base);
	world_free(world);
}

static void
make_folder(const char *path)
{
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		die(path);
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: corpus DIR\n", stderr);
		return EXIT_FAILURE;
	}
	make_folder(argv[1]);
	for (size_t i = 0; i < sizeof TARGETS / sizeof *TARGETS; i++) {
		const struct target *target = &TARGETS[i];
		struct corpus corpus = {.count = 0};
		if ((size_t)snprintf(corpus.dir, sizeof corpus.dir, "%s/%s", argv[1], target->name) >=
			sizeof corpus.dir)
			die("the folder's name is too long");
		make_folder(corpus.dir);
		corpus_put_random(&corpus, target->messages, corpus_put_message);
		corpus_put_random(&corpus, target->json, corpus_put_json);
		for (size_t k = 0; target->texts && target->texts[k]; k++)
			corpus_put(&corpus, target->texts[k], strlen(target->texts[k]));
		if (target->files)
			corpus_put_files(&corpus, target->files);
		if (target->documents)
			target->documents(&corpus);
	}
	return EXIT_SUCCESS;
}
