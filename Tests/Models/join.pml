/* Joining: a rank that is just coming is never taken for dead.
 *
 * A rank takes its lock, then says that it is attached. When it is killed the lock drops and the word stays. The others
 * look at it meanwhile, in loads that are not atomic: its word, its lock, its word again. The lock and then the word
 * would do in a collective, where all have attached, but not here: the lock may not have been taken yet.
 *
 *   here                            Sources/Collectives/Transport
 *   isLocked, isAttached            SegmentJoin.attach: tryLock, then Region.set(.attached)
 *   look                            SegmentJoin.fault(seenBy:), Transport.observe, Fault.among
 *   waiting for all                 SegmentJoin.waitForAll; its time limit only for ranks that were killed before
 *
 * holds:  -DN=3 -DLOOKS=2
 * holds:  -DN=3 -DLOOKS=2 -DDEATH
 * long:   -DN=3 -DLOOKS=5 -DDEATH
 * wrong:  -DN=2 -DLOOKS=1 -DLOCK_FIRST  no look at the word before the lock: "died", of one that comes
 * wrong:  -DN=2 -DLOOKS=1 -DSAYS_FIRST  a rank says that it is attached before it has its lock
 */
bit isLocked[N], isAttached[N], isKilled[N];

inline look(q) {
#ifdef LOCK_FIRST
    wasAttached = 1;
#else
    wasAttached = isAttached[q];
#endif
    lives = isLocked[q];
    if
    :: wasAttached && !lives && isAttached[q] -> assert(isKilled[q]); goto done
    :: !(wasAttached && !lives && isAttached[q])
    fi;
    d_step { wasAttached = 0; lives = 0 }
}

proctype Rank(byte me) {
    byte q, other, looks;
    bit wasAttached, lives;
    {
#ifdef SAYS_FIRST
        isAttached[me] = 1;
        isLocked[me] = 1;
#else
        isLocked[me] = 1;
        isAttached[me] = 1;
#endif
        for (q : 0 .. N - 1) {
            do
            :: isAttached[q] -> break
            :: !isAttached[q] && isKilled[q] && !isLocked[q] -> goto done
            :: !isAttached[q] && looks < LOOKS ->
                looks++;
                for (other : 0 .. N - 1) {
                    if
                    :: other == me
                    :: other != me -> look(other)
                    fi
                }
            od
        }
    } unless { isKilled[me] -> isLocked[me] = 0 };
done:
    skip
}

init {
    byte r;
    atomic { for (r : 0 .. N - 1) { run Rank(r) } };
#ifdef DEATH
    if
    :: true
    :: isKilled[N - 1] = 1
    fi
#endif
}
