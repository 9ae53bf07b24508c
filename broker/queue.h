/*
 * A bounded queue of pointers between threads: the arrow between two steps of an alert's path. What is put in belongs to
 * whoever takes it out. A mutex and a condition instead of an inproc socket: the bound is exact, nothing is copied, and a
 * test drives it without a context. The taking side is either a thread that waits, or an event loop that watches a
 * descriptor.
 */
#ifndef LIAISON_BROKER_QUEUE_H
#define LIAISON_BROKER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue;

struct queue *queue_new(size_t capacity); /* NULL: no memory or descriptors */
void queue_free(struct queue *queue);     /* what is still inside is the caller's to drain first; takes NULL */

/* False when full: the caller still owns `item`. */
bool queue_put(struct queue *queue, void *item);

/* Waits for room. For threads that may wait, never for an event loop. False once the queue is closed. */
bool queue_put_wait(struct queue *queue, void *item);

/* Up to `max` items, in order; 0 when empty. Never waits. Call until 0 after queue_fd() fired. */
size_t queue_take(struct queue *queue, void **items, size_t max);

/* The same, but waits until there is at least one; 0 only when the queue is closed and empty. */
size_t queue_take_wait(struct queue *queue, void **items, size_t max);

/* No more puts; those who wait are woken. */
void queue_close(struct queue *queue);

size_t queue_length(struct queue *queue);

/* Readable (level-triggered eventfd) while something may be inside; queue_take clears it. */
int queue_fd(const struct queue *queue);

#endif
