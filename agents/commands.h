/* Every command of `liaison`: one file each, named after it. They return the program's exit code. */
#ifndef LIAISON_AGENTS_COMMANDS_H
#define LIAISON_AGENTS_COMMANDS_H

#include "agents/command.h"

command_run_fn command_convert;
command_run_fn command_doctor;
command_run_fn command_explain;
command_run_fn command_feed;
command_run_fn command_feeds;
command_run_fn command_inbox;
command_run_fn command_show;
command_run_fn command_verify;
command_run_fn command_home;
command_run_fn command_keys;
command_run_fn command_keys_rotate;
command_run_fn command_sandbox;
command_run_fn command_charter;
command_run_fn command_roster;
command_run_fn command_roster_new;
command_run_fn command_roster_set;
command_run_fn command_roster_suspend;
command_run_fn command_roster_resume;
command_run_fn command_roster_remove;
command_run_fn command_roster_sign;
command_run_fn command_roster_push;
command_run_fn command_trust;
command_run_fn command_offices;
command_run_fn command_publish;
command_run_fn command_outbox;
command_run_fn command_update;
command_run_fn command_cancel;

#endif
