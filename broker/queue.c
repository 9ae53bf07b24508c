#include "broker/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	void **ring;
	size_t capacity, head, length;
	bool closed;
	int fd;
};

struct queue *
queue_new(size_t capacity, bool is_watched)
{
	struct queue *queue = calloc(1, sizeof *queue);

	assert(capacity > 0);
	if (queue == NULL)
		return NULL;
	queue->ring = calloc(capacity, sizeof *queue->ring);
	queue->fd = is_watched ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
	if (queue->ring == NULL || (is_watched && queue->fd < 0)) {
		if (queue->fd >= 0)
			close(queue->fd);
		free(queue->ring);
		free(queue);
		return NULL;
	}
	queue->capacity = capacity;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->filled, NULL);
	return queue;
}

void
queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	if (queue->fd >= 0)
		close(queue->fd);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
	free(queue->ring);
	free(queue);
}

/* With the lock held and room there. True: an event loop is to be told, without the lock. */
static bool
push(struct queue *queue, void *const *items, size_t count)
{
	bool was_empty = queue->length == 0;

	for (size_t i = 0; i < count; i++)
		queue->ring[(queue->head + queue->length++) % queue->capacity] = items[i];
	if (count == 1)
		pthread_cond_signal(&queue->filled);
	else if (count > 1)
		pthread_cond_broadcast(&queue->filled);
	return was_empty && count > 0 && queue->fd >= 0;
}

static void
tell_loop(struct queue *queue)
{
	uint64_t one = 1;
	ssize_t written = write(queue->fd, &one, sizeof one);

	(void)written; /* an eventfd that is full is readable, which is all that is wanted */
}

size_t
queue_put_many(struct queue *queue, void *const *items, size_t count)
{
	pthread_mutex_lock(&queue->lock);
	size_t room = queue->closed ? 0 : queue->capacity - queue->length;
	if (count > room)
		count = room;
	bool is_news = push(queue, items, count);
	pthread_mutex_unlock(&queue->lock);
	if (is_news)
		tell_loop(queue);
	return count;
}

bool
queue_put(struct queue *queue, void *item)
{
	return queue_put_many(queue, &item, 1) == 1;
}

/* With the lock held. */
static size_t
pull(struct queue *queue, void **items, size_t max)
{
	size_t count = queue->length < max ? queue->length : max;

	for (size_t i = 0; i < count; i++)
		items[i] = queue->ring[(queue->head + i) % queue->capacity];
	queue->head = (queue->head + count) % queue->capacity;
	queue->length -= count;
	if (queue->length == 0 && queue->fd >= 0) {
		uint64_t drop;
		ssize_t got = read(queue->fd, &drop, sizeof drop);
		(void)got;
	}
	return count;
}

size_t
queue_take(struct queue *queue, void **items, size_t max)
{
	pthread_mutex_lock(&queue->lock);
	size_t count = pull(queue, items, max);
	pthread_mutex_unlock(&queue->lock);
	return count;
}

size_t
queue_take_share(struct queue *queue, void **items, size_t max, size_t takers)
{
	pthread_mutex_lock(&queue->lock);
	while (!queue->closed && queue->length == 0)
		pthread_cond_wait(&queue->filled, &queue->lock);
	size_t share = (queue->length + takers - 1) / takers;
	size_t count = pull(queue, items, share < max ? share : max);
	if (queue->length > 0)
		pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
	return count;
}

size_t
queue_take_wait(struct queue *queue, void **items, size_t max)
{
	return queue_take_share(queue, items, max, 1);
}

size_t
queue_gather(struct queue *queue, size_t enough, int64_t gap_us, int64_t most_us)
{
	struct timespec pause = {.tv_nsec = gap_us * 1000};
	size_t before = 0, length = queue_length(queue);
	bool grows = true;

	/* Asleep between looks, not woken by each put: that is what gathering saves. */
	for (int64_t waited_us = 0; grows && length < enough && waited_us < most_us; waited_us += gap_us) {
		nanosleep(&pause, NULL);
		before = length;
		length = queue_length(queue);
		grows = length > before;
	}
	return length;
}

void
queue_close(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_broadcast(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
}

size_t
queue_length(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	size_t length = queue->length;
	pthread_mutex_unlock(&queue->lock);
	return length;
}

int
queue_fd(const struct queue *queue)
{
	return queue->fd;
}
