/*
 * Country codes: ISO 3166-1 alpha-2 (which all of Liaison uses) and alpha-3, and the codes that ICAO 9303-3 section 5
 * adds for travel documents. Capital letters only. The table is part of the protocol: two brokers must decide alike.
 */
#ifndef LIAISON_PROTO_IDENTIFIERS_COUNTRY_H
#define LIAISON_PROTO_IDENTIFIERS_COUNTRY_H

#include <stdbool.h>
#include <stddef.h>

/* Officially assigned by ISO 3166-1: "KH". */
bool country_is_assigned(const char *alpha2);

/* Left to users by ISO 3166-1 (AA, QM to QZ, XA to XZ, ZZ); here they name organisations: "XA" for xa.pidc. */
bool country_is_user_assigned(const char *alpha2);

/* Either of the two: what may stand in a list of countries. */
bool country_is_known(const char *alpha2);

/* "KH" -> "KHM" and back; NULL for what is not assigned. Static strings. */
const char *country_alpha3(const char *alpha2);
const char *country_alpha2(const char *alpha3);

/* A code that may stand in a travel document as issuer or nationality: alpha-3, or one of ICAO's own, fillers removed. */
bool country_travel_code_is_known(const char *code);

/*
 * The country (alpha-2) behind such a code: "KHM" gives "KH", "D" gives "DE", the six kinds of British nationality
 * "GB", "RKS" "XK". NULL for organisations, stateless persons and specimens (UNO, XXA, UTO). Static string.
 */
const char *country_of_travel_code(const char *code);

/* All assigned alpha-2 codes, ascending: index < country_count(). */
size_t country_count(void);
const char *country_at(size_t index);

#endif
