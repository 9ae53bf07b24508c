/*
 * Two lanes, credit, delivery, acknowledge, reconnect, cursors, a changed filter. What it stands for and what it leaves
 * out: README.md, "feed".
 *
 * A record of the log stands in one lane and is let through by the feed either always or only after the change: the new
 * filter, the raised clearance. One feed, one reader.
 */
#define LOG 3
#define BACKLOG 2 /* of them there when the reader comes */
#define LANES 2
#define URGENT 0
#define ORDINARY 1
#define WINDOW 2  /* messages that the reader grants */
#ifndef LOSSES
#define LOSSES 2   /* of the line, the reader, the broker */
#endif
#ifndef TICKS
#define TICKS 1
#endif
#ifndef STALLS
#define STALLS 0 /* how often the line has no room */
#endif
#define RESERVE 1 /* of them, what the ordinary lane leaves */

/* --- the log ------------------------------------------------------------------------------------------------------ */

byte size = BACKLOG;
bool is_ordinary[LOG];
bool is_late[LOG]; /* let through only after the change */
bool is_wide;      /* the change has come */
#define lane_of(i) (is_ordinary[i] -> ORDINARY : URGENT)
#define is_let_through(i) (!is_late[i] || is_wide)

/* --- the broker: feed.c, deliver.c, subscribe.c ------------------------------------------------------------------- */

byte cursor[LANES];
byte saved[LANES]; /* the least that state.db may hold: cursors are written there every so often, a seek at once */
byte next[LANES];
bool is_live[LANES];
bool is_attached, is_awake, is_told_end;
bool is_stalled; /* the reader has yet to take what was sent; looked at again until it has */
byte credit, sent;

/* --- the line ----------------------------------------------------------------------------------------------------- */

mtype = { SUBSCRIBE, REPLACE, TOLD, SUBSCRIBED, UNSUBSCRIBE, DELIVERY, PROGRESS };
/* TOLD: acknowledged cursors (0: none), and the credit as it stands; the frames that a commit sends in one go */
chan to_broker = [6] of { mtype, byte, byte, byte };
chan to_reader = [8] of { mtype, byte, byte };

/* --- the reader: follow*.c, reading.c, feed_post.c ---------------------------------------------------------------- */

mtype = { AWAY, ASKING, READING };
mtype reader_mode = AWAY;
bool is_shown[LOG];               /* in post.db */
byte kept_cursor[LANES];          /* in post.db */
byte own[LANES];                  /* reading.c's cursor */
byte promised[LANES], searched[LANES], told[LANES], waiting[LANES];
byte waiting_below[LANES];        /* of them, below our own cursor */
bool went_back[LANES];
byte granted, received, handled;
chan queue[LANES] = [WINDOW] of { byte };

byte losses_left = LOSSES, ticks_left = TICKS, stalls_left = STALLS;
bool may_change = true, is_filter_new; /* the reader comes back with another filter */
byte at; /* hidden work; always 0 outside */

/* --- what must hold ----------------------------------------------------------------------------------------------- */

/* Below the broker's cursor everything that is due is safe with the reader. */
inline check_none_skipped()
{
	at = 0;
	do
	:: at < size ->
		assert(!(is_let_through(at) && at < cursor[lane_of(at)] && !is_shown[at])); /* none-skipped */
		at++
	:: else -> break
	od;
	at = 0
}

inline choose(i)
{
	if :: is_ordinary[i] = true :: true fi;
	if :: is_late[i] = true :: true fi
}

/* --- broker ------------------------------------------------------------------------------------------------------- */

#ifdef WITHOUT_RESERVE
#define has_room(lane) (!is_stalled && credit >= sent + 1)
#else
#define has_room(lane) (!is_stalled && credit >= sent + (lane == ORDINARY -> 1 + RESERVE : 1))
#endif

inline deliver(lane, i)
{
	sent++;
	assert(lane == URGENT || credit >= sent + RESERVE); /* reserve-for-urgent */
	assert(nfull(to_reader));
	to_reader!DELIVERY, lane, i
}

inline seek_start() /* feed_seek(feed, 0) */
{
	cursor[URGENT] = 0; cursor[ORDINARY] = 0;
	next[URGENT] = 0; next[ORDINARY] = 0;
	is_live[URGENT] = false; is_live[ORDINARY] = false;
	is_told_end = false
}

inline save_cursors() { saved[URGENT] = cursor[URGENT]; saved[ORDINARY] = cursor[ORDINARY] }

