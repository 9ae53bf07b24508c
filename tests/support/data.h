/* Where the real inputs lie that tests read and the project does not copy. */
#ifndef LIAISON_TESTS_SUPPORT_DATA_H
#define LIAISON_TESTS_SUPPORT_DATA_H

#include <stdio.h>

/*
 * The path of a file or folder under $LIAISON_DATA, else under ../shared/data (tests run in the project's root); NULL
 * where it does not exist. Valid until the next call.
 */
const char *data_path(const char *relative);

/* Ends a cmocka test (which includes <cmocka.h>) as skipped, so that nobody takes it for passed. */
#define skip_aloud()                                                                                                   \
	do {                                                                                                           \
		printf("SKIPPED: %s: no data folder\n", __func__);                                                     \
		fflush(stdout);                                                                                        \
		skip();                                                                                                \
	} while (0)

#endif
