#include "proto/identifiers/country.h"

#include <stdlib.h>
#include <string.h>

struct country {
	char alpha2[3];
	char alpha3[4];
};

/* Own table: ICU's list holds codes that ISO 3166-1 has not assigned (DG, EA, IC, XK), others in each release. */
static const struct country countries[] = {{"AD", "AND"}, {"AE", "ARE"}, {"AF", "AFG"}, {"AG", "ATG"}, {"AI", "AIA"},
	{"AL", "ALB"}, {"AM", "ARM"}, {"AO", "AGO"}, {"AQ", "ATA"}, {"AR", "ARG"}, {"AS", "ASM"}, {"AT", "AUT"},
	{"AU", "AUS"}, {"AW", "ABW"}, {"AX", "ALA"}, {"AZ", "AZE"}, {"BA", "BIH"}, {"BB", "BRB"}, {"BD", "BGD"},
	{"BE", "BEL"}, {"BF", "BFA"}, {"BG", "BGR"}, {"BH", "BHR"}, {"BI", "BDI"}, {"BJ", "BEN"}, {"BL", "BLM"},
	{"BM", "BMU"}, {"BN", "BRN"}, {"BO", "BOL"}, {"BQ", "BES"}, {"BR", "BRA"}, {"BS", "BHS"}, {"BT", "BTN"},
	{"BV", "BVT"}, {"BW", "BWA"}, {"BY", "BLR"}, {"BZ", "BLZ"}, {"CA", "CAN"}, {"CC", "CCK"}, {"CD", "COD"},
	{"CF", "CAF"}, {"CG", "COG"}, {"CH", "CHE"}, {"CI", "CIV"}, {"CK", "COK"}, {"CL", "CHL"}, {"CM", "CMR"},
	{"CN", "CHN"}, {"CO", "COL"}, {"CR", "CRI"}, {"CU", "CUB"}, {"CV", "CPV"}, {"CW", "CUW"}, {"CX", "CXR"},
	{"CY", "CYP"}, {"CZ", "CZE"}, {"DE", "DEU"}, {"DJ", "DJI"}, {"DK", "DNK"}, {"DM", "DMA"}, {"DO", "DOM"},
	{"DZ", "DZA"}, {"EC", "ECU"}, {"EE", "EST"}, {"EG", "EGY"}, {"EH", "ESH"}, {"ER", "ERI"}, {"ES", "ESP"},
	{"ET", "ETH"}, {"FI", "FIN"}, {"FJ", "FJI"}, {"FK", "FLK"}, {"FM", "FSM"}, {"FO", "FRO"}, {"FR", "FRA"},
	{"GA", "GAB"}, {"GB", "GBR"}, {"GD", "GRD"}, {"GE", "GEO"}, {"GF", "GUF"}, {"GG", "GGY"}, {"GH", "GHA"},
	{"GI", "GIB"}, {"GL", "GRL"}, {"GM", "GMB"}, {"GN", "GIN"}, {"GP", "GLP"}, {"GQ", "GNQ"}, {"GR", "GRC"},
	{"GS", "SGS"}, {"GT", "GTM"}, {"GU", "GUM"}, {"GW", "GNB"}, {"GY", "GUY"}, {"HK", "HKG"}, {"HM", "HMD"},
	{"HN", "HND"}, {"HR", "HRV"}, {"HT", "HTI"}, {"HU", "HUN"}, {"ID", "IDN"}, {"IE", "IRL"}, {"IL", "ISR"},
	{"IM", "IMN"}, {"IN", "IND"}, {"IO", "IOT"}, {"IQ", "IRQ"}, {"IR", "IRN"}, {"IS", "ISL"}, {"IT", "ITA"},
	{"JE", "JEY"}, {"JM", "JAM"}, {"JO", "JOR"}, {"JP", "JPN"}, {"KE", "KEN"}, {"KG", "KGZ"}, {"KH", "KHM"},
	{"KI", "KIR"}, {"KM", "COM"}, {"KN", "KNA"}, {"KP", "PRK"}, {"KR", "KOR"}, {"KW", "KWT"}, {"KY", "CYM"},
	{"KZ", "KAZ"}, {"LA", "LAO"}, {"LB", "LBN"}, {"LC", "LCA"}, {"LI", "LIE"}, {"LK", "LKA"}, {"LR", "LBR"},
	{"LS", "LSO"}, {"LT", "LTU"}, {"LU", "LUX"}, {"LV", "LVA"}, {"LY", "LBY"}, {"MA", "MAR"}, {"MC", "MCO"},
	{"MD", "MDA"}, {"ME", "MNE"}, {"MF", "MAF"}, {"MG", "MDG"}, {"MH", "MHL"}, {"MK", "MKD"}, {"ML", "MLI"},
	{"MM", "MMR"}, {"MN", "MNG"}, {"MO", "MAC"}, {"MP", "MNP"}, {"MQ", "MTQ"}, {"MR", "MRT"}, {"MS", "MSR"},
	{"MT", "MLT"}, {"MU", "MUS"}, {"MV", "MDV"}, {"MW", "MWI"}, {"MX", "MEX"}, {"MY", "MYS"}, {"MZ", "MOZ"},
	{"NA", "NAM"}, {"NC", "NCL"}, {"NE", "NER"}, {"NF", "NFK"}, {"NG", "NGA"}, {"NI", "NIC"}, {"NL", "NLD"},
	{"NO", "NOR"}, {"NP", "NPL"}, {"NR", "NRU"}, {"NU", "NIU"}, {"NZ", "NZL"}, {"OM", "OMN"}, {"PA", "PAN"},
	{"PE", "PER"}, {"PF", "PYF"}, {"PG", "PNG"}, {"PH", "PHL"}, {"PK", "PAK"}, {"PL", "POL"}, {"PM", "SPM"},
	{"PN", "PCN"}, {"PR", "PRI"}, {"PS", "PSE"}, {"PT", "PRT"}, {"PW", "PLW"}, {"PY", "PRY"}, {"QA", "QAT"},
	{"RE", "REU"}, {"RO", "ROU"}, {"RS", "SRB"}, {"RU", "RUS"}, {"RW", "RWA"}, {"SA", "SAU"}, {"SB", "SLB"},
	{"SC", "SYC"}, {"SD", "SDN"}, {"SE", "SWE"}, {"SG", "SGP"}, {"SH", "SHN"}, {"SI", "SVN"}, {"SJ", "SJM"},
	{"SK", "SVK"}, {"SL", "SLE"}, {"SM", "SMR"}, {"SN", "SEN"}, {"SO", "SOM"}, {"SR", "SUR"}, {"SS", "SSD"},
	{"ST", "STP"}, {"SV", "SLV"}, {"SX", "SXM"}, {"SY", "SYR"}, {"SZ", "SWZ"}, {"TC", "TCA"}, {"TD", "TCD"},
	{"TF", "ATF"}, {"TG", "TGO"}, {"TH", "THA"}, {"TJ", "TJK"}, {"TK", "TKL"}, {"TL", "TLS"}, {"TM", "TKM"},
	{"TN", "TUN"}, {"TO", "TON"}, {"TR", "TUR"}, {"TT", "TTO"}, {"TV", "TUV"}, {"TW", "TWN"}, {"TZ", "TZA"},
	{"UA", "UKR"}, {"UG", "UGA"}, {"UM", "UMI"}, {"US", "USA"}, {"UY", "URY"}, {"UZ", "UZB"}, {"VA", "VAT"},
	{"VC", "VCT"}, {"VE", "VEN"}, {"VG", "VGB"}, {"VI", "VIR"}, {"VN", "VNM"}, {"VU", "VUT"}, {"WF", "WLF"},
	{"WS", "WSM"}, {"YE", "YEM"}, {"YT", "MYT"}, {"ZA", "ZAF"}, {"ZM", "ZMB"}, {"ZW", "ZWE"}};