#if defined(CREDIT_KEPT)
#define credit_gone() sent = 0
#elif defined(COUNT_KEPT)
#define credit_gone() credit = 0
#else
#define credit_gone() credit = 0; sent = 0
#endif

inline detach()
{
	is_attached = false;
	is_awake = false;
	is_stalled = false;
	is_live[URGENT] = false; is_live[ORDINARY] = false;
	credit_gone()
}

inline send_progress()
{
	/* one message for both lanes */
	assert(nfull(to_reader));
	to_reader!PROGRESS, (is_live[URGENT] -> size : next[URGENT]),
		(is_live[ORDINARY] -> size : next[ORDINARY])
}

/* One record of one lane. Sets is_more if there is more to look at, and credit left for it. */
inline search_lane(lane)
{
	if
	:: !is_live[lane] ->
		do
		:: next[lane] < size && lane_of(next[lane]) != lane -> next[lane]++
		:: else -> break
		od;
		if
		:: next[lane] == size -> is_live[lane] = true
		:: next[lane] < size && !is_let_through(next[lane]) -> next[lane]++; is_more = true
		:: next[lane] < size && is_let_through(next[lane]) ->
			if
			:: has_room(lane) -> deliver(lane, next[lane]); next[lane]++; is_more = true
			:: has_room(lane) && stalls_left > 0 -> stalls_left--; is_stalled = true /* deliver_stall */
			:: else /* goes on when credit comes */
			fi
		fi
	:: else
	fi
}

inline attach()
{
	credit_gone();
	is_attached = true;
	next[URGENT] = cursor[URGENT]; next[ORDINARY] = cursor[ORDINARY];
	is_live[URGENT] = false; is_live[ORDINARY] = false;
	is_told_end = false;
	check_none_skipped();
	assert(nfull(to_reader));
	to_reader!SUBSCRIBED, cursor[URGENT], cursor[ORDINARY];
	is_awake = true
}

/* It did not fit: from here on by search, when credit or room comes. */
inline fall_behind()
{
	is_live[lane_of(size - 1)] = false;
#ifdef NEXT_PASSED
	next[lane_of(size - 1)] = size
#else
	next[lane_of(size - 1)] = size - 1
#endif
}

inline take_acknowledge(lane, until) /* feed_acknowledge */
{
	if
	:: until <= (is_live[lane] -> size : next[lane]) && until > cursor[lane] -> cursor[lane] = until
	:: else
	fi
}

active proctype broker()
{
	byte a, b, c;
	bool is_more;

	atomic { choose(0); choose(1) }
end:	do
	/* a record becomes durable, and is offered at once to a reader that keeps up: deliver_alert */
	:: atomic { size < LOG ->
		choose(size);
		size++;
		if
		:: is_attached && is_live[lane_of(size - 1)] && is_let_through(size - 1) ->
			if
			:: has_room(lane_of(size - 1)) -> deliver(lane_of(size - 1), size - 1)
			:: has_room(lane_of(size - 1)) && stalls_left > 0 ->
				stalls_left--;
				is_stalled = true;
				fall_behind()
			:: else -> fall_behind()
			fi
		:: else
		fi }
	/* a turn of the search: search_feed */
	:: atomic { is_attached && is_awake && !is_stalled ->
		is_awake = false;
		search_lane(URGENT);
		search_lane(ORDINARY);
		is_awake = is_more;
		is_more = false;
		if
		:: is_live[URGENT] && is_live[ORDINARY] && !is_told_end -> is_told_end = true; send_progress()
		:: else
		fi }
	/* the tick of 5 s */
	:: atomic { is_attached && ticks_left > 0 ->
		ticks_left--;
		if
		:: !is_stalled -> send_progress()
		:: else
		fi;
		is_awake = true }
	/* it has taken half of it: deliver_resume */
	:: atomic { is_attached && is_stalled ->
		is_stalled = false;
#ifndef RESUME_WITHOUT_WAKE
		is_awake = true
#endif
		}
	:: atomic { to_broker?[TOLD, a, b, c] ->
		to_broker?TOLD, a, b, c;
		if
		:: is_attached ->
			take_acknowledge(URGENT, a);
			take_acknowledge(ORDINARY, b);
			check_none_skipped();
#ifdef CREDIT_WITHOUT_WAKE
			credit = (c > credit -> c : credit)
#else
			if
			:: c > credit -> credit = c; is_awake = is_awake || !is_live[URGENT] || !is_live[ORDINARY]
			:: else
			fi
#endif
		:: else
		fi;
		a = 0; b = 0; c = 0 }
	:: atomic { to_broker?[SUBSCRIBE, a, b, c] -> to_broker?SUBSCRIBE, a, b, c; attach() }
	/* another filter: what it lets through and the old one did not is due from the beginning; kept with the filter */
	:: atomic { to_broker?[REPLACE, a, b, c] ->
		to_broker?REPLACE, a, b, c;
		is_wide = true;
#ifndef FILTER_WITHOUT_SEEK
		seek_start();
		save_cursors();
#endif
		attach() }
	/* a roster widens what the office may see: subscribe_trust_changed */
	:: atomic { may_change && !is_filter_new ->
		may_change = false;
		is_wide = true;
#if !defined(RENEWED_WITHOUT_SEEK)
#if !defined(SEEK_UNDER_READER)
		if
		:: is_attached -> detach(); assert(nfull(to_reader));
	to_reader!UNSUBSCRIBE, 0, 0
		:: else
		fi;
#else
		is_awake = is_attached;
#endif
#if defined(SEEK_NOT_SAVED)
		save_cursors();
		seek_start()
#else
		seek_start();
		save_cursors()
#endif
#endif
		}
	od
}

