/* Work in the background: the communicator is touched by one thread at a time, and neither thread sleeps for ever.
 *
 * The owner starts items and does collectives of its own in between, before which it drains the queue; at the end it
 * finishes it. The sleepers' time limits are left out. Rings are unconditional atomic additions, so unlike in sleep.pml
 * no store buffer matters.
 *
 *   here                            Sources/Collectives/Calls/WorkQueue.swift
 *   started, finished               the same
 *   add, drain, finish              the same
 *   Worker                          run
 *   bell, count, ring, sleep        ProcessDoorbell
 *   touch                           what needs the right to the communicator
 *
 * holds:  -DITEMS=3
 * long:   -DITEMS=6
 * wrong:  -DITEMS=1 -DEMPTY_IS_DONE  drained when no item is queued, though one is running
 * hangs:  -DITEMS=1 -DLATE_COUNT     a bell is read after the look
 * wrong:  -DITEMS=1 -DCLOSE_FIRST    the thread ends before it has done what was started
 */
#define TO_WORKER 0
#define TO_OWNER 1

byte items, started, finished;
bit isClosing, isTouched, workerEnded;
byte bell[2];
bit inKernel[2];

inline ring(which) { bell[which]++; inKernel[which] = 0 }

inline sleep(which) {
#ifdef LATE_COUNT
    count = bell[which];
#endif
    atomic {
        if
        :: bell[which] == count -> inKernel[which] = 1
        :: else
        fi
    };
    !inKernel[which]
}

inline touch() {
    d_step { assert(!isTouched); isTouched = 1 };
    isTouched = 0
}

#ifdef EMPTY_IS_DONE
#define IS_DRAINED (items == 0)
#else
#define IS_DRAINED (finished == started)
#endif

inline drain() {
    do
    :: true ->
        count = bell[TO_OWNER];
        if
        :: IS_DRAINED -> break
        :: else -> sleep(TO_OWNER)
        fi
    od
}

proctype Owner() {
    byte count;
    do
    :: started == ITEMS -> break
    :: started < ITEMS ->
        items++;
        started++;
        ring(TO_WORKER);
        if
        :: true -> drain(); touch()
        :: true
        fi
    od;
#ifndef CLOSE_FIRST
    drain();
#endif
    isClosing = 1;
    ring(TO_WORKER);
#ifndef CLOSE_FIRST
    touch()
#endif
}

proctype Worker() {
    byte count;
    do
    :: true ->
        count = bell[TO_WORKER];
        if
#ifdef CLOSE_FIRST
        :: isClosing -> break
        :: !isClosing && finished == started -> sleep(TO_WORKER)
        :: !isClosing && finished != started ->
#else
        :: finished == started ->
            if
            :: isClosing -> break
            :: else -> sleep(TO_WORKER)
            fi
        :: finished != started ->
#endif
            items--;
            touch();
            finished++;
            ring(TO_OWNER)
        fi
    od
}

init {
    atomic { run Owner(); run Worker() };
    _nr_pr == 1;
    assert(finished == ITEMS)
}
