#include "broker/queue.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ITEMS 100000

static bool
is_readable(const struct queue *queue)
{
	struct pollfd item = {.fd = queue_fd(queue), .events = POLLIN};
	return poll(&item, 1, 0) == 1;
}

static void
it_is_bounded_and_in_order(void **state)
{
	struct queue *queue = queue_new(3, true);
	void *items[4];
	(void)state;

	assert_false(is_readable(queue));
	for (uintptr_t i = 1; i <= 3; i++)
		assert_true(queue_put(queue, (void *)i));
	assert_false(queue_put(queue, (void *)4));
	assert_true(is_readable(queue));
	assert_int_equal(queue_take(queue, items, 2), 2);
	assert_ptr_equal(items[0], (void *)1);
	assert_true(is_readable(queue)); /* one is left */
	assert_true(queue_put(queue, (void *)5));
	assert_int_equal(queue_take(queue, items, 4), 2);
	assert_ptr_equal(items[0], (void *)3);
	assert_ptr_equal(items[1], (void *)5);
	assert_false(is_readable(queue));
	assert_int_equal(queue_take(queue, items, 4), 0);
	queue_free(queue);
}

static void
many_are_put_at_once_as_far_as_there_is_room(void **state)
{
	struct queue *queue = queue_new(3, true);
	void *put[] = {(void *)1, (void *)2, (void *)3, (void *)4}, *items[4];
	(void)state;

	assert_int_equal(queue_put_many(queue, put, 0), 0);
	assert_false(is_readable(queue));
	assert_int_equal(queue_put_many(queue, put, 2), 2);
	assert_int_equal(queue_put_many(queue, put + 2, 2), 1);
	assert_true(is_readable(queue));
	assert_int_equal(queue_take(queue, items, 4), 3);
	assert_ptr_equal(items[2], (void *)3);
	queue_close(queue);
	assert_int_equal(queue_put_many(queue, put, 2), 0);
	queue_free(queue);
}

static void
each_of_several_takers_leaves_the_others_their_share(void **state)
{
	struct queue *queue = queue_new(16, false);
	void *items[16];
	(void)state;

	for (uintptr_t i = 1; i <= 9; i++)
		assert_true(queue_put(queue, (void *)i));
	assert_int_equal(queue_take_share(queue, items, 16, 2), 5);
	assert_int_equal(queue_take_share(queue, items, 16, 2), 2);
	assert_int_equal(queue_take_share(queue, items, 1, 1), 1);
	assert_int_equal(queue_take_share(queue, items, 16, 4), 1);
	queue_close(queue);
	assert_int_equal(queue_take_share(queue, items, 16, 2), 0);
	queue_free(queue);
}

static void
gathering_ends_when_nothing_comes_or_enough_is_there(void **state)
{
	struct queue *queue = queue_new(16, false);
	(void)state;

	assert_int_equal(queue_gather(queue, 4, 100, 1000000), 0);
	for (uintptr_t i = 1; i <= 3; i++)
		assert_true(queue_put(queue, (void *)i));
	/* Nobody puts: it does not wait out its second. */
	assert_int_equal(queue_gather(queue, 4, 100, 1000000), 3);
	assert_int_equal(queue_gather(queue, 2, 900000, 10000000), 3);
	queue_free(queue);
}

static void *
produce(void *arg)
{
	for (uintptr_t i = 1; i <= ITEMS; i++)
		if (!queue_put(arg, (void *)i))
			return NULL;
	return arg;
}

static void
what_several_threads_put_is_taken_once(void **state)
{
	struct queue *queue = queue_new(3 * ITEMS, false);
	pthread_t threads[3];
	void *items[7], *result;
	uint64_t sum = 0;
	size_t got = 0;
	(void)state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, produce, queue), 0);
	while (got < 3 * ITEMS) {
		size_t count = queue_take_wait(queue, items, 7);
		for (size_t i = 0; i < count; i++)
			sum += (uintptr_t)items[i];
		got += count;
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		assert_ptr_equal(result, queue);
	}
	assert_int_equal(sum, UINT64_C(3) * ITEMS * (ITEMS + 1) / 2);
	assert_int_equal(queue_length(queue), 0);
	queue_free(queue);
}

static void *
consume(void *arg)
{
	void *item;

	return queue_take_wait(arg, &item, 1) == 0 ? arg : NULL;
}

static void
closing_wakes_those_who_wait_and_loses_nothing(void **state)
{
	struct queue *queue = queue_new(2, false), *empty = queue_new(2, false);
	pthread_t thread;
	void *items[2], *result;
	(void)state;

	assert_int_equal(pthread_create(&thread, NULL, consume, empty), 0);
	queue_close(empty);
	pthread_join(thread, &result);
	assert_ptr_equal(result, empty); /* it was told */
	queue_free(empty);
	assert_true(queue_put(queue, (void *)1) && queue_put(queue, (void *)2));
	queue_close(queue);
	assert_false(queue_put(queue, (void *)9));
	assert_int_equal(queue_take_wait(queue, items, 2), 2); /* what was in is still there */
	assert_int_equal(queue_take_wait(queue, items, 2), 0);
	queue_free(queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_bounded_and_in_order),
		cmocka_unit_test(many_are_put_at_once_as_far_as_there_is_room),
		cmocka_unit_test(each_of_several_takers_leaves_the_others_their_share),
		cmocka_unit_test(gathering_ends_when_nothing_comes_or_enough_is_there),
		cmocka_unit_test(what_several_threads_put_is_taken_once),
		cmocka_unit_test(closing_wakes_those_who_wait_and_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