/* --- reader ------------------------------------------------------------------------------------------------------- */

inline empty_line()
{
	do :: to_broker?_,_,_,_ :: empty(to_broker) -> break od;
	do :: to_reader?_,_,_ :: empty(to_reader) -> break od
}

inline clear_queues()
{
	do :: queue[URGENT]?_ :: empty(queue[URGENT]) -> break od;
	do :: queue[ORDINARY]?_ :: empty(queue[ORDINARY]) -> break od
}

inline init_reading() /* reading_init, and what goes with a connection */
{
	clear_queues();
	waiting[URGENT] = 0; waiting[ORDINARY] = 0;
	waiting_below[URGENT] = 0; waiting_below[ORDINARY] = 0;
	went_back[URGENT] = false; went_back[ORDINARY] = false;
	own[URGENT] = 0; own[ORDINARY] = 0;
	told[URGENT] = 0; told[ORDINARY] = 0;
	promised[URGENT] = 0; promised[ORDINARY] = 0;
	searched[URGENT] = 0; searched[ORDINARY] = 0;
	granted = 0; received = 0; handled = 0
}

inline subscribed_lane(lane, theirs)
{
	own[lane] = (kept_cursor[lane] > theirs -> kept_cursor[lane] : theirs);
	told[lane] = theirs;
	promised[lane] = theirs;
	searched[lane] = theirs
}

inline settle(lane)
{
	if
	:: waiting[lane] == 0 && promised[lane] > own[lane] -> own[lane] = promised[lane]
	:: else
	fi
}

/* reading_acknowledge */
#ifdef ACKNOWLEDGED_OVER_WAITING
#define none_below(lane) true
#else
#define none_below(lane) (waiting_below[lane] == 0)
#endif

inline acknowledge(lane, out)
{
	if
	:: (own[lane] > told[lane] || (went_back[lane] && waiting[lane] == 0)) && searched[lane] >= own[lane] &&
		none_below(lane) ->
		went_back[lane] = false;
		told[lane] = own[lane];
		out = own[lane]
	:: else
	fi
}

/* follow_commit: cursors, then the broker is told, then credit */
inline commit()
{
	kept_cursor[URGENT] = own[URGENT]; kept_cursor[ORDINARY] = own[ORDINARY];
	acknowledge(URGENT, out[URGENT]);
	acknowledge(ORDINARY, out[ORDINARY]);
	is_credit_due = granted - handled <= WINDOW / 2;
	granted = (is_credit_due -> handled + WINDOW : granted);
	if
	:: out[URGENT] + out[ORDINARY] > 0 || is_credit_due ->
		assert(nfull(to_broker));
		to_broker!TOLD, out[URGENT], out[ORDINARY], granted
	:: else
	fi;
	is_credit_due = false; out[URGENT] = 0; out[ORDINARY] = 0
}

inline handle(lane)
{
	queue[lane]?i;
#ifdef SHOWN_UNASKED
	assert(!is_shown[i]); /* none-shown-twice */
#else
	/* what was kept as shown is not shown again: follow_is_repeat looks only below the cursor */
	assert(i < own[lane] || !is_shown[i]); /* none-shown-twice */
#endif
#if defined(BLIND_TO_SHOWN)
	is_shown[i] = is_shown[i] || i >= own[lane];
#else
	is_shown[i] = true;
#endif
	handled++;
	waiting[lane]--;
	if
	:: i < own[lane] -> waiting_below[lane]--
	:: else -> own[lane] = i + 1
	fi;
	settle(lane);
	i = 0;
	commit()
}

