#include "agents/filter_text.h"

#include "proto/json.h"

static void
put_option(struct buf *out, const char *option)
{
	buf_put_format(out, "%s--%s ", out->len > 0 ? " " : "", option);
}

static void
put_codes(
	struct buf *out, const char *option, const ProtobufCEnumDescriptor *descriptor, const int *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = json_enum_name(descriptor, values[i]);
		if (i == 0)
			put_option(out, option);
		buf_put_format(out, "%s%s", i > 0 ? "," : "", name != NULL ? name : "?");
	}
}

static void
put_texts(struct buf *out, const char *option, char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i == 0)
			put_option(out, option);
		buf_put_format(out, "%s%s", i > 0 ? "," : "", texts[i]);
	}
}

static void
put_areas(struct buf *out, const Liaison__Filter *filter)
{
	for (size_t i = 0; i < filter->n_near; i++) {
		put_option(out, "near");
		buf_put_format(out, "%g,%g,%g", filter->near[i]->lat, filter->near[i]->lon, filter->near[i]->km);
	}
	for (size_t i = 0; i < filter->n_bbox; i++) {
		const Liaison__BoundingBox *box = filter->bbox[i];
		put_option(out, "bbox");
		buf_put_format(out, "%g,%g,%g,%g", box->south, box->west, box->north, box->east);
	}
}

void
filter_text(const Liaison__Filter *filter, struct buf *out)
{
	static const Liaison__Filter none = LIAISON__FILTER__INIT;
	const Liaison__Filter *f = filter != NULL ? filter : &none;
	int severity = (int)f->min_severity, urgency = (int)f->min_urgency;

	put_codes(out, "kind", &liaison__kind__descriptor, (const int *)f->kinds, f->n_kinds);
	put_codes(out, "crime", &liaison__crime__descriptor, (const int *)f->crimes, f->n_crimes);
	put_texts(out, "country", f->countries, f->n_countries);
	put_texts(out, "crossing", f->crossings, f->n_crossings);
	put_texts(out, "office", f->offices, f->n_offices);
	put_codes(out, "min-severity", &liaison__severity__descriptor, &severity, f->has_min_severity ? 1 : 0);
	put_codes(out, "min-urgency", &liaison__urgency__descriptor, &urgency, f->has_min_urgency ? 1 : 0);
	put_areas(out, f);
	put_texts(out, "lang", f->langs, f->n_langs);
	put_codes(out, "status", &liaison__status__descriptor, (const int *)f->statuses, f->n_statuses);
	if (f->has_include_ended && f->include_ended)
		buf_put_format(out, "%s--include-ended", out->len > 0 ? " " : "");
	if (out->len == 0)
		buf_put_text(out, "everything");
}
