/* Death, departure and abort: everybody ends, all name the same culprit, and nothing wrong is taken for right.
 *
 * At any moment one rank may be killed: its stores stay, its lock drops. One rank's program may abort, from another
 * thread. One may close the communicator too early. A rank that has its error, or is done, closes and ends, which
 * drops its lock too. A rank that waits looks at those that it waits for; the look is not atomic. In each wait it looks
 * once at any moment, and then only when there is something to find, so that a rank that waits for ever is an invalid
 * end state.
 *
 *   here                            Sources/Collectives
 *   published[]                     Region.publish, hasPublished
 *   isLocked[]                      SharedMemoryTransport.isAlive
 *   state[], leave_attached         Region.state(of:), leaveAttached
 *   look                            Exchange.look, Transport.observe
 *   the order in judge              Fault.among
 *   close                           Communicator.close, Exchange.leave, the process's end
 *   Aborter                         Interruption.request
 *
 * holds:  -DN=2 -DSTEPS=3 -DDEATH -DABORT
 * holds:  -DN=3 -DSTEPS=1 -DDEATH
 * holds:  -DN=3 -DSTEPS=1 -DABORT
 * holds:  -DN=3 -DSTEPS=1 -DEARLY
 * long:   -DN=3 -DSTEPS=2 -DDEATH
 * long:   -DN=3 -DSTEPS=2 -DABORT
 * long:   -DN=3 -DSTEPS=2 -DEARLY
 * wrong:  -DN=2 -DSTEPS=2 -DABORT -DSTATE_FIRST  the state is read before the lock
 * wrong:  -DN=2 -DSTEPS=1 -DEARLY -DSTATE_FIRST  the same with a rank that closes in order
 * wrong:  -DN=2 -DSTEPS=1 -DNO_RECHECK           a rank that published, closed and ended counts as gone
 * wrong:  -DN=2 -DSTEPS=2 -DABORT -DOVERWRITE    closing overwrites the cause
 * hangs:  -DN=2 -DSTEPS=1 -DDEATH -DBLIND        nobody looks at the locks
 */
#define ATTACHED 0
#define LEFT 1
/* A rank that gave up says why: because of a rank that died, left, or aborted. */
#define DIED(rank) (10 + (rank))
#define GONE(rank) (20 + (rank))
#define ABORTED(rank) (30 + (rank))

#define OK 1

byte published[N];
bit isLocked[N] = 1;
byte state[N];
byte outcome[N];       /* 0, OK, or what its error says */
bit isKilled[N];
bit isRequested[N];
byte victim = N, aborting = N, leaving = N;

/* Awaited, and something to be found out about it. */
#ifdef BLIND
#define IN_DOUBT(rank) (published[rank] < s && state[rank] != ATTACHED)
#else
#define IN_DOUBT(rank) (published[rank] < s && (!isLocked[rank] || state[rank] != ATTACHED))
#endif
#if N == 2
#define SOMEBODY_IN_DOUBT (IN_DOUBT(0) || IN_DOUBT(1))
#elif N == 3
#define SOMEBODY_IN_DOUBT (IN_DOUBT(0) || IN_DOUBT(1) || IN_DOUBT(2))
#else
#define SOMEBODY_IN_DOUBT (IN_DOUBT(0) || IN_DOUBT(1) || IN_DOUBT(2) || IN_DOUBT(3))
#endif

inline leave_attached(what) {
    d_step {
        if
#ifdef OVERWRITE
        :: true -> state[me] = what
#else
        :: state[me] == ATTACHED -> state[me] = what
        :: else
#endif
        fi
    }
}

/* The first that is dead, else the first cause that is passed on, else the first that left. */
inline look() {
    d_step { dead = N; left = N; hasLooked = 1 };
    for (q : 0 .. N - 1) {
        if
        :: q == me || published[q] >= s
        :: q != me && published[q] < s ->
#ifdef STATE_FIRST
            seen = state[q];
            lives = isLocked[q];
#else
#ifdef BLIND
            lives = 1;
#else
            lives = isLocked[q];
#endif
            seen = state[q];
#endif
            if
#ifndef NO_RECHECK
            :: published[q] >= s
            :: published[q] < s ->
#else
            :: true ->
#endif
                atomic {
                    if
                    :: !lives && seen == ATTACHED && dead == N -> dead = q
                    :: seen > LEFT && cause == 0 -> cause = seen
                    :: seen == LEFT && left == N -> left = q
                    :: else
                    fi
                }
            fi
        fi
    }
}

inline judge() {
    d_step {
        if
        :: dead < N -> fault = DIED(dead)
        :: dead == N && cause != 0 -> fault = cause
        :: dead == N && cause == 0 && left < N -> fault = GONE(left)
        :: else
        fi;
        dead = 0; cause = 0; left = 0; q = 0; seen = 0; lives = 0
    }
}

proctype Rank(byte me) {
    byte s, other, q, seen, cause, dead, left, fault;
    bit lives, hasLooked;
    {
        do
        :: s == STEPS -> outcome[me] = OK; break
        :: s < STEPS ->
            if
            :: leaving == me && s == STEPS - 1 -> outcome[me] = OK; break
            :: else
            fi;
            s++;
            published[me] = s;
            for (other : 0 .. N - 1) {
                hasLooked = 0;
                do
                :: published[other] >= s -> break
                :: published[other] < s && isRequested[me] -> fault = ABORTED(me); goto failed
                :: published[other] < s && (!hasLooked || SOMEBODY_IN_DOUBT) ->
                    look();
                    judge();
                    if
                    :: fault != 0 -> goto failed
                    :: else
                    fi
                od
            };
            /* The step returns: nothing is taken for shown that was not. */
            atomic { for (other : 0 .. N - 1) { assert(published[other] >= s) } }
        od;
        goto close;
failed:
        outcome[me] = fault;
        leave_attached(fault);
close:
        leave_attached(LEFT);
        isLocked[me] = 0
    } unless { isKilled[me] -> isLocked[me] = 0 }
}

#ifdef DEATH
proctype Killer() {
    if
    :: true
    :: d_step { victim = 0; isKilled[0] = 1 }
    :: d_step { victim = N - 1; isKilled[N - 1] = 1 }
    fi
}
#endif

#ifdef ABORT
proctype Aborter() {
    byte me = aborting;
    /* Interruption holds a lock against close, which ends the rank. */
    isRequested[me] = 1;
    leave_attached(ABORTED(me))
}
#endif

init {
    byte r;
    atomic {
#ifdef EARLY
        select(leaving : 0 .. N - 1);
#endif
#ifdef ABORT
        select(aborting : 0 .. N - 1);
#endif
        for (r : 0 .. N - 1) { run Rank(r) };
#ifdef DEATH
        run Killer();
#endif
#ifdef ABORT
        run Aborter();
#endif
    };
    _nr_pr == 1;
    atomic {
        for (r : 0 .. N - 1) {
            assert(isKilled[r] || outcome[r] != 0);
            assert(isKilled[r] || outcome[r] == OK || outcome[r] == DIED(victim) || outcome[r] == ABORTED(aborting)
                || outcome[r] == GONE(leaving))
        }
    }
}
