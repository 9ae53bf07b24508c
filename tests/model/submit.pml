/*
 * Submit, group commit, receipt, crash, retry. What it stands for and what it leaves out: README.md, "submit".
 *
 * One id has two bodies: record 1 is id 0 with its first body, record 2 is id 0 with another, record 3 is id 1. An
 * honest office has 1 and 3 in its outbox. With a TWIN (a thief of its key, a second copy of its home) that has 2, it
 * has only 1.
 */
#define IDS 2
#define OFFICES 2
#define RECORDS 4 /* 1 to 3 */
#ifndef SLOTS
#define SLOTS 3 /* places of groups in the segment */
#endif
#define CRASHES 2
#ifdef TWIN
#define HAS_TWIN true
#else
#define HAS_TWIN false
#endif
#define LINE_LOSSES 1
#define SYNC_FAILURES 1
#define ROOM_FAILURES 1

#define ID_OF(record) ((record) == 3 -> 1 : 0)
#define OFFICE_OF(record) ((record) == 2 -> 1 : 0)

/* --- the disk: what the page cache shows, and what the medium holds ----------------------------------------------- */

#define ZEROS 0
#define TORN 1
#define WHOLE 2
byte cached_records[SLOTS], stored_records[SLOTS];   /* ZEROS, TORN or WHOLE */
byte cached_trailer[SLOTS], stored_trailer[SLOTS];   /* bit 0 and bit 1: copy 0 and copy 1 are whole */
byte first_of[SLOTS], second_of[SLOTS];              /* the records of the group; 0: none */
bool is_clean_but_lost; /* a sync failed: the kernel takes pages for clean that never came to the medium */

/* --- the broker's memory ------------------------------------------------------------------------------------------ */

mtype = { DOWN, CUTTING, RUNNING, TAKEN, REFUSED_FOR_NOW, REFUSED };
mtype mode = DOWN;
bool is_read_only;
byte known[IDS], known_index[IDS]; /* the index: which record, where */
byte pending[IDS];                 /* handed to the writer and not yet back */
bool is_waited_for[RECORDS];       /* somebody who is still connected waits for its fate */
byte next_index, next_slot;
chan to_writer = [3] of { byte };
chan from_writer = [4] of { byte, mtype, byte }; /* record, TAKEN or REFUSED_FOR_NOW, index */

/* the writer thread: a group that waits for its trailer, one that is being put together */
byte step, appended_first, appended_second, appended_slot, appended_count, appended_index;
byte fresh_first, fresh_second, fresh_slot, fresh_count, fresh_index;

/* --- the line, and the offices ------------------------------------------------------------------------------------ */

chan submits = [3] of { byte };
chan answers[OFFICES] = [3] of { byte, mtype };
#define QUEUED 0
#define ACCEPTED 1
#define REFUSED_FOR_GOOD 2
byte outbox[RECORDS];  /* on the office's disk */
bool is_sent[RECORDS]; /* on this connection */

byte crashes_left = CRASHES, losses_left = LINE_LOSSES, sync_failures_left = SYNC_FAILURES;
byte room_failures_left = ROOM_FAILURES;

/* --- what was promised -------------------------------------------------------------------------------------------- */

byte told[IDS], told_index[IDS]; /* a receipt left, and readers got it: this record, this place */
byte scratch; /* hidden work of d_steps; always 0 outside */

inline promise(record, index)
{
	/* one id, one body, one place; the same receipt again for the same body */
	assert(told[ID_OF(record)] == 0 || told[ID_OF(record)] == record); /* equivocation-refused */
	assert(told[ID_OF(record)] == 0 || told_index[ID_OF(record)] == index); /* same-receipt-again */
	told[ID_OF(record)] = record;
	told_index[ID_OF(record)] = index
}

inline answer(record, verdict)
{
	if
	:: is_waited_for[record] ->
		is_waited_for[record] = false;
		answers[OFFICE_OF(record)]!record, verdict
	:: else
	fi
}

/* --- the core: submit.c ------------------------------------------------------------------------------------------- */

inline hand_to_writer(record)
{
	pending[ID_OF(record)] = record;
	is_waited_for[record] = true;
	to_writer!record
}

