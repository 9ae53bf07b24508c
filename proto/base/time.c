#include "proto/base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z */
#define FIRST_MS INT64_C(-62135596800000)
#define LAST_MS INT64_C(253402300799999)

static int64_t
read_clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * MS_PER_SECOND + ts.tv_nsec / 1000000;
}

static int64_t test_shift_ms; /* see clock_shift_for_tests */

static int64_t
system_now_ms(void *arg)
{
	return read_clock_ms(CLOCK_REALTIME) + *(const int64_t *)arg + test_shift_ms;
}

static int64_t
system_monotonic_ms(void *arg)
{
	(void)arg;
	return read_clock_ms(CLOCK_MONOTONIC);
}

void
clock_shift_for_tests(int64_t offset_ms)
{
	test_shift_ms = offset_ms;
}

const struct clock *
clock_system(void)
{
	static int64_t offset_ms;
	static struct clock clock;

	if (clock.now_ms == NULL) {
		const char *offset = getenv("LIAISON_TEST_CLOCK_OFFSET_MS");
		offset_ms = offset ? strtoll(offset, NULL, 10) : 0;
		clock.arg = &offset_ms;
		clock.monotonic_ms = system_monotonic_ms;
		clock.now_ms = system_now_ms;
	}
	return &clock;
}

/* Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int64_t
days_from_civil(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t yoe = year - era * 400;
	int64_t doy = (153 * (int64_t)(month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static void
civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2);
}

bool
time_is_valid(int64_t at_ms)
{
	return at_ms >= FIRST_MS && at_ms <= LAST_MS;
}

void
time_format(int64_t at_ms, char *out)
{
	if (!time_is_valid(at_ms)) {
		snprintf(out, RFC3339_BYTES, "out-of-range");
		return;
	}
	bool is_before = at_ms % MS_PER_DAY < 0;
	int64_t days = at_ms / MS_PER_DAY - is_before;
	int64_t rest = at_ms % MS_PER_DAY + (is_before ? MS_PER_DAY : 0);
	int64_t year;
	unsigned month, day;

	civil_from_days(days, &year, &month, &day);
	int used = snprintf(out, RFC3339_BYTES, "%04d-%02u-%02uT%02d:%02d:%02d", (int)year, month, day,
		(int)(rest / MS_PER_HOUR), (int)(rest / MS_PER_MINUTE % 60), (int)(rest / MS_PER_SECOND % 60));
	if (rest % MS_PER_SECOND != 0)
		used += snprintf(out + used, RFC3339_BYTES - (size_t)used, ".%03d", (int)(rest % MS_PER_SECOND));
	snprintf(out + used, RFC3339_BYTES - (size_t)used, "Z");
}

/* Reads exactly `digits` decimal digits; -1 if there are not that many. */
static int
take_digits(const char **at, const char *end, int digits)
{
	int value = 0;

	if (end - *at < digits)
		return -1;
	for (int i = 0; i < digits; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return -1;
		value = value * 10 + (**at - '0');
	}
	return value;
}

static bool
take_char(const char **at, const char *end, const char *allowed)
{
	if (*at >= end || **at == '\0' || strchr(allowed, **at) == NULL)
		return false;
	(*at)++;
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

static bool
take_offset(const char **at, const char *end, int *offset_minutes)
{
	*offset_minutes = 0;
	if (take_char(at, end, "Zz"))
		return true;
	bool negative = *at < end && **at == '-';
	if (!take_char(at, end, "+-"))
		return false;
	int hours = take_digits(at, end, 2);
	if (hours < 0 || hours > 23 || !take_char(at, end, ":"))
		return false;
	int minutes = take_digits(at, end, 2);
	if (minutes < 0 || minutes > 59)
		return false;
	*offset_minutes = (negative ? -1 : 1) * (hours * 60 + minutes);
	return true;
}

enum liaison_err
time_parse(const char *text, size_t len, int64_t *at_ms)
{
	const char *at = text, *end = text + len;
	int year = take_digits(&at, end, 4);
	bool ok = year >= 1 && take_char(&at, end, "-");
	int month = ok ? take_digits(&at, end, 2) : -1;
	ok = ok && month >= 1 && month <= 12 && take_char(&at, end, "-");
	int day = ok ? take_digits(&at, end, 2) : -1;
	ok = ok && day >= 1 && day <= days_in_month(year, month) && take_char(&at, end, "Tt");
	int hour = ok ? take_digits(&at, end, 2) : -1;
	ok = ok && hour >= 0 && hour <= 23 && take_char(&at, end, ":");
	int minute = ok ? take_digits(&at, end, 2) : -1;
	ok = ok && minute >= 0 && minute <= 59 && take_char(&at, end, ":");
	int second = ok ? take_digits(&at, end, 2) : -1;
	if (!ok || second < 0 || second > 60)
		return LIAISON_MALFORMED;
	bool is_leap_second = second == 60;
	if (is_leap_second)
		second = 59;
	int fraction = 0;
	if (take_char(&at, end, ".")) {
		int digits = 0;
		for (; at < end && *at >= '0' && *at <= '9'; at++, digits++)
			if (digits < 3)
				fraction = fraction * 10 + (*at - '0');
		if (digits == 0)
			return LIAISON_MALFORMED;
		for (; digits < 3; digits++)
			fraction *= 10;
	}
	int offset_minutes;
	if (!take_offset(&at, end, &offset_minutes) || at != end)
		return LIAISON_MALFORMED;
	int64_t ms = days_from_civil(year, (unsigned)month, (unsigned)day) * MS_PER_DAY + hour * MS_PER_HOUR +
		     (minute - offset_minutes) * MS_PER_MINUTE + second * MS_PER_SECOND + fraction;
	/* The offset may lead out of the years that can be written. */
	if (!time_is_valid(ms))
		return LIAISON_MALFORMED;
	/* Leap seconds are inserted at the end of a day in UTC, nowhere else. */
	if (is_leap_second && (ms - fraction + MS_PER_SECOND) % MS_PER_DAY != 0)
		return LIAISON_MALFORMED;
	*at_ms = ms;
	return LIAISON_OK;
}
