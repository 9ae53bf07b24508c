#include "broker/log_folder.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_SUM_BYTES 16

/* --- the epoch file ------------------------------------------------------------------------------------------------- */

void
log_epoch_text(const struct epoch *epoch, char *out)
{
	char hex[2 * EPOCH_BYTES + 1], sum_hex[2 * EPOCH_SUM_BYTES + 1];
	uint8_t sum[EPOCH_SUM_BYTES];

	crypto_generichash(sum, sizeof sum, epoch->bytes, EPOCH_BYTES, NULL, 0);
	sodium_bin2hex(hex, sizeof hex, epoch->bytes, EPOCH_BYTES);
	sodium_bin2hex(sum_hex, sizeof sum_hex, sum, sizeof sum);
	snprintf(out, LOG_EPOCH_TEXT_BYTES, "liaison log v1 %s %s\n", hex, sum_hex);
}

enum liaison_err
log_epoch_read(const struct disk *disk, const char *dir, struct epoch *epoch, struct fault *fault)
{
	char path[DISK_PATH_BYTES], text[LOG_EPOCH_TEXT_BYTES] = "", again[LOG_EPOCH_TEXT_BYTES];
	struct epoch read = {0};
	uint64_t len = 0;
	int error = 0;

	if (disk_path(path, dir, LOG_EPOCH_FILE) != LIAISON_OK)
		return fault_set(fault, LIAISON_IO, "the name of the folder %.200s... is too long", dir);
	int handle = disk_open(disk, path, DISK_READ);
	if (handle == -ENOENT)
		return fault_set(fault, LIAISON_NOT_FOUND, "%s does not exist", path);
	if (handle < 0)
		return fault_errno(fault, LIAISON_IO, -handle, "cannot open %s", path);
	int sized = disk_size(disk, handle, &len);
	enum liaison_err err = LIAISON_OK;
	if (sized == 0 && len < sizeof text)
		err = disk_read_all(disk, handle, text, (size_t)len, 0, &error);
	disk_close(disk, handle);
	if (sized < 0 || err != LIAISON_OK)
		return fault_errno(fault, LIAISON_IO, sized < 0 ? -sized : error, "cannot read %s", path);
	if (sscanf(text, "liaison log v1 %32[0-9a-f]", again) == 1)
		sodium_hex2bin(read.bytes, EPOCH_BYTES, again, strlen(again), NULL, NULL, NULL);
	log_epoch_text(&read, again);
	if (len != strlen(again) || memcmp(text, again, (size_t)len) != 0)
		return fault_set(fault, LIAISON_CORRUPT, "%s is not as it was written", path);
	*epoch = read;
	return LIAISON_OK;
}

/* --- the names ------------------------------------------------------------------------------------------------------ */

struct name_list {
	uint64_t *indexes;
	size_t count;
	size_t cap;
};

static int
add_name(void *arg, const char *name)
{
	struct name_list *list = arg;
	uint64_t index;

	if (!segment_name_parse(name, &index))
		return 0;
	if (list->count == list->cap) {
		size_t cap = list->cap == 0 ? 64 : list->cap * 2;
		uint64_t *indexes = realloc(list->indexes, cap * sizeof *indexes);
		if (indexes == NULL)
			return -ENOMEM;
		list->indexes = indexes;
		list->cap = cap;
	}
	list->indexes[list->count++] = index;
	return 0;
}

static int
compare_indexes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

enum liaison_err
log_list_segments(const struct disk *disk, const char *dir, uint64_t **indexes, size_t *count, struct fault *fault)
{
	struct name_list list = {0};

	int result = disk_list(disk, dir, add_name, &list);
	if (result < 0) {
		free(list.indexes);
		if (result == -ENOMEM)
			return fault_set(fault, LIAISON_NO_MEMORY, "no memory to list the log in %s", dir);
		return fault_errno(fault, result == -ENOENT ? LIAISON_NOT_FOUND : LIAISON_IO, -result,
			"cannot list the folder %s", dir);
	}
	if (list.count > 0)
		qsort(list.indexes, list.count, sizeof *list.indexes, compare_indexes);
	*indexes = list.indexes;
	*count = list.count;
	return LIAISON_OK;
}