inline decide(record)
{
	is_waited_for[record] = true;
	if
#ifdef BODY_UNSEEN
	:: pending[ID_OF(record)] == 0 && known[ID_OF(record)] != 0 && known[ID_OF(record)] != record ->
		promise(record, known_index[ID_OF(record)]);
		answer(record, TAKEN)
#endif
#ifndef ONLY_INDEX
	:: pending[ID_OF(record)] == record ->
#ifdef RECEIPT_WHILE_PENDING
		promise(record, next_index);
		answer(record, TAKEN)
#else
		skip /* waits for the same record */
#endif
	:: pending[ID_OF(record)] != 0 && pending[ID_OF(record)] != record ->
		answer(record, REFUSED)
	:: pending[ID_OF(record)] == 0 && known[ID_OF(record)] == record ->
#else
	:: known[ID_OF(record)] == record ->
#endif
		promise(record, known_index[ID_OF(record)]);
		answer(record, TAKEN)
#ifndef BODY_UNSEEN
#ifndef ONLY_INDEX
	:: pending[ID_OF(record)] == 0 && known[ID_OF(record)] != 0 && known[ID_OF(record)] != record ->
#else
	:: known[ID_OF(record)] != 0 && known[ID_OF(record)] != record ->
#endif
		answer(record, REFUSED)
#endif
#ifndef ONLY_INDEX
	:: pending[ID_OF(record)] == 0 && known[ID_OF(record)] == 0 ->
#else
	:: known[ID_OF(record)] == 0 ->
#endif
		if
		:: is_read_only -> answer(record, REFUSED_FOR_NOW)
		:: else -> hand_to_writer(record)
		fi
	fi
}

active proctype core()
{
	byte record, index;
	mtype verdict;

end:	do
	:: atomic { mode == RUNNING && submits?[record] ->
		submits?record;
		decide(record);
		record = 0 }
	:: atomic { mode == RUNNING && from_writer?[record, verdict, index] ->
		from_writer?record, verdict, index;
		if
		:: verdict == TAKEN ->
			assert(known[ID_OF(record)] == 0); /* none-logged-twice */
			known[ID_OF(record)] = record;
			known_index[ID_OF(record)] = index;
			promise(record, index) /* receipts and deliveries */
		:: else
		fi;
		pending[ID_OF(record)] = 0;
		answer(record, verdict);
		record = 0; index = 0; verdict = DOWN }
	od
}

/* --- the writer thread: log_writer.c, log.c ----------------------------------------------------------------------- */

inline clear_fresh() { fresh_first = 0; fresh_second = 0; fresh_count = 0; fresh_slot = 0; fresh_index = 0 }
inline clear_appended()
{
	appended_first = 0; appended_second = 0;
	appended_count = 0; appended_slot = 0; appended_index = 0
}


inline hand_back(first, second, count, index, verdict)
{
	if
	:: count > 0 -> from_writer!first, verdict, index
	:: else
	fi;
	if
	:: count > 1 -> from_writer!second, verdict, index + 1
	:: else
	fi
}

/* What a failed sync, or a power cut, leaves of one block that was written and not synced. */
inline lose_some(slot)
{
	if
	:: cached_records[slot] != stored_records[slot] ->
		if
		:: stored_records[slot] = cached_records[slot]
		:: stored_records[slot] = TORN
		:: true /* lost */
		fi
	:: else
	fi;
	if
	:: (cached_trailer[slot] ^ stored_trailer[slot]) & 1 ->
		if
		:: stored_trailer[slot] = stored_trailer[slot] ^ 1
		:: true
		fi
	:: else
	fi;
	if
	:: (cached_trailer[slot] ^ stored_trailer[slot]) & 2 ->
		if
		:: stored_trailer[slot] = stored_trailer[slot] ^ 2
		:: true
		fi
	:: else
	fi
}

inline sync_all()
{
	scratch = 0;
	do
	:: scratch < SLOTS ->
		stored_records[scratch] = cached_records[scratch];
		stored_trailer[scratch] = cached_trailer[scratch];
		scratch++
	:: else -> break
	od;
	scratch = 0
}

inline forget_cached()
{
	scratch = 0;
	do
	:: scratch < SLOTS ->
		cached_records[scratch] = stored_records[scratch];
		cached_trailer[scratch] = stored_trailer[scratch];
		scratch++
	:: else -> break
	od;
	scratch = 0
}

inline succeed()
{
#if defined(RECEIPT_BEFORE_SYNC)
	skip; /* told already */
#elif defined(RECEIPT_BEFORE_TRAILER)
	hand_back(fresh_first, fresh_second, fresh_count, fresh_index, TAKEN);
#elif defined(TRAILER_WITH_RECORDS)
	hand_back(fresh_first, fresh_second, fresh_count, fresh_index, TAKEN);
#else
	hand_back(appended_first, appended_second, appended_count, appended_index, TAKEN);
#endif
	clear_appended();
#ifndef TRAILER_WITH_RECORDS
	appended_first = fresh_first;
	appended_second = fresh_second;
	appended_count = fresh_count;
	appended_slot = fresh_slot;
	appended_index = fresh_index;
#endif
	clear_fresh();
	step = 0
}

