/* Messages: in order, none lost, none overwritten, and two ranks that send to each other at once do not stand still.
 *
 * A sender has SLOTS slots for all its messages, and one mailbox for each receiver, which holds one part at a time.
 * Slots, tensors and a mailbox's words are not written and read atomically. Rank 0 either exchanges messages with
 * rank 1, both ways at once (PAIR), or sends to several in turn (FAN). A message has PARTS parts, or is one tensor that
 * the receiver reads in place (DIRECT), and the sender writes anew as soon as `send` has returned. With LEAVE a rank
 * says that it left when it is done, and one that waits may see that at any moment: what was posted before must still
 * be received. Waiting for ever is an invalid end state.
 *
 *   here                            Sources/Collectives
 *   posted, taken                   Region.post, posted(from:to:); take, taken(from:by:)
 *   can_send, send                  PointToPoint.Sending.canAdvance, advance
 *   can_receive, receive            PointToPoint.Receiving.canAdvance, advance
 *   holder, holds                   MessageCounts.holderOfNextSlot, fill(for:)
 *   exchange                        PointToPoint.run
 *
 * holds:  -DPAIR -DN=2 -DSLOTS=2 -DPARTS=3 -DMESSAGES=2
 * holds:  -DPAIR -DN=2 -DSLOTS=1 -DPARTS=2 -DMESSAGES=2 -DLEAVE
 * holds:  -DPAIR -DN=2 -DSLOTS=1 -DPARTS=1 -DMESSAGES=3 -DDIRECT -DLEAVE
 * holds:  -DFAN -DN=3 -DSLOTS=2 -DPARTS=2 -DMESSAGES=2 -DLEAVE
 * long:   -DPAIR -DN=2 -DSLOTS=4 -DPARTS=6 -DMESSAGES=3 -DLEAVE
 * long:   -DFAN -DN=4 -DSLOTS=2 -DPARTS=2 -DMESSAGES=2 -DLEAVE
 * hangs:  -DPAIR -DN=2 -DSLOTS=2 -DPARTS=3 -DMESSAGES=1 -DSEND_FIRST  each sends all before it receives
 * wrong:  -DFAN -DN=3 -DSLOTS=1 -DPARTS=2 -DMESSAGES=1 -DANY_SLOT     a slot is filled before its last part was taken
 * wrong:  -DPAIR -DN=2 -DSLOTS=2 -DPARTS=2 -DMESSAGES=1 -DANY_BOX     a part is posted before the last one was taken
 * wrong:  -DPAIR -DN=2 -DSLOTS=1 -DPARTS=2 -DMESSAGES=1 -DTAKE_FIRST  taken before it is copied
 * wrong:  -DPAIR -DN=2 -DSLOTS=1 -DPARTS=1 -DMESSAGES=2 -DDIRECT -DANY_TENSOR  send does not wait until it is taken
 * wrong:  -DFAN -DN=3 -DSLOTS=2 -DPARTS=1 -DMESSAGES=1 -DLEAVE -DNO_RECHECK  posted, left, and taken for gone
 */
#define BOX(from, to) ((from) * N + (to))
/* Slots, then a tensor for each rank, then the words of the mailboxes. */
#define SLOT(rank, number) ((rank) * SLOTS + (number) % SLOTS)
#define TENSOR(rank) (N * SLOTS + (rank))
#define WORDS(from, to) (N * (SLOTS + 1) + BOX(from, to))
#define CELLS (N * (SLOTS + 1) + N * N)
#define NOBODY N
#define LAST (PARTS * MESSAGES)

byte posted[N * N], taken[N * N];
byte cell[CELLS];
bit writing[CELLS], reading[CELLS];
bit hasLeft[N];

inline write(where, what) {
    d_step { assert(!reading[where] && !writing[where]); writing[where] = 1 };
    d_step { cell[where] = what; writing[where] = 0 }
}

inline read(where, seen) {
    d_step { assert(!writing[where]); reading[where] = 1 };
    d_step { seen = cell[where]; reading[where] = 0 }
}

#define HOLDER (holds[nextSlot % SLOTS] != NOBODY && \
    taken[BOX(me, holds[nextSlot % SLOTS])] < number[nextSlot % SLOTS])
#define BOX_IS_FREE (taken[BOX(me, to)] == sent[to])
#define CAN_RECEIVE (from != NOBODY && posted[BOX(from, me)] > got)

