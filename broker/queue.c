#include "broker/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, drained;
	void **ring;
	size_t capacity, head, length;
	bool closed;
	int fd;
};

struct queue *
queue_new(size_t capacity)
{
	struct queue *queue = calloc(1, sizeof *queue);

	assert(capacity > 0);
	if (queue == NULL)
		return NULL;
	queue->ring = calloc(capacity, sizeof *queue->ring);
	queue->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (queue->ring == NULL || queue->fd < 0) {
		if (queue->fd >= 0)
			close(queue->fd);
		free(queue->ring);
		free(queue);
		return NULL;
	}
	queue->capacity = capacity;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->filled, NULL);
	pthread_cond_init(&queue->drained, NULL);
	return queue;
}

void
queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	close(queue->fd);
	pthread_cond_destroy(&queue->filled);
	pthread_cond_destroy(&queue->drained);
	pthread_mutex_destroy(&queue->lock);
	free(queue->ring);
	free(queue);
}

/* With the lock held and room there. */
static void
push(struct queue *queue, void *item)
{
	queue->ring[(queue->head + queue->length) % queue->capacity] = item;
	pthread_cond_signal(&queue->filled);
	if (queue->length++ == 0) {
		uint64_t one = 1;
		ssize_t written = write(queue->fd, &one, sizeof one);
		(void)written; /* an eventfd that is full is readable, which is all that is wanted */
	}
}

bool
queue_put(struct queue *queue, void *item)
{
	pthread_mutex_lock(&queue->lock);
	bool fits = !queue->closed && queue->length < queue->capacity;
	if (fits)
		push(queue, item);
	pthread_mutex_unlock(&queue->lock);
	return fits;
}

bool
queue_put_wait(struct queue *queue, void *item)
{
	pthread_mutex_lock(&queue->lock);
	while (!queue->closed && queue->length == queue->capacity)
		pthread_cond_wait(&queue->drained, &queue->lock);
	bool open = !queue->closed;
	if (open)
		push(queue, item);
	pthread_mutex_unlock(&queue->lock);
	return open;
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
	if (queue->length == 0) {
		uint64_t drop;
		ssize_t got = read(queue->fd, &drop, sizeof drop);
		(void)got;
	}
	if (count > 0)
		pthread_cond_broadcast(&queue->drained);
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
queue_take_wait(struct queue *queue, void **items, size_t max)
{
	pthread_mutex_lock(&queue->lock);
	while (!queue->closed && queue->length == 0)
		pthread_cond_wait(&queue->filled, &queue->lock);
	size_t count = pull(queue, items, max);
	if (queue->length > 0)
		pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
	return count;
}

void
queue_close(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_broadcast(&queue->filled);
	pthread_cond_broadcast(&queue->drained);
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