inline fail()
{
	is_read_only = true;
	hand_back(appended_first, appended_second, appended_count, appended_index, REFUSED_FOR_NOW);
	hand_back(fresh_first, fresh_second, fresh_count, fresh_index, REFUSED_FOR_NOW);
	clear_appended();
	clear_fresh();
	step = 0
}

#define WRITE 1
#define SYNC 2

active proctype writer()
{
	byte record;

end:	do
	/* a group: one record or two, as many as are there; the trailer of the one before goes first */
	:: atomic { mode == RUNNING && step == 0 && nempty(to_writer) ->
		to_writer?record;
		fresh_first = record;
		fresh_count = 1;
		if
		:: nempty(to_writer) -> to_writer?record; fresh_second = record; fresh_count = 2
		:: true
		fi;
		record = 0;
		if
		:: is_read_only || room_failures_left > 0 -> /* nothing more is written; or no room for its segment */
			room_failures_left = (is_read_only -> room_failures_left : 0);
			hand_back(fresh_first, fresh_second, fresh_count, 0, REFUSED_FOR_NOW);
			clear_fresh()
		:: !is_read_only ->
			assert(next_slot < SLOTS); /* the model is large enough */
			fresh_slot = next_slot;
			fresh_index = next_index;
			next_slot++;
			next_index = next_index + fresh_count;
			step = WRITE
		fi }
	/* nothing to share the sync with */
	:: atomic { mode == RUNNING && step == 0 && empty(to_writer) && appended_count > 0 -> step = WRITE }
	/* in one write; how much of it is there after a crash says lose_some */
	:: atomic { mode == RUNNING && step == WRITE ->
		if
		:: appended_count > 0 -> cached_trailer[appended_slot] = 3
		:: else
		fi;
		if
		:: fresh_count > 0 ->
			cached_records[fresh_slot] = WHOLE;
			first_of[fresh_slot] = fresh_first;
			second_of[fresh_slot] = fresh_second;
#ifdef TRAILER_WITH_RECORDS
			cached_trailer[fresh_slot] = 3;
#endif
#ifdef RECEIPT_BEFORE_SYNC
			hand_back(fresh_first, fresh_second, fresh_count, fresh_index, TAKEN);
#endif
		:: else
		fi;
		step = SYNC }
	:: atomic { mode == RUNNING && step == SYNC ->
		sync_all();
		succeed() }
	:: atomic { mode == RUNNING && step == SYNC && sync_failures_left > 0 ->
		sync_failures_left--;
		is_clean_but_lost = true;
		scratch = 0;
		do
		:: scratch < SLOTS -> lose_some(scratch); scratch++
		:: else -> break
		od;
		scratch = 0;
#ifdef SYNC_AGAIN
		succeed() } /* the second try says that all is well */
#else
		fail() }
#endif
	od
}

/* --- crash and start: log_open.c, log_walk.c, segment_walk.c, open.c ---------------------------------------------- */

inline lose_memory()
{
	d_step {
		is_read_only = false;
		known[0] = 0; known[1] = 0; known_index[0] = 0; known_index[1] = 0;
		pending[0] = 0; pending[1] = 0;
		is_waited_for[1] = false; is_waited_for[2] = false; is_waited_for[3] = false;
		is_sent[1] = false; is_sent[2] = false; is_sent[3] = false;
		next_index = 0; next_slot = 0; step = 0;
		clear_appended();
		clear_fresh();
		do :: to_writer?_ :: empty(to_writer) -> break od;
		do :: from_writer?_,_,_ :: empty(from_writer) -> break od;
		do :: submits?_ :: empty(submits) -> break od;
		do :: answers[0]?_,_ :: empty(answers[0]) -> break od;
		do :: answers[1]?_,_ :: empty(answers[1]) -> break od;
		mode = DOWN
	}
}

