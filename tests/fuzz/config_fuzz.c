/* The broker's configuration: any bytes are read or refused; what is read prints to text that reads as the same. */
#include "broker/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets what its scanner holds when it stops at a syntax error. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static enum liaison_err
read_bytes(const void *bytes, size_t len, struct config *config)
{
	char path[64];
	int fd = memfd_create("config", MFD_CLOEXEC);
	assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	enum liaison_err err = broker_config_read(path, config, NULL, NULL, NULL);
	close(fd);
	return err;
}

static char *
print(const struct config *config, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	assert(out != NULL);
	broker_config_print(config, out);
	assert(fclose(out) == 0);
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct config config, again;

	if (read_bytes(data, len, &config) != LIAISON_OK)
		return 0;
	size_t first_len, second_len;
	char *first = print(&config, &first_len);
	enum liaison_err err = read_bytes(first, first_len, &again);
	assert(err == LIAISON_OK);
	char *second = print(&again, &second_len);
	assert(first_len == second_len && memcmp(first, second, first_len) == 0);
	free(first);
	free(second);
	broker_config_clear(&config);
	broker_config_clear(&again);
	return 0;
}
