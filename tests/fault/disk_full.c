/*
 * A disk that is full while broker and agents work, and has room again. All of a network lies on a small file system of its
 * own (in a mount namespace, gone with the process). While it is full nothing is lost, feeds go on, and whoever publishes is
 * told that there is no room; with room again everything that waits is sent.
 */
#include "tests/fault/net.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_SIZE "size=12m"
#define TEXT_BYTES 3000
#define CYCLES_PER_NET 10
#define END_MS 30000
#define WAIT_SECONDS "1"

/* False: not permitted here. */
static bool
mount_small_disk(const char *dir)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", dir, "tmpfs", 0, DISK_SIZE) == 0;
}

/* Takes all but so many bytes. */
static void
fill(const char *dir, uint64_t left)
{
	char path[FAULT_PATH_BYTES];
	struct statvfs info;

	fault_path(path, "%s/ballast", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || statvfs(dir, &info) != 0)
		fault_give_up("no ballast: %s", strerror(errno));
	uint64_t room = (uint64_t)info.f_bavail * info.f_frsize;
	if (room > left && posix_fallocate(fd, 0, (off_t)(room - left)) != 0)
		fault_give_up("no ballast");
	close(fd);
}

static void
make_room(const char *dir)
{
	char path[FAULT_PATH_BYTES];

	fault_path(path, "%s/ballast", dir);
	(void)unlink(path);
}

static void
see_end(const struct net *net, const char *what, int code)
{
	if (code != 0 && code != 69 && code != 74 && code != 75)
		experiment_broken(net->experiment, "%s ended with %d on a full disk; see %s", what, code, net->said);
}

/* The lists of alerts lie elsewhere: what cannot be read is another matter. */
static void
publish(const struct net *net, struct ledger *ledger, const char *path, size_t which)
{
	uint32_t count = 1 + experiment_below(net->experiment, 20);
	FILE *file = fault_need(fopen(path, "we"));

	for (uint32_t i = 0; i < count; i++)
		ledger_write_alert(ledger, TEXT_BYTES, file);
	fclose(file);
	see_end(net, "`publish`",
		net_agent(net, net_publishers[which], ledger_on_answer, ledger, "publish", "--restart", "--wait",
			WAIT_SECONDS, path, NULL));
}

/* Full, with everybody at work; perhaps the broker ends or is killed meanwhile and has to start there. */
static bool
fill_once(struct net *net, const char *disk, const char *path, struct ledger *ledger, struct sight *seen)
{
	struct experiment *experiment = net->experiment;
	int code = 0;

	fill(disk, experiment_below(experiment, 3) == 0 ? 0 : experiment_below(experiment, 400000));
	for (size_t i = 0; i < PUBLISHERS; i++)
		publish(net, ledger, path, i);
	see_end(net, "`feed`", net_agent(net, NET_READER, sight_on_line, seen, "feed", "--until-end", NULL));
	uint32_t choice = experiment_below(experiment, 4);
	if (choice == 0)
		process_kill(&net->broker);
	else if (choice == 1)
		see_end(net, "the broker", process_stop(&net->broker, END_MS));
	if (choice <= 1) {
		net_launch_broker(net);
		if (!net_wait_broker(net, &code))
			see_end(net, "the broker", code);
		else
			publish(net, ledger, path, 0);
	}
	make_room(disk);
	experiment->done++;
	if (process_has_ended(&net->broker, &code))
		see_end(net, "the broker", code);
	return process_is_there(&net->broker) || net_start_broker(net);
}

static void
live(struct experiment *experiment, const char *disk, unsigned number)
{
	char dir[FAULT_PATH_BYTES], path[FAULT_PATH_BYTES];
	struct net net;
	struct ledger ledger;
	struct sight seen, kept, rest;

	fault_path(dir, "%s/net-%u", disk, number);
	net_init(&net, experiment, dir);
	fault_path(net.said, "%s/net-%u.said", experiment->dir, number);
	net.ready_dir = experiment->dir;
	fault_path(path, "%s/batch.jsonl", experiment->dir);
	ledger_init(&ledger, experiment);
	sight_init(&seen, &ledger, "the reader");
	bool is_up = net_start_broker(&net);
	for (unsigned i = 0; is_up && i < CYCLES_PER_NET && experiment_goes_on(experiment); i++) {
		publish(&net, &ledger, path, 0);
		is_up = fill_once(&net, disk, path, &ledger, &seen);
		for (size_t p = 0; is_up && p < PUBLISHERS; p++)
			net_empty_outbox(&net, net_publishers[p], &ledger);
	}
	if (is_up) {
		sight_init(&kept, &ledger, "the reader");
		sight_init(&rest, &ledger, "the reader");
		net_read_inbox(&net, NET_READER, &kept);
		net_feed_to_end(&net, NET_READER, &rest);
		sight_check_return(&seen, UINT64_MAX, &kept, &rest);
		sight_clear(&kept);
		sight_clear(&rest);
		net_check_all_there(&net, &ledger, UINT64_MAX, true);
		net_check_verifies(&net, NET_READER);
	}
	experiment->acknowledged += ledger_acknowledged(&ledger, UINT64_MAX);
	net_clear(&net);
	sight_clear(&seen);
	ledger_clear(&ledger);
}

void
experiment_disk_full(struct experiment *experiment)
{
	char disk[FAULT_PATH_BYTES];

	fault_path(disk, "%s/disk", experiment->dir);
	make_dir(disk);
	if (!mount_small_disk(disk)) {
		printf("%s: skipped: no file system can be mounted here: %s\n", experiment->name, strerror(errno));
		experiment->is_skipped = true;
		return;
	}
	for (unsigned n = 0; experiment_goes_on(experiment); n++)
		live(experiment, disk, n);
	umount2(disk, MNT_DETACH);
}
