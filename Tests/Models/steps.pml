/* Steps: two slots a rank, used by turns, need no second barrier.
 *
 * Every rank writes its slot, its signature and its line's number, waits for all, and reads all slots. Writing and
 * reading a slot are not atomic: each has a beginning and an end, and the assertions say that no two overlap and
 * that what is read is of the right step. One rank may call another collective once; then all ranks must report it.
 *
 *   here                            Sources/Collectives
 *   write_slot, sig[]               what algorithms do with Exchange.ownSlot, ownNote; Region.set(_:of:step:)
 *   line[] = s                      Region.publish
 *   line[] >= s                     Region.hasPublished
 *   comparing sig[]                 the second loop of Exchange.step, Exchange.mismatch
 *   read_slot                       what algorithms do with Exchange.slot(of:), note(of:)
 *
 * holds:  -DN=2 -DSTEPS=6
 * holds:  -DN=3 -DSTEPS=4
 * long:   -DN=3 -DSTEPS=8
 * long:   -DN=4 -DSTEPS=3
 * wrong:  -DN=2 -DSTEPS=3 -DONE_BUFFER     one slot a rank: written again while others read it
 * wrong:  -DN=2 -DSTEPS=2 -DPUBLISH_FIRST  the number is published before the slot is written
 * hangs:  -DN=2 -DSTEPS=3 -DLATE_SIGNATURE the signature is written after the number
 */
#ifdef ONE_BUFFER
#define P(step) 0
#else
#define P(step) ((step) & 1)
#endif
#define AT(rank, step) ((rank) * 2 + P(step))

byte line[2 * N];      /* the number of the step that the line was published for */
byte sig[2 * N];       /* the collective: 1, or 2 for the one that is another */
byte slot[2 * N];      /* the step that the slot's content belongs to */
bit writing[2 * N];
byte reading[2 * N];
bit isOdd;             /* some rank has called, or will call, another collective */
byte mismatches, completions;

inline write_slot(step) {
    d_step { assert(reading[AT(me, step)] == 0); writing[AT(me, step)] = 1 };
    d_step { slot[AT(me, step)] = step; writing[AT(me, step)] = 0 }
}

inline read_slot(rank, step) {
    d_step { assert(!writing[AT(rank, step)]); reading[AT(rank, step)]++ };
    d_step { assert(slot[AT(rank, step)] == step); reading[AT(rank, step)]-- }
}

proctype Rank(byte me) {
    byte s = 1, other, mine, different;
    do
    :: s > STEPS -> break
    :: s <= STEPS ->
        mine = 1;
        if
        :: true
        :: atomic { !isOdd -> isOdd = 1; mine = 2 }
        fi;
#ifdef PUBLISH_FIRST
        sig[AT(me, s)] = mine;
        line[AT(me, s)] = s;
        write_slot(s);
#else
        write_slot(s);
#ifdef LATE_SIGNATURE
        line[AT(me, s)] = s;
        sig[AT(me, s)] = mine;
#else
        sig[AT(me, s)] = mine;
        line[AT(me, s)] = s;
#endif
#endif
        for (other : 0 .. N - 1) { line[AT(other, s)] >= s };
        atomic {
            different = 0;
            for (other : 0 .. N - 1) { different = different | (sig[AT(other, s)] != mine) }
        };
        if
        :: different -> mismatches++; goto stop
        :: else
        fi;
        for (other : 0 .. N - 1) { read_slot(other, s) };
        s++
    od;
    completions++;
stop:
    skip
}

init {
    byte r;
    atomic { for (r : 0 .. N - 1) { run Rank(r) } };
    _nr_pr == 1;
    assert(mismatches == (isOdd -> N : 0) && mismatches + completions == N)
}
