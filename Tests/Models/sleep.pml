/* Falling asleep and waking others, on processors with store buffers: no wake-up is lost.
 *
 * Each rank has a FIFO of stores that others do not see yet, as x86 processors do (TSO); a process of its own drains it
 * at any time. A sequentially consistent store waits until it is empty, and so does an atomic addition; a release
 * store does not. The ladder's periodic look is left out on purpose: with it a lost wake-up would only be late.
 * A rank that sleeps for ever is an invalid end state.
 *
 *   here                            Sources
 *   publish                         Region.publish, Region.wakeSleepers
 *   sleep_unless_ready              Exchange.sleep
 *   asleep[]                        Region.setAsleep, isAsleep
 *   bell[], ring                    Doorbell.count, Doorbell.ring
 *   inKernel[]                      FUTEX_WAIT compares and queues in one go; it drains the buffer, by its lock
 *   Aborter                         Interruption.request, of a rank that waits for one that never comes
 *   Leaver, gone[]                  Region.leaveAttached and wakeSleepers, of the rank that is waited for
 *   the look at gone[]              Exchange.someoneIsGone
 *
 * holds:  -DN=2 -DSTEPS=3
 * holds:  -DN=2 -DSTEPS=1 -DABORT
 * holds:  -DN=2 -DSTEPS=1 -DLEAVE
 * long:   -DN=2 -DSTEPS=6
 * long:   -DN=3 -DSTEPS=1
 * hangs:  -DN=2 -DSTEPS=1 -DPLAIN_PUBLISH   a release store in publish
 * hangs:  -DN=2 -DSTEPS=1 -DPLAIN_ASLEEP    a release store in setAsleep
 * hangs:  -DN=2 -DSTEPS=1 -DNO_LAST_LOOK    asleep without a look after the mark
 * hangs:  -DN=2 -DSTEPS=1 -DLATE_COUNT      the bell is read after the look
 * hangs:  -DN=2 -DSTEPS=1 -DABORT -DLATE_COUNT
 * hangs:  -DN=2 -DSTEPS=1 -DLEAVE -DNO_STATE_LOOK  it went before the mark, and nobody rings
 * hangs:  -DN=2 -DSTEPS=1 -DLEAVE -DPLAIN_LEAVE    a release store of the state
 */
/* What a store in a buffer is for. */
#define LINE 0
#define ASLEEP 1
#define GONE 2
#define ROOM 3

#if defined(ABORT) || defined(LEAVE)
#define WORKERS 1      /* rank 1 never comes */
#else
#define WORKERS N
#endif

chan buffer[N] = [ROOM] of { byte, byte };
byte line[N];
bit asleep[N];
byte bell[N];
bit inKernel[N];
bit isRequested;
bit gone[N];

#define DRAINED empty(buffer[me])

inline store(where, what) { buffer[me] ! where, what }
inline store_in_order(where, what) { buffer[me] ! where, what; DRAINED }

inline ring(rank) {
    DRAINED;
    bell[rank]++;
    DRAINED;
    inKernel[rank] = 0
}

inline publish() {
#ifdef PLAIN_PUBLISH
    store(LINE, s);
#else
    store_in_order(LINE, s);
#endif
    for (other : 0 .. N - 1) {
        if
        :: other != me && asleep[other] -> ring(other)
        :: else
        fi
    }
}

inline sleep_unless_ready(rank) {
#ifndef LATE_COUNT
    count = bell[me];
#endif
#ifdef PLAIN_ASLEEP
    store(ASLEEP, 1);
#else
    store_in_order(ASLEEP, 1);
#endif
#ifndef NO_LAST_LOOK
    isReady = line[rank] >= s;
    isReady = isReady || isRequested;
#endif
#ifndef NO_STATE_LOOK
    isReady = isReady || gone[rank];
#endif
#ifdef LATE_COUNT
    count = bell[me];
#endif
    if
    :: isReady
    :: !isReady ->
        atomic {
            DRAINED;
            if
            :: bell[me] == count -> inKernel[me] = 1
            :: else
            fi
        };
        !inKernel[me]
    fi;
#ifdef PLAIN_ASLEEP
    store(ASLEEP, 0)
#else
    store_in_order(ASLEEP, 0)
#endif
}

proctype Rank(byte me) {
    byte s, other, awaited, count;
    bit isReady;
    do
    :: s == STEPS -> break
    :: s < STEPS ->
        s++;
        publish();
        for (awaited : 0 .. N - 1) {
            do
            :: line[awaited] >= s || awaited == me -> break
            :: line[awaited] < s && awaited != me && (isRequested || gone[awaited]) -> goto stop
            :: line[awaited] < s && awaited != me && !(isRequested || gone[awaited]) ->
                isReady = 0;
                sleep_unless_ready(awaited)
            od
        }
    od;
stop:
    skip
}

proctype Drain(byte me) {
    byte where, what;
end:
    do
    :: atomic {
        buffer[me] ? [where, what] ->
        if
        :: buffer[me] ? LINE, what -> line[me] = what
        :: buffer[me] ? ASLEEP, what -> asleep[me] = what
        :: buffer[me] ? GONE, what -> gone[me] = what
        fi
    }
    od
}

#ifdef ABORT
proctype Aborter() {
    isRequested = 1;
    bell[0]++;
    inKernel[0] = 0
}
#endif

#ifdef LEAVE
proctype Leaver(byte me) {
#ifdef PLAIN_LEAVE
    store(GONE, 1);
#else
    store_in_order(GONE, 1);
#endif
    if
    :: asleep[0] -> ring(0)
    :: else
    fi
}
#endif

init {
    byte r;
    atomic {
        for (r : 0 .. N - 1) { run Drain(r) };
        for (r : 0 .. WORKERS - 1) { run Rank(r) };
#ifdef ABORT
        run Aborter();
#endif
#ifdef LEAVE
        run Leaver(1)
#endif
    }
}
