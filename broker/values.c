#include "broker/values.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 64

enum liaison_err
values_init(struct values *values, const struct rng *rng)
{
	*values = (struct values){.size = SIZE_FIRST, .table = calloc(SIZE_FIRST, sizeof *values->table)};
	if (!values->table)
		return LIAISON_NO_MEMORY;
	rng_fill(rng, values->key, sizeof values->key);
	return LIAISON_OK;
}

static void
value_free(struct value *value)
{
	row_clear(&value->row);
	free(value);
}

void
values_clear(struct values *values)
{
	for (size_t i = 0; values->table && i < values->size; i++)
		if (values->table[i])
			value_free(values->table[i]);
	free(values->table);
	*values = (struct values){0};
}

size_t
values_bytes(const struct values *values)
{
	size_t bytes = values->size * sizeof *values->table;

	for (size_t i = 0; i < values->size; i++) {
		const struct value *value = values->table[i];
		if (value)
			bytes += sizeof *value + strlen(value->text) + 1 + row_bytes(&value->row);
	}
	return bytes;
}

uint64_t
values_hash(const struct values *values, unsigned attribute, const char *text, size_t len)
{
	uint64_t hash;

	_Static_assert(sizeof hash == crypto_shorthash_BYTES, "a hash is one number");
	crypto_shorthash((unsigned char *)&hash, (const unsigned char *)text, len, values->key);
	return hash + attribute;
}

static size_t
value_home(const struct values *values, const struct value *value)
{
	return values_hash(values, value->attribute, value->text, strlen(value->text)) & (values->size - 1);
}

/* Where the value is, or the free place where it would be. */
static size_t
values_place(const struct values *values, unsigned attribute, const char *text, size_t len)
{
	size_t mask = values->size - 1;
	size_t at = values_hash(values, attribute, text, len) & mask;

	for (; values->table[at]; at = (at + 1) & mask) {
		const struct value *value = values->table[at];
		if (value->attribute == attribute && strncmp(value->text, text, len) == 0 && value->text[len] == '\0')
			break;
	}
	return at;
}

struct value *
values_find(const struct values *values, unsigned attribute, const char *text, size_t len)
{
	return values->count > 0 ? values->table[values_place(values, attribute, text, len)] : NULL;
}

static enum liaison_err
values_grow(struct values *values)
{
	struct values larger = *values;

	larger.size = 2 * values->size;
	larger.table = calloc(larger.size, sizeof *larger.table);
	if (!larger.table)
		return LIAISON_NO_MEMORY;
	for (size_t i = 0; i < values->size; i++) {
		struct value *value = values->table[i];
		if (value)
			larger.table[values_place(&larger, value->attribute, value->text, strlen(value->text))] = value;
	}
	free(values->table);
	*values = larger;
	return LIAISON_OK;
}

enum liaison_err
values_add(struct values *values, unsigned attribute, const char *text, size_t max, struct value **out)
{
	size_t len = strlen(text);
	struct value *value = values_find(values, attribute, text, len);

	if (!value) {
		if (values->count >= max)
			return LIAISON_TOO_LARGE;
		if (2 * (values->count + 1) > values->size) {
			enum liaison_err err = values_grow(values);
			if (err)
				return err;
		}
		value = calloc(1, sizeof *value + len + 1);
		if (!value)
			return LIAISON_NO_MEMORY;
		value->attribute = attribute;
		memcpy(value->text, text, len + 1);
		values->table[values_place(values, attribute, text, len)] = value;
		values->count++;
	}
	*out = value;
	return LIAISON_OK;
}

void
values_remove(struct values *values, struct value *value)
{
	size_t mask = values->size - 1;
	size_t hole = values_place(values, value->attribute, value->text, strlen(value->text));

	assert(values->table[hole] == value);
	/* Later values of the run move back over the hole if that brings them no nearer than their home. */
	for (size_t at = (hole + 1) & mask; values->table[at]; at = (at + 1) & mask) {
		size_t home = value_home(values, values->table[at]);
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			values->table[hole] = values->table[at];
			hole = at;
		}
	}
	values->table[hole] = NULL;
	values->count--;
	value_free(value);
}
