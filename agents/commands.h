/* Every command of `liaison`: one file each, named after it. They return the program's exit code. */
#ifndef LIAISON_AGENTS_COMMANDS_H
#define LIAISON_AGENTS_COMMANDS_H

#include "agents/command.h"

command_run_fn command_explain;
command_run_fn command_feed;
command_run_fn command_feeds;
command_run_fn command_inbox;
command_run_fn command_show;
command_run_fn command_home;
command_run_fn command_keys;
command_run_fn command_keys_rotate;
command_run_fn command_publish;

#endif
