/* usage: notified SOCKET: what a service manager hears (sd_notify(3)), a line each, until it hears STOPPING=1. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char words[4096] = "";

	if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path)
		return EX_USAGE;
	memcpy(address.sun_path, argv[1], strlen(argv[1]) + 1);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
		perror(argv[1]);
		return EX_OSERR;
	}
	while (strstr(words, "STOPPING=1") == NULL) {
		ssize_t len = recv(fd, words, sizeof words - 1, 0);
		if (len < 0)
			return EX_IOERR;
		words[len] = '\0';
		puts(words);
		fflush(stdout);
	}
	return EX_OK;
}
