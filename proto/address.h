/*
 * Office ids, addresses and alert ids as text: what is well formed, what covers what. Nothing here knows whether an
 * office or a country exists.
 *
 * An office id is two or more labels joined by dots, `kh.blo.poipet`. The first label is the member's code, two letters;
 * the others are of a-z, 0-9 and inner hyphens. An address is a prefix of office ids at a dot: one or more such labels.
 * Both are at most OFFICE_ID_MAX bytes. An alert id is `<office>/<sequence>`, a reply's is `<office>/r<sequence>`,
 * sequences from 1 to SEQUENCE_MAX without leading zeros. Each has one spelling only, so equal ids are equal strings.
 */
#ifndef LIAISON_PROTO_ADDRESS_H
#define LIAISON_PROTO_ADDRESS_H

#include "proto/base/err.h"

#include <stdint.h>

#define OFFICE_ID_MAX 64
#define OFFICE_ID_BYTES (OFFICE_ID_MAX + 1)
#define MEMBER_BYTES 3
/* 2^53 - 1: every JSON reader keeps it exactly. */
#define SEQUENCE_MAX ((UINT64_C(1) << 53) - 1)
#define ALERT_ID_BYTES (OFFICE_ID_MAX + sizeof "/r9007199254740991")

struct office_id {
	char text[OFFICE_ID_BYTES];
};

struct alert_id {
	struct office_id office;
	uint64_t sequence;
	bool is_reply; /* replies are numbered apart */
};

bool address_is_valid(const char *address);
bool office_id_is_valid(const char *office);

/* LIAISON_MALFORMED with a sentence that names the first thing wrong. */
enum liaison_err office_id_parse(const char *text, struct office_id *office, struct fault *fault) LIAISON_MUST_CHECK;
bool office_id_equal(const struct office_id *a, const struct office_id *b);

/*
 * Whether `office` (an office id, or a narrower address) stands at or under `address`: `kh.blo` covers `kh.blo` and
 * `kh.blo.poipet`, not `kh.blossom` and not `kh`. What is not an address covers nothing.
 */
bool address_covers(const char *address, const char *office);

/*
 * The address of a country in a list of countries: "KH" gives "kh". Two capital letters, or LIAISON_BAD_CODE; whether
 * the code is assigned is for proto/identifiers/country.h to say.
 */
enum liaison_err address_from_country(const char *country, char address[MEMBER_BYTES]) LIAISON_MUST_CHECK;

/* The code of the member whose address or office this is: "kh". The argument is valid (assert). */
void address_member(const char *address, char member[MEMBER_BYTES]);

/* LIAISON_MALFORMED with a sentence that names what is wrong. */
enum liaison_err alert_id_parse(const char *text, struct alert_id *id, struct fault *fault) LIAISON_MUST_CHECK;
/* `id` is one that alert_id_parse could have made (assert). */
void alert_id_format(const struct alert_id *id, char out[ALERT_ID_BYTES]);
bool alert_id_equal(const struct alert_id *a, const struct alert_id *b);

#endif
