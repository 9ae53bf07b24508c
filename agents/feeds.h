/* The verbs of `liaison feeds` that have a file of their own. */
#ifndef LIAISON_AGENTS_FEEDS_H
#define LIAISON_AGENTS_FEEDS_H

#include "agents/command.h"

command_run_fn feeds_parked;

#endif