#ifdef DIRECT
#ifdef ANY_TENSOR
#define CAN_SEND (to != NOBODY && (isFilled || BOX_IS_FREE))
#else
#define CAN_SEND (to != NOBODY && BOX_IS_FREE)
#endif
#else
#ifdef ANY_SLOT
#define CAN_SEND (to != NOBODY && (!isFilled || BOX_IS_FREE))
#elif defined(ANY_BOX)
#define CAN_SEND (to != NOBODY && (isFilled || !HOLDER))
#else
#define CAN_SEND (to != NOBODY && ((!isFilled && !HOLDER) || (isFilled && BOX_IS_FREE)))
#endif
#endif

inline post(place) {
    sent[to]++;
    write(WORDS(me, to), place);
    posted[BOX(me, to)] = sent[to]
}

/* `isFilled`: the next slot is, or the tensor was posted. A part's content is its number in the mailbox. */
inline send() {
    if
#ifdef DIRECT
    :: isFilled -> isFilled = 0; toSend--
    :: !isFilled -> post(TENSOR(me)); isFilled = 1
#else
    :: !isFilled -> write(SLOT(me, nextSlot), sent[to] + 1); isFilled = 1
    :: isFilled ->
        d_step { holds[nextSlot % SLOTS] = to; number[nextSlot % SLOTS] = sent[to] + 1 };
        post(SLOT(me, nextSlot));
        d_step { nextSlot = (nextSlot + 1) % SLOTS; isFilled = 0; toSend-- }
#endif
    fi;
    if
    :: toSend == 0 -> to = NOBODY
    :: else
    fi
}

inline receive() {
    read(WORDS(from, me), place);
#ifdef TAKE_FIRST
    taken[BOX(from, me)] = got + 1;
#endif
    read(place, content);
    assert(content == got + 1);
    got++;
    place = 0; content = 0;
    taken[BOX(from, me)] = got;
    toReceive--;
    if
    :: toReceive == 0 -> from = NOBODY
    :: else
    fi
}

/* One call. `to` and `from` are NOBODY for none, and when that direction is done. */
inline exchange() {
    toSend = (to == NOBODY -> 0 : PARTS);
    toReceive = (from == NOBODY -> 0 : PARTS);
    do
    :: to == NOBODY && from == NOBODY -> break
    :: CAN_SEND -> send()
#ifdef SEND_FIRST
    :: CAN_RECEIVE && to == NOBODY -> receive()
#else
    :: CAN_RECEIVE -> receive()
#endif
#ifdef LEAVE
    /* It can do nothing, and looks: the one that it waits for has left. */
    :: atomic { !(CAN_SEND) && !(CAN_RECEIVE) && from != NOBODY && !hasLooked -> hasLooked = 1 };
        if
        :: !hasLeft[from]
#ifdef NO_RECHECK
        :: hasLeft[from] -> assert(false)
#else
        :: hasLeft[from] -> assert(CAN_RECEIVE)
#endif
        fi
#endif
    od
}

proctype Rank(byte me) {
    byte to = NOBODY, from = NOBODY, toSend, toReceive, nextSlot, got, place, content, m;
    byte sent[N], holds[SLOTS], number[SLOTS];
    bit isFilled, hasLooked;
    d_step {
        for (m : 0 .. SLOTS - 1) { holds[m] = NOBODY };
        m = 0
    };
    do
    :: m == MESSAGES -> break
    :: m < MESSAGES ->
#ifdef PAIR
        to = 1 - me;
        from = 1 - me;
#ifdef DIRECT
        write(TENSOR(me), sent[to] + 1);
#endif
        hasLooked = 0;
        exchange();
#else
        if
        :: me == 0 ->
            /* To each of the others in turn. */
            for (place : 1 .. N - 1) { to = place; exchange() };
            place = 0
        :: me != 0 -> from = 0; hasLooked = 0; exchange()
        fi;
#endif
        m++
    od;
#ifdef LEAVE
    hasLeft[me] = 1
#endif
}

init {
    byte r;
    atomic { for (r : 0 .. N - 1) { run Rank(r) } };
    _nr_pr == 1;
    for (r : 0 .. N - 1) {
#ifdef PAIR
        assert(posted[BOX(r, 1 - r)] == LAST && taken[BOX(r, 1 - r)] == LAST)
#else
        assert(r == 0 || (posted[BOX(0, r)] == LAST && taken[BOX(0, r)] == LAST))
#endif
    }
}
