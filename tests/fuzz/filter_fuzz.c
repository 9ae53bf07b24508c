/* A filter from any bytes: it is refused, or it has one normal form and can be asked. */
#include "proto/filter.h"
#include "proto/scan.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filter *filter = NULL, *again = NULL;
	struct facts facts = {
		.id = {.office = {"kh.blo.poipet"}, .sequence = 1}, .status = LIAISON__STATUS__STATUS_ACTUAL};
	struct area *area = area_new(1, 1, 1, 3);

	if (area == NULL || scan_frame(&liaison__filter__descriptor, data, size, NULL) != LIAISON_OK)
		goto out;
	area_add_circle(area, (struct area_point){13.66, 102.56}, 5);
	area_add_line(area, (struct area_point){-17, 179}, (struct area_point){11, -179});
	area_add_ring(area, (const struct area_point[]){{70, 0}, {70, 120}, {70, -120}}, 3);
	facts.area = area;
	Liaison__Filter *message = liaison__filter__unpack(NULL, size, data);
	if (message != NULL && filter_new(message, &filter, NULL) == LIAISON_OK) {
		enum liaison_err err = filter_new(filter_message(filter), &again, NULL);
		assert(err == LIAISON_OK && filter_equal(filter, again));
		assert(filter_matches(filter, &facts) == filter_matches(again, &facts));
	}
	if (message != NULL)
		liaison__filter__free_unpacked(message, NULL);
out:
	filter_free(filter);
	filter_free(again);
	area_free(area);
	return 0;
}
