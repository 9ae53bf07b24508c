/*
 * Machine readable zones of travel documents (ICAO 9303 parts 3 to 7): their fields, and whether every check digit is
 * right. Sizes TD1, TD2, TD3 and visas A and B. It checks what the zone says about itself: whether issuer and
 * nationality exist is for country.h, whether the document is real or still good for nobody here.
 */
#ifndef LIAISON_PROTO_IDENTIFIERS_MRZ_H
#define LIAISON_PROTO_IDENTIFIERS_MRZ_H

#include "proto/base/err.h"

#include <stddef.h>

enum mrz_format {
	MRZ_TD1,    /* card, 3 lines of 30 */
	MRZ_TD2,    /* 2 lines of 36 */
	MRZ_TD3,    /* passport, 2 lines of 44 */
	MRZ_VISA_A, /* 2 lines of 44, beginning with V */
	MRZ_VISA_B, /* 2 lines of 36, beginning with V */
};

/* Fields as printed, without the fillers '<' at their end; names have spaces for those between. */
struct mrz {
	enum mrz_format format;
	char document_code[3]; /* "P", "ID" */
	char issuer[4];        /* "UTO", "D" */
	char number[25];       /* whole, where it is a long one; fillers inside stay */
	char surname[40];      /* primary identifier */
	char given_names[40];  /* secondary identifier; may be empty */
	char nationality[4];
	char birth_date[7];  /* YYMMDD, "<<" for an unknown part */
	char sex;            /* 'F', 'M', 'X' or '<' */
	char expiry_date[7]; /* YYMMDD */
	char optional[17];   /* of TD1's first line; personal number of TD3 */
	char optional_2[12]; /* of TD1's second line */
};

/*
 * Lines joined by '\n' (or "\r\n"), by '|' or by nothing; one more separator may end the text. LIAISON_BAD_IDENTIFIER
 * with line and column of the first thing wrong, for a check digit also what it should be; a field's digit is named
 * before the composite one that fails with it.
 *
 * Document numbers of more than nine characters (9303-5 section 4.2.2, 9303-6 likewise) have '<' for their check digit and go
 * on in the optional data, up to their own digit. Issuers differ on whether that '<' counts in it; both are right here.
 * An unused personal number may have '<' or 0 for its digit. In dates, 00 and << are both taken for unknown.
 */
enum liaison_err mrz_parse(const char *text, struct mrz *mrz, struct fault *fault) LIAISON_MUST_CHECK;

/* ICAO 9303-3 section 4.9, weights 7 3 1, as a character; `chars` are of A-Z, 0-9 and '<' (assert). */
char mrz_check_digit(const char *chars, size_t len);

/* "TD1", "visa A" */
const char *mrz_format_name(enum mrz_format format);

#endif
