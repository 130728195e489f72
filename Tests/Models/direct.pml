/* Tensors in shared memory: why a call on them ends with a step more.
 *
 * An all-reduce in place, all tensors in the symmetric heap. Rank q reads part q of all tensors and writes the result
 * into part q of all tensors. When the call has returned, the owner reads its tensor and writes it anew. One rank's
 * program may abort, from another thread, at any time: its call ends with an error, and its owner writes the tensor
 * at once. Whoever returns without an error must have the right result.
 *
 * The last step tells who has *published* it, and a rank publishes it before it waits. So it may have given up since,
 * while others still read its tensor. That is why all look at the states once more after it: a rank gives up before
 * its owner gets the tensor back, so who has read a byte of the new content finds the state.
 *
 *   here                            Sources/Collectives
 *   publish_and_wait                Exchange.step
 *   read, write of part me          DirectReduce.run
 *   state[], giving up              Region.leaveAttached, before Exchange.fail throws; Interruption.request
 *   the look after the last step    after the last step of Showing.run, SharedReduce.run
 *
 * holds:  -DN=2 -DCALLS=3
 * holds:  -DN=2 -DCALLS=2 -DABORT
 * holds:  -DN=3 -DCALLS=1 -DABORT
 * long:   -DN=3 -DCALLS=2
 * long:   -DN=3 -DCALLS=2 -DABORT
 * wrong:  -DN=2 -DCALLS=2 -DNO_LAST_STEP    the owner writes while others read, or reads before all have written
 * wrong:  -DN=2 -DCALLS=1 -DABORT -DNO_LOOK a wrong result without an error
 */
#define PART(rank, reducer) ((rank) * N + (reducer))
#define INPUT (1 + 2 * call)
#define RESULT (2 + 2 * call)
#define GARBAGE 255

byte line[N];
byte part[N * N];
bit writing[N * N];
byte reading[N * N];
bit gaveUp[N];
bit isSpent;       /* some rank gave up, so tensors may be touched by two, and errors are right */

inline write(where, what) {
    d_step { assert(isSpent || (reading[where] == 0 && !writing[where])); writing[where] = 1 };
    d_step { part[where] = what; writing[where] = 0 }
}

/* What was read: `what`, or anything else as garbage. */
inline read(where, what, seen) {
    d_step { assert(isSpent || !writing[where]); reading[where]++; seen = (writing[where] -> GARBAGE : part[where]) };
    d_step {
        if
        :: part[where] != seen || writing[where] -> seen = GARBAGE
        :: else
        fi;
        reading[where]--;
        assert(isSpent || seen == what)
    }
}

/* Waits for all; `failed` when one gave up that has not published the step. */
inline publish_and_wait() {
    atomic { s++; line[me] = s };
    for (other : 0 .. N - 1) {
        if
        :: line[other] >= s
        :: line[other] < s && gaveUp[other] -> failed = 1
        :: line[other] < s && gaveUp[me] -> failed = 1
        fi
    }
}

proctype Rank(byte me) {
    byte s, call, other, seen;
    bit failed, isWrong;
    do
    :: call == CALLS -> break
    :: call < CALLS ->
        for (other : 0 .. N - 1) { write(PART(me, other), INPUT) };
        publish_and_wait();
        if
        :: failed -> break
        :: else
        fi;
        isWrong = 0;
        for (other : 0 .. N - 1) {
            read(PART(other, me), INPUT, seen);
            isWrong = isWrong || seen != INPUT
        };
        for (other : 0 .. N - 1) { write(PART(other, me), (isWrong -> GARBAGE : RESULT)) };
#ifndef NO_LAST_STEP
        publish_and_wait();
#ifndef NO_LOOK
        for (other : 0 .. N - 1) { failed = failed || gaveUp[other] };
#endif
#endif
        if
        :: failed -> break
        :: else
        fi;
        /* The call returns. */
        for (other : 0 .. N - 1) {
            read(PART(me, other), RESULT, seen);
            assert(seen == RESULT)
        };
        call++
    od;
    if
    :: failed ->
        gaveUp[me] = 1;
        /* The call throws, and the owner does what it wants. */
        for (other : 0 .. N - 1) { write(PART(me, other), GARBAGE) }
    :: else
    fi
}

#ifdef ABORT
proctype Aborter() {
    byte r;
    select(r : 0 .. N - 1);
    atomic { isSpent = 1; gaveUp[r] = 1 }
}
#endif

init {
    byte r;
    atomic {
        for (r : 0 .. N - 1) { run Rank(r) };
#ifdef ABORT
        run Aborter()
#endif
    }
}
