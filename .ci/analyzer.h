/* Included before each file that clang-tidy reads: what its analyzer cannot see, since it looks at one file at a time. */
#include "proto/base/err.h"

#include <argp.h>

/* Without ARGP_NO_EXIT, which nobody uses here. */
void argp_error(const struct argp_state *state, const char *format, ...) __attribute__((noreturn));
void argp_failure(const struct argp_state *state, int status, int error, const char *format, ...)
	__attribute__((noreturn));

/* They return the code that they are given. */
#define fault_set(fault, code, ...) ((void)(fault_set)(fault, code, __VA_ARGS__), (code))
#define fault_errno(fault, code, ...) ((void)(fault_errno)(fault, code, __VA_ARGS__), (code))
