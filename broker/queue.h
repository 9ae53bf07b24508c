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
#include <stdint.h>

struct queue;

/* `is_watched`: an event loop takes, by queue_fd(); others need no descriptor. NULL: no memory or descriptors. */
struct queue *queue_new(size_t capacity, bool is_watched);
void queue_free(struct queue *queue); /* what is still inside is the caller's to drain first; takes NULL */

/* False when full: the caller still owns `item`. */
bool queue_put(struct queue *queue, void *item);

/* As many of them, in order, as there is room for; the rest is still the caller's. One wake-up for all. */
size_t queue_put_many(struct queue *queue, void *const *items, size_t count);

/* Up to `max` items, in order; 0 when empty. Never waits. Call until 0 after queue_fd() fired. */
size_t queue_take(struct queue *queue, void **items, size_t max);

/* The same, but waits until there is at least one; 0 only when the queue is closed and empty. */
size_t queue_take_wait(struct queue *queue, void **items, size_t max);

/* The same for one of `takers` threads: not more than its share of what is there, and at least one. */
size_t queue_take_share(struct queue *queue, void **items, size_t max, size_t takers);

/*
 * Waits while more come: until `gap_us` (below a second) have passed with nothing new, `enough` are there, or `most_us` have
 * passed. Returns how many are there; takes none.
 */
size_t queue_gather(struct queue *queue, size_t enough, int64_t gap_us, int64_t most_us);

/* No more puts; those who wait are woken. */
void queue_close(struct queue *queue);

size_t queue_length(struct queue *queue);

/* Of a watched one: readable (level-triggered eventfd) when something may be inside; queue_take clears it. */
int queue_fd(const struct queue *queue);

#endif
