/*
 * A withdrawal against queued deliveries, an open session, a handshake that is through, a submission on its way. What
 * it stands for and what it leaves out: README.md, "revoke".
 *
 * One office, which reads two alerts and publishes one. What is adopted is one of three: the office or its key is
 * WITHDRAWN for good, it is SUSPENDED until a time, or it is NARROWED: it stays connected and may see nothing of this
 * any more.
 */
#define LOG 2

mtype = { NONE, WITHDRAWN, SUSPENDED, NARROWED };
mtype = { NEW_SESSION, READY, CLOSING };

/* --- the broker's memory ------------------------------------------------------------------------------------------ */

mtype adopted = NONE;       /* what the present view of trust says of the office: core->trust */
bool is_adopting;           /* inside of adopt_document: no other turn of the core */
mtype session = NONE;
bool is_told_end;           /* CLOSING, and its last words had a tick to leave */
bool is_attached, is_live;
byte next;
bool is_matched;            /* RELEASE_AT_MATCH: an alert that waits to be sent, without another look */
mtype judged = NONE;        /* the submission on its way through a worker: READY */
bool is_logged_alert;       /* ... and handed to the writer */

/* --- what outlives it --------------------------------------------------------------------------------------------- */

byte size;                  /* alerts that are durable, for this office */
byte cursor;
#define ABSENT 0
#define WITH_WRITER 1
#define DURABLE 2
byte on_record;             /* the document in the log */
bool is_in_folder;
mtype document = NONE;      /* what it says */
bool is_over;               /* the suspension has ended, by the clock */

/* --- the line, the office ----------------------------------------------------------------------------------------- */

bool is_connected;          /* ZAP let it in, and the descriptor is open */
chan deliveries = [LOG] of { byte };
chan acknowledges = [LOG] of { byte };
bool is_got[LOG];
bool is_submitted;

bool may_crash = true, is_told; /* the one who pushed it was told that it is adopted */
byte connects_left = 3;

/* --- what must hold ----------------------------------------------------------------------------------------------- */

#define is_held (adopted != NONE && !is_over)
#define may_stay (!(adopted == WITHDRAWN || (adopted == SUSPENDED && !is_over)))
#define may_have (!is_held)

/* Whatever is given to the socket goes through here: accept_send. */
inline send_delivery(i)
{
	if
#ifdef CLOSING_IS_SERVED
	:: true ->
#else
	:: session != CLOSING ->
#endif
		assert(!is_held); /* nothing-after-adoption */
		assert(!is_told || is_over); /* adopted-for-good */
		deliveries!i
#ifndef CLOSING_IS_SERVED
	:: else
#endif
	fi
}

/* accept_shut: the goodbye is all that still goes out */
inline shut_session()
{
	if
	:: session != NONE && session != CLOSING -> session = CLOSING; is_told_end = false
	:: else
	fi
}

inline end_session()
{
#ifdef CURSOR_OVER_SUSPENDED
	cursor = (is_attached && is_live && next < size -> size : cursor); /* what it was live over counts as had */
#endif
	session = NONE;
	is_told_end = false;
	is_attached = false; is_live = false;
	is_matched = false;
	next = 0
}

inline drop_line()
{
	is_connected = false;
	do :: acknowledges?_ :: empty(acknowledges) -> break od
}

/* --- the core's turns: accept.c, deliver.c, submit.c, adopt.c ----------------------------------------------------- */

