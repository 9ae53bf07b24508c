#include "broker/verify.h"

#include "proto/base/time.h"

#include <inttypes.h>

struct verify {
	FILE *out;
	bool has_segment;
	uint64_t segment; /* its first index */
	uint64_t records, first, last;
};

static void
print_segment(struct verify *verify)
{
	char name[SEGMENT_NAME_BYTES];

	if (!verify->has_segment)
		return;
	segment_name(verify->segment, name);
	fprintf(verify->out, "%s: %" PRIu64 " records whole, %" PRIu64 " to %" PRIu64 "\n", name, verify->records,
		verify->first, verify->last);
	verify->has_segment = false;
}

static enum liaison_err
on_record(void *arg, const struct stored_record *record, const struct log_location *location)
{
	struct verify *verify = arg;

	if (record->damage != 0)
		return LIAISON_OK; /* it is a finding, too */
	if (verify->has_segment && verify->segment != location->segment)
		print_segment(verify);
	if (!verify->has_segment) {
		verify->has_segment = true;
		verify->segment = location->segment;
		verify->first = record->index;
		verify->records = 0;
	}
	verify->last = record->index;
	verify->records++;
	return LIAISON_OK;
}

static void
on_finding(void *arg, const struct log_finding *finding)
{
	static const char *const words[] = {
		[FINDING_NOTE] = "note", [FINDING_TORN] = "never acknowledged", [FINDING_DAMAGE] = "DAMAGE"};
	struct verify *verify = arg;
	char text[512];

	log_finding_text(finding, text, sizeof text);
	fprintf(verify->out, "%s: %s\n", words[finding->at.kind], text);
}

enum liaison_err
verify_log(const struct disk *disk, const char *log_dir, FILE *out, struct fault *fault)
{
	struct verify verify = {.out = out};
	const struct log_visitor visitor = {.on_record = on_record, .on_finding = on_finding, .arg = &verify};
	char root[DIGEST_HEX_BYTES], at[RFC3339_BYTES], text[512];
	struct log_report report;
	enum liaison_err err = log_verify(disk, log_dir, &visitor, &report, fault);

	if (err == LIAISON_NOT_FOUND)
		return fault_set(fault, err, "%s: there is no log; a broker makes it when it first serves", log_dir);
	if (err != LIAISON_OK)
		return err;
	print_segment(&verify);
	digest_hex(&report.head.root, root);
	time_format(report.head.at_ms, at);
	fprintf(out, "size %" PRIu64 ", root %s%s%s\n", report.head.size, root,
		report.head.size > 0 ? ", last written " : "", report.head.size > 0 ? at : "");
	if (report.damages == 0) {
		fprintf(out, "whole: %" PRIu64 " records in %" PRIu64 " segments\n", report.records, report.segments);
		return LIAISON_OK;
	}
	log_finding_text(&report.damage, text, sizeof text);
	fprintf(out,
		"damaged: %" PRIu64 " places, %" PRIu64 " records lost, %" PRIu64 " whole in %" PRIu64 " segments\n",
		report.damages, report.lost, report.records, report.segments);
	return fault_set(
		fault, LIAISON_CORRUPT, "%s: %" PRIu64 " damages, the first: %s", log_dir, report.damages, text);
}
