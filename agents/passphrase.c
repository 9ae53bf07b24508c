#include "agents/passphrase.h"

#include "proto/edge/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static enum liaison_err
read_from_file(const char *file, char *out, struct fault *fault)
{
	size_t len = 0;

	enum liaison_err err = file_read_into(file, FILE_SECRET, out, PASSPHRASE_BYTES - 1, &len, fault);
	if (err != LIAISON_OK)
		return err == LIAISON_NOT_FOUND ? LIAISON_BAD_CONFIG : err;
	out[len] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return LIAISON_OK;
}

/* One line from the terminal, byte by byte into `out`, so that no buffer of the C library keeps it. */
static enum liaison_err
read_line(int terminal, char *out, struct fault *fault)
{
	size_t len = 0;
	char byte = 0;

	for (;;) {
		ssize_t got = read(terminal, &byte, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || byte == '\n' || byte == '\r')
			break;
		if (len + 1 >= PASSPHRASE_BYTES)
			return fault_set(fault, LIAISON_BAD_USAGE, "the passphrase is longer than %d bytes",
				PASSPHRASE_BYTES - 1);
		out[len++] = byte;
	}
	out[len] = '\0';
	byte = 0;
	return LIAISON_OK;
}

static enum liaison_err
ask_terminal(const char *question, const char *path, char *out, struct fault *fault)
{
	struct termios before, silent;

	int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0 || tcgetattr(terminal, &before) != 0) {
		if (terminal >= 0)
			close(terminal);
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s needs its passphrase, and there is no terminal to ask; name a file that holds it in "
			"$LIAISON_PASSPHRASE_FILE",
			path);
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(terminal, TCSAFLUSH, &silent);
	dprintf(terminal, "%s %s: ", question, path);
	enum liaison_err err = read_line(terminal, out, fault);
	(void)tcsetattr(terminal, TCSAFLUSH, &before);
	dprintf(terminal, "\n");
	close(terminal);
	return err;
}

static enum liaison_err
ask(void *arg, const char *path, char *out, struct fault *fault)
{
	const char *file = getenv("LIAISON_PASSPHRASE_FILE");

	(void)arg;
	return file != NULL && file[0] != '\0' ? read_from_file(file, out, fault)
					       : ask_terminal("passphrase of", path, out, fault);
}

struct passphrase_source
passphrase_source(void)
{
	return (struct passphrase_source){.ask = ask};
}

enum liaison_err
passphrase_ask_new(const char *path, char *out, struct fault *fault)
{
	const char *file = getenv("LIAISON_PASSPHRASE_FILE");

	if (file != NULL && file[0] != '\0')
		return read_from_file(file, out, fault);
	char *again = sodium_malloc(PASSPHRASE_BYTES);
	if (again == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = ask_terminal("new passphrase for", path, out, fault);
	if (err == LIAISON_OK)
		err = ask_terminal("the same again for", path, again, fault);
	if (err == LIAISON_OK && strcmp(out, again) != 0)
		err = fault_set(fault, LIAISON_BAD_USAGE, "the two passphrases differ; nothing was changed");
	sodium_free(again);
	return err;
}