active proctype machine()
{
	byte slot;
	bool has_gap;

end:	do
	/* kill -9: what was written stays in the page cache */
	:: atomic { mode != DOWN && crashes_left > 0 ->
		crashes_left--;
		lose_memory() }
	/* power cut: of what was not synced anything may be there, torn, or not */
	:: atomic { mode != DOWN && crashes_left > 0 ->
		crashes_left--;
		slot = 0;
		do
		:: slot < SLOTS -> lose_some(slot); slot++
		:: else -> break
		od;
		slot = 0;
		forget_cached();
		is_clean_but_lost = false;
		lose_memory() }
	/* the operator starts a read-only broker again when its disk is well */
	:: atomic { mode == RUNNING && is_read_only -> lose_memory() }
	:: atomic { mode == DOWN ->
		/* what will be read is what the medium holds */
#ifndef WITHOUT_SETTLING
		if
		:: is_clean_but_lost -> forget_cached(); is_clean_but_lost = false
		:: else -> sync_all()
		fi;
#endif
		slot = 0;
		do
		:: slot < SLOTS && cached_trailer[slot] != 0 ->
			assert(cached_records[slot] == WHOLE); /* no-crash-state-is-damage */
			cached_trailer[slot] = 3; /* the other copy is made whole */
			slot++
		:: else -> break
		od;
#ifdef CUT_LAST
		if
		:: slot > 0 -> slot--; cached_trailer[slot] = 0
		:: else
		fi;
#endif
		next_slot = slot;
		do
		:: slot < SLOTS ->
			assert(cached_trailer[slot] == 0); /* no-crash-state-is-damage */
			cached_records[slot] = ZEROS;
			slot++
		:: else -> break
		od;
		slot = 0;
		mode = CUTTING }
	:: atomic { mode == CUTTING ->
#ifndef WITHOUT_SETTLING
		sync_all();
#endif
		/* the index, from the log */
		do
		:: slot < next_slot ->
			if
			:: first_of[slot] != 0 ->
				assert(known[ID_OF(first_of[slot])] == 0); /* none-logged-twice */
				known[ID_OF(first_of[slot])] = first_of[slot];
				known_index[ID_OF(first_of[slot])] = next_index;
				next_index++
			:: else
			fi;
			if
			:: second_of[slot] != 0 ->
				assert(known[ID_OF(second_of[slot])] == 0); /* none-logged-twice */
				known[ID_OF(second_of[slot])] = second_of[slot];
				known_index[ID_OF(second_of[slot])] = next_index;
				next_index++
			:: else
			fi;
			slot++
		:: else -> break
		od;
		do
		:: slot < SLOTS -> first_of[slot] = 0; second_of[slot] = 0; slot++
		:: else -> break
		od;
		slot = 0;
		assert(told[0] == 0 || (known[0] == told[0] && known_index[0] == told_index[0])); /* none-acknowledged-lost */
		assert(told[1] == 0 || (known[1] == told[1] && known_index[1] == told_index[1])); /* none-acknowledged-lost */
#ifdef WITHOUT_INDEX
		known[0] = 0; known[1] = 0; known_index[0] = 0; known_index[1] = 0;
#endif
		mode = RUNNING }
	od
}

/* --- the offices: dispatch.c, dispatch_send.c, outbox.c ----------------------------------------------------------- */

inline accept(record)
{
	assert(told[ID_OF(record)] == record); /* accepted-is-promised */
	outbox[record] = ACCEPTED
}

proctype office(byte number)
{
	byte record;
	mtype verdict;

end:	do
	:: atomic { mode == RUNNING && number == 0 && outbox[1] == QUEUED && !is_sent[1] && !is_read_only ->
		is_sent[1] = true; submits!1
#ifdef SENT_IS_ACCEPTED
		; accept(1)
#endif
		}
	:: atomic { mode == RUNNING && number == 0 && outbox[3] == QUEUED && !HAS_TWIN && !is_sent[3] && !is_read_only ->
		is_sent[3] = true; submits!3 }
	:: atomic { mode == RUNNING && number == 1 && outbox[2] == QUEUED && !is_sent[2] && !is_read_only ->
		is_sent[2] = true; submits!2 }
	/* one transaction; what was not committed is sent again on the next connection */
	:: atomic { answers[number]?[record, verdict] ->
		answers[number]?record, verdict;
		if
		:: verdict == TAKEN ->
			accept(record)
		:: verdict == REFUSED -> outbox[record] = REFUSED_FOR_GOOD
		:: verdict == REFUSED_FOR_NOW -> is_sent[record] = false
		fi;
		record = 0; verdict = DOWN }
	/* the line is lost, or the agent is killed before it commits: what is on its way is gone */
	:: atomic { number == 0 && mode == RUNNING && losses_left > 0 && (is_sent[1] || is_sent[3]) ->
		losses_left--;
		is_sent[1] = false; is_sent[3] = false;
		is_waited_for[1] = false; is_waited_for[3] = false;
		do :: answers[0]?_,_ :: empty(answers[0]) -> break od }
	od
}

init
{
#ifdef TWIN
	atomic { run office(0); run office(1) }
#else
	run office(0)
#endif
}

#define is_settled(record) (outbox[record] != QUEUED)
#define is_accepted(record) (outbox[record] == ACCEPTED)

/* Every alert is settled in the end, and accepted if nobody else claims its id. */
#ifdef TWIN
ltl all_settled { <>[] (is_settled(1) && is_settled(2)) }
#else
ltl all_settled { <>[] (is_accepted(1) && is_accepted(3)) }
#endif