#define COUNTRIES (sizeof countries / sizeof countries[0])

/*
 * What ICAO 9303-3 section 5 adds to alpha-3 and its user-assigned ranges, and RKS, which Kosovo prints; with the country
 * behind it, where there is one.
 */
static const struct {
	char code[4];
	const char *alpha2;
} travel_codes[] = {
	{"D", "DE"},
	{"GBD", "GB"},
	{"GBN", "GB"},
	{"GBO", "GB"},
	{"GBP", "GB"},
	{"GBS", "GB"},
	{"RKS", "XK"},
	{"EUE", NULL},
	{"IAO", NULL},
	{"UNA", NULL},
	{"UNK", NULL},
	{"UNO", NULL},
	{"UTO", NULL},
};

#define TRAVEL_CODES (sizeof travel_codes / sizeof travel_codes[0])

static bool
is_capitals(const char *code, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (code[i] < 'A' || code[i] > 'Z')
			return false;
	return code[len] == '\0';
}

static int
compare_alpha2(const void *key, const void *country)
{
	return strcmp(key, ((const struct country *)country)->alpha2);
}

static const struct country *
country_find(const char *alpha2)
{
	return bsearch(alpha2, countries, COUNTRIES, sizeof countries[0], compare_alpha2);
}

bool
country_is_assigned(const char *alpha2)
{
	return country_find(alpha2) != NULL;
}

bool
country_is_user_assigned(const char *alpha2)
{
	if (!is_capitals(alpha2, 2))
		return false;
	return strcmp(alpha2, "AA") == 0 || strcmp(alpha2, "ZZ") == 0 || alpha2[0] == 'X' ||
	       (alpha2[0] == 'Q' && alpha2[1] >= 'M');
}

bool
country_is_known(const char *alpha2)
{
	return country_is_assigned(alpha2) || country_is_user_assigned(alpha2);
}

const char *
country_alpha3(const char *alpha2)
{
	const struct country *country = country_find(alpha2);
	return country != NULL ? country->alpha3 : NULL;
}

const char *
country_alpha2(const char *alpha3)
{
	for (size_t i = 0; i < COUNTRIES; i++)
		if (strcmp(countries[i].alpha3, alpha3) == 0)
			return countries[i].alpha2;
	return NULL;
}

/* AAA to AAZ, QMA to QZZ, XAA to XZZ, ZZA to ZZZ: among them ICAO's XOM, XPO, XXA ... */
static bool
is_user_assigned_alpha3(const char *code)
{
	char alpha2[3] = {0};

	if (!is_capitals(code, 3))
		return false;
	memcpy(alpha2, code, 2);
	return country_is_user_assigned(alpha2);
}

bool
country_travel_code_is_known(const char *code)
{
	for (size_t i = 0; i < TRAVEL_CODES; i++)
		if (strcmp(travel_codes[i].code, code) == 0)
			return true;
	return country_alpha2(code) != NULL || is_user_assigned_alpha3(code);
}

const char *
country_of_travel_code(const char *code)
{
	for (size_t i = 0; i < TRAVEL_CODES; i++)
		if (strcmp(travel_codes[i].code, code) == 0)
			return travel_codes[i].alpha2;
	return country_alpha2(code);
}

size_t
country_count(void)
{
	return COUNTRIES;
}

const char *
country_at(size_t index)
{
	return countries[index].alpha2;
}
