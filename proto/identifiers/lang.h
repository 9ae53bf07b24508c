/* Language tags, as texts and filters carry them. */
#ifndef LIAISON_PROTO_IDENTIFIERS_LANG_H
#define LIAISON_PROTO_IDENTIFIERS_LANG_H

#include <stdbool.h>

#define LANG_TAG_MAX 35 /* RFC 5646 section 4.4.1 */

/*
 * Whether it has the form of a BCP 47 tag (RFC 5646 section 2.1; no private or grandfathered ones): two or three letters,
 * then subtags of one to eight letters and digits. Whether they are registered is not asked.
 */
bool lang_tag_is_valid(const char *tag);

/* Whether two tags are one (RFC 5646 section 2.1.1: capitals or not), in every locale. */
bool lang_tag_equal(const char *a, const char *b);

#endif