active proctype reader()
{
	byte a, b, i, out[LANES];
	bool is_credit_due;

end:	do
	:: atomic { reader_mode == AWAY ->
		reader_mode = ASKING;
		if
		:: is_filter_new && !is_wide -> assert(nfull(to_broker)); to_broker!REPLACE, 0, 0, 0
		:: else -> assert(nfull(to_broker)); to_broker!SUBSCRIBE, 0, 0, 0
		fi }
	:: atomic { to_reader?[SUBSCRIBED, a, b] ->
		to_reader?SUBSCRIBED, a, b;
		assert(reader_mode == ASKING);
		reader_mode = READING;
		init_reading();
		subscribed_lane(URGENT, a);
		subscribed_lane(ORDINARY, b);
		a = 0; b = 0;
		/* the first commit has nothing to acknowledge yet */
		assert(searched[URGENT] < own[URGENT] || own[URGENT] == told[URGENT]);
		assert(searched[ORDINARY] < own[ORDINARY] || own[ORDINARY] == told[ORDINARY]);
		kept_cursor[URGENT] = own[URGENT]; kept_cursor[ORDINARY] = own[ORDINARY];
		granted = WINDOW;
		assert(nfull(to_broker));
		to_broker!TOLD, 0, 0, granted }
	:: atomic { to_reader?[DELIVERY, a, b] ->
		to_reader?DELIVERY, a, b;
		assert(received < granted); /* none-beyond-credit */
		received++;
		waiting[a]++;
		waiting_below[a] = waiting_below[a] + (b < own[a] -> 1 : 0);
		searched[a] = b + 1;
		went_back[a] = went_back[a] || b < told[a];
		assert(nfull(queue[a]));
		queue[a]!b;
#ifdef CURSOR_FIRST
		if
		:: b >= own[a] -> own[a] = b + 1
		:: else
		fi;
		commit();
#endif
		a = 0; b = 0 }
	:: atomic { to_reader?[PROGRESS, a, b] ->
		to_reader?PROGRESS, a, b;
		went_back[URGENT] = went_back[URGENT] || a < told[URGENT];
		promised[URGENT] = a; searched[URGENT] = a;
		settle(URGENT);
		went_back[ORDINARY] = went_back[ORDINARY] || b < told[ORDINARY];
		promised[ORDINARY] = b; searched[ORDINARY] = b;
		settle(ORDINARY);
		a = 0; b = 0;
		if
		:: own[URGENT] != kept_cursor[URGENT] || own[ORDINARY] != kept_cursor[ORDINARY] -> commit()
		:: else
		fi }
	/* the broker begins anew */
	:: atomic { to_reader?[UNSUBSCRIBE, a, b] ->
		to_reader?UNSUBSCRIBE, a, b;
		a = 0; b = 0;
		init_reading();
		reader_mode = ASKING;
		assert(nfull(to_broker)); to_broker!SUBSCRIBE, 0, 0, 0 }
	/* shown, or the command has ended well; then kept */
	:: atomic { nempty(queue[URGENT]) -> handle(URGENT) }
	:: atomic { empty(queue[URGENT]) && nempty(queue[ORDINARY]) -> handle(ORDINARY) }
	od
}

/* --- losses ------------------------------------------------------------------------------------------------------- */

inline lose_line() { empty_line(); detach(); reader_mode = AWAY; init_reading() }

active proctype world()
{
end:	do
	:: atomic { losses_left > 0 && reader_mode != AWAY -> losses_left--; lose_line() }
	/* the reader is started again, perhaps with another filter */
	:: atomic { losses_left > 0 && reader_mode != AWAY ->
		losses_left--;
		lose_line();
		if
		:: may_change -> may_change = false; is_filter_new = true
		:: true
		fi }
	:: atomic { losses_left > 0 && reader_mode != AWAY ->
		losses_left--;
		lose_line();
		if :: cursor[URGENT] = saved[URGENT] :: true fi;
		if :: cursor[ORDINARY] = saved[ORDINARY] :: true fi;
		check_none_skipped();
		next[URGENT] = 0; next[ORDINARY] = 0;
		is_told_end = false }
	od
}

#define is_due_shown(i) (is_shown[i] || !is_let_through(i))
/* Whatever is lost on the way: in the end the reader has all that is due to it. */
ltl none_stuck { <>[] (size == LOG && is_due_shown(0) && is_due_shown(1) && is_due_shown(2)) }