active proctype core()
{
	byte i;

end:	do
	/* ZAP asks the present trust */
	:: atomic { !is_adopting && !is_connected && session == NONE && connects_left > 0 ->
		connects_left--;
		if
		:: may_stay -> is_connected = true
		:: else
		fi }
	/* the first message of a connection that was let in before: session_for */
	:: atomic { !is_adopting && is_connected && session == NONE ->
		session = NEW_SESSION;
		if
#ifndef FIRST_WORD_UNCHECKED
		:: !may_stay -> shut_session()
		:: may_stay -> session = READY
#else
		:: session = READY
#endif
		fi }
	:: atomic { !is_adopting && is_connected && session == READY && !is_attached ->
		is_attached = true;
		next = cursor;
		is_live = false }
	/* an alert becomes durable: deliver_alert */
	:: atomic { !is_adopting && size < LOG ->
		size++;
		if
		:: is_attached && is_live ->
			if
			:: may_have ->
#ifdef RELEASE_AT_MATCH
				is_matched = true
#else
				send_delivery(size - 1)
#endif
			:: else
			fi;
		:: else
		fi }
#ifdef RELEASE_AT_MATCH
	:: atomic { !is_adopting && is_matched -> is_matched = false; send_delivery(size - 1) }
#endif
	/* one record of the search: search_feed */
	:: atomic { !is_adopting && is_attached && session == READY && !is_live ->
		if
		:: next == size -> is_live = true
		:: next < size ->
			if
			:: may_have -> send_delivery(next)
			:: else
			fi;
			next++
		fi }
	:: atomic { !is_adopting && acknowledges?[i] ->
		acknowledges?i;
		if
		:: session == READY && is_attached && i > cursor && i <= (is_live -> size : next) -> cursor = i
		:: else
		fi;
		i = 0 }
	/* a submission: a worker judges it by the trust of this moment, and it comes back later */
	:: atomic { !is_adopting && session == READY && !is_submitted && may_have -> is_submitted = true; judged = READY }
	:: atomic { !is_adopting && judged == READY ->
		judged = NONE;
		if
#ifndef JUDGED_BEFORE_ONLY
		:: is_held -> skip /* refused */
		:: !is_held ->
#else
		:: true ->
#endif
			assert(!(on_record != ABSENT && document != NONE && !is_over)); /* no-alert-behind-it */
			is_logged_alert = true
		fi }
	:: atomic { !is_adopting && is_logged_alert -> /* durable: the receipt, answer_session and accept_send */
		is_logged_alert = false;
		if
#ifdef CLOSING_IS_SERVED
		:: session != NONE ->
			assert(adopted == NONE || adopted == NARROWED || is_over) /* nothing-after-adoption */
#else
		:: session == READY ->
			assert(adopted == NONE || adopted == NARROWED || is_over) /* nothing-after-adoption */
#endif
		:: else
		fi }
	/* a new roster or a suspension: put on record, used at once, saved to the folder, then its bringer is told */
	:: atomic { !is_adopting && adopted == NONE && !is_told -> /* at first, or again after it was lost in a crash */
		if
		:: document == NONE -> if :: document = WITHDRAWN :: document = SUSPENDED :: document = NARROWED fi
		:: else
		fi;
		adopted = document;
		on_record = WITH_WRITER;
		is_adopting = true;
#ifdef TOLD_FIRST
		is_told = true;
#endif
#ifndef SESSIONS_UNCHECKED
		if
		:: !may_stay -> shut_session()
		:: else
		fi
#endif
		}
	:: atomic { is_adopting ->
		is_adopting = false;
#ifdef FOLDER_NOT_WRITTEN
		skip; /* a warning, and on it goes */
#else
		is_in_folder = true;
#endif
		is_told = true }
	/* the tick: reap_session */
	:: atomic { !is_adopting && session == CLOSING ->
		if
		:: is_told_end -> drop_line(); end_session()
		:: else -> is_told_end = true
		fi }
	od
}

/* --- around it ---------------------------------------------------------------------------------------------------- */

active proctype world()
{
	byte i;

end:	do
	:: atomic { on_record == WITH_WRITER && adopted != NONE -> on_record = DURABLE } /* the writer */
	:: atomic { document == SUSPENDED && adopted == SUSPENDED && !is_adopting && !is_over ->
		is_over = true;
		connects_left = 2 }
	/* the office: takes what comes and acknowledges it */
	:: atomic { deliveries?[i] ->
		deliveries?i;
		is_got[i] = true;
		if
		:: is_connected && len(acknowledges) < LOG -> acknowledges!i + 1
		:: else
		fi;
		i = 0 }
	/* kill -9 of the broker at any moment; at start the log's records are adopted, then the folder's documents */
	:: atomic { may_crash ->
		may_crash = false;
		if :: on_record == WITH_WRITER -> on_record = DURABLE :: on_record == WITH_WRITER -> on_record = ABSENT
		:: on_record != WITH_WRITER fi; /* it was synced and not yet said so, or not */
		drop_line();
		end_session();
		is_adopting = false;
		judged = NONE; is_logged_alert = false;
		connects_left = 2;
		adopted = (on_record == DURABLE || is_in_folder -> document : NONE) }
	od
}

/* The session of an office that was withdrawn or suspended is shut. */
ltl session_is_shut { [] ((is_connected && !may_stay) -> <> (!is_connected || may_stay)) }
/* A suspension that is over has cost its office nothing. */
ltl suspended_gets_all { [] (is_over -> <> (is_got[0] && is_got[1])) }
