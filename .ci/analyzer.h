/* Included before each file that clang-tidy reads: what its analyzer cannot see, since it looks at one file at a time. */
#include "proto/base/err.h"

/* They return the code that they are given. */
#define fault_set(fault, code, ...) ((void)(fault_set)(fault, code, __VA_ARGS__), (code))
#define fault_errno(fault, code, ...) ((void)(fault_errno)(fault, code, __VA_ARGS__), (code))
