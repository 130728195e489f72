/* The staged all-reduce: chunk by chunk through the slots, the results of a chunk taken after the next one is shown.
 *
 * A slot has a stage (a chunk of the input) and a share (this rank's share of the chunk before, reduced). Inputs of
 * some ranks are read directly from their tensors, which are also their outputs: the hardest case, since an owner
 * writes the results of chunk c into its tensor while others read chunk c + 1 of it. A second call follows at once,
 * before which the owner writes its tensor anew. No write may overlap a read, and every read sees the right chunk.
 *
 *   here                            Sources/Collectives/Algorithms/SharedReduce.swift
 *   stage(c)                        stage: into ownSlot, that of the next step
 *   reduce(c)                       reduce: reads slot(of:) or the tensors, writes ownShare, that of the next step
 *   take(c)                         take: reads share(of:), writes the output
 *   isDirect                        whether a rank's location in the heap was not 0
 *
 * holds:  -DN=2 -DCHUNKS=3 -DCALLS=2
 * holds:  -DN=3 -DCHUNKS=1 -DCALLS=2
 * long:   -DN=2 -DCHUNKS=6 -DCALLS=3
 * long:   -DN=3 -DCHUNKS=2 -DCALLS=2
 * wrong:  -DN=2 -DCHUNKS=2 -DCALLS=1 -DONE_BUFFER    one slot a rank
 * wrong:  -DN=2 -DCHUNKS=1 -DCALLS=1 -DTAKE_EARLY    results taken before the next step
 * wrong:  -DN=2 -DCHUNKS=2 -DCALLS=2 -DNO_LAST_STEP  no step after the last chunk: its results are taken unseen
 */
#ifdef ONE_BUFFER
#define P(step) 0
#else
#define P(step) ((step) & 1)
#endif
#define AT(rank, step) ((rank) * 2 + P(step))
#define STAGE(rank, step) AT(rank, step)
#define SHARE(rank, step) (2 * N + AT(rank, step))
/* The part of a rank's tensor that a reducer reduces in a chunk. */
#define TENSOR(rank, chunk, reducer) (4 * N + ((rank) * CHUNKS + (chunk)) * N + (reducer))
#define CELLS (4 * N + N * CHUNKS * N)
/* What a cell holds: the input or the result of a chunk of a call. */
#define INPUT(chunk) (1 + 2 * (call * CHUNKS + (chunk)))
#define RESULT(chunk) (2 + 2 * (call * CHUNKS + (chunk)))

byte line[2 * N];
byte cell[CELLS];
bit writing[CELLS];
byte reading[CELLS];
bit isDirect[N];

inline write(where, what) {
    d_step { assert(reading[where] == 0 && !writing[where]); writing[where] = 1 };
    d_step { cell[where] = what; writing[where] = 0 }
}

inline read(where, what) {
    d_step { assert(!writing[where]); reading[where]++ };
    d_step { assert(cell[where] == what); reading[where]-- }
}

inline step() {
    atomic { s++; line[AT(me, s)] = s };
    for (other : 0 .. N - 1) { line[AT(other, s)] >= s }
}

inline stage(c) {
    if
    :: isDirect[me]
    :: else -> write(STAGE(me, s + 1), INPUT(c))
    fi
}

inline reduce(c) {
    for (other : 0 .. N - 1) {
        if
        :: other == me
        :: other != me && isDirect[other] -> read(TENSOR(other, c, me), INPUT(c))
        :: other != me && !isDirect[other] -> read(STAGE(other, s), INPUT(c))
        fi
    };
    write(SHARE(me, s + 1), RESULT(c));
    write(TENSOR(me, c, me), RESULT(c))
}

inline take(c) {
    for (other : 0 .. N - 1) {
        if
        :: other == me
        :: else -> read(SHARE(other, s), RESULT(c)); write(TENSOR(me, c, other), RESULT(c))
        fi
    }
}

proctype Rank(byte me) {
    byte s, call, c, other;
    do
    :: call == CALLS -> break
    :: call < CALLS ->
        /* The owner's own doing between two calls: all of its tensor. */
        for (c : 0 .. CHUNKS - 1) { for (other : 0 .. N - 1) { write(TENSOR(me, c, other), INPUT(c)) } };
        c = 0;
        stage(0);
        step();
        do
        :: c < CHUNKS ->
            reduce(c);
            if
            :: c + 1 < CHUNKS -> stage(c + 1)
            :: else
            fi;
#ifdef TAKE_EARLY
            s++;
            take(c);
            s--;
            step();
#else
#ifdef NO_LAST_STEP
            if
            :: c + 1 < CHUNKS -> step()
            :: else -> s++
            fi;
#else
            step();
#endif
            take(c);
#endif
            c++
        :: c == CHUNKS -> break
        od;
        call++
    od
}

init {
    byte r;
    atomic {
        for (r : 0 .. N - 1) {
            if
            :: isDirect[r] = 0
            :: isDirect[r] = 1
            fi;
            run Rank(r)
        }
    }
}
