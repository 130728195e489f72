"""Messages between two ranks, with tags, from a known rank or from any.

Each ordered pair of ranks that exchanges messages has a communicator of its own, made with the first one, and on
each side a thread; so no message waits for one of another pair. A message is a header, the tag and the number of
bytes, and then the bytes. What comes with another tag than those asked for is kept until somebody asks.
"""

import collections
import contextlib
import glob
import os
import struct
import threading
import time

import torch

from flexmig import library
from flexmig.library import Communicator, FlexmigError
from flexmig.torch.work import AnySourceWork, Lane, Work, of_job

HEADER = struct.Struct("<qq")
# Who waits for a message has a time limit; a thread that waits in case that one comes has none.
FOREVER = 86400.0
PARTING = 5.0  # seconds for messages that nobody has waited for, when the group is destroyed


class Messages:
    """The messages of one rank in one process group."""

    def __init__(self, prefix, rank, peers, limit, ranks):
        self.rank, self.peers, self.limit = rank, peers, limit
        self._prefix, self._ranks = prefix, ranks
        self._guard = threading.Condition(threading.Lock())
        self._outboxes, self._inboxes = {}, {}
        self._wildcards = collections.deque()  # of Wanted, for a message of anybody
        self._is_closed = False

    def _communicator(self, sender, receiver):
        """Joins that of a pair: the sender is its rank 0."""
        own = 0 if self.rank == sender else 1
        try:
            return Communicator(f"{self._prefix}.{sender}-{receiver}", own, 2, FOREVER)
        except FlexmigError as error:
            raise of_job(error, self._pair(sender, receiver)) from None

    def _pair(self, sender, receiver):
        return [self._ranks[sender], self._ranks[receiver]]

    def _number(self, rank):
        return self._ranks[rank]

    # -- Sending

    def send(self, tensor, receiver, tag):
        """`tensor` is a contiguous CPU tensor, left alone until the work is done."""
        with self._guard:
            self._check_open()
            outbox = self._outboxes.get(receiver)
            if outbox is None:
                outbox = self._outboxes[receiver] = Outbox(self, receiver)
        work = Work(f"the message to rank {self._number(receiver)} with tag {tag}", [tensor], self.limit, outbox.look)
        outbox.send(work, tensor, tag)
        return work

    # -- Receiving

    def receive(self, tensor, sender, tag):
        with self._guard:
            self._check_open()
            inbox = self._inbox(sender)
            name = f"the message of rank {self._number(sender)} with tag {tag}"
            wanted = Wanted(tensor, tag, Work(name, [tensor], self.limit, inbox.look))
            kept = inbox.kept_with(tag)
            if kept is None:
                inbox.wanted.append(wanted)
                self._guard.notify_all()
        if kept is not None:
            wanted.take(kept, sender)
        return wanted.work

    def receive_any(self, tensor, tag):
        with self._guard:
            self._check_open()
            others = [rank for rank in range(len(self.peers)) if rank != self.rank]
            if not others:
                raise FlexmigError("invalid-argument", "there is no other rank that could send")
            work = AnySourceWork(f"a message of any rank with tag {tag}", [tensor], self.limit, None)
            wanted = Wanted(tensor, tag, work)
            kept = None
            for sender in others:
                kept = self._inbox(sender).kept_with(tag)
                if kept is not None:
                    break
            if kept is None:
                self._wildcards.append(wanted)
                self._guard.notify_all()
        if kept is not None:
            wanted.take(kept, sender)
        return work

    def _inbox(self, sender):
        inbox = self._inboxes.get(sender)
        if inbox is None:
            inbox = self._inboxes[sender] = Inbox(self, sender)
        return inbox

    def _check_open(self):
        if self._is_closed:
            raise FlexmigError("closed", "the process group was destroyed")

    # -- The end

    def close(self, abort=False):
        """Ends all threads. Without `abort`, messages that were sent still go out to ranks that live, for PARTING
        seconds in all."""
        with self._guard:
            self._is_closed = True
            self._guard.notify_all()
        end = time.monotonic() + min(PARTING, self.limit)
        for outbox in self._outboxes.values():
            outbox.close(abort, end)
        for inbox in self._inboxes.values():
            inbox.close()
        # A rank that waits for one that never came has left a name.
        for name in glob.glob(glob.escape(f"/dev/shm/{self._prefix}.") + "*"):
            with contextlib.suppress(OSError):
                os.unlink(name)


class Wanted:
    """A message that was asked for."""

    def __init__(self, tensor, tag, work):
        self.tensor, self.tag, self.work = tensor, tag, work

    def take(self, message, sender):
        size = self.tensor.numel() * self.tensor.element_size()
        if message.numel() != size:
            self.work.finish(error=FlexmigError(
                "mismatch", f"{self.work.name} has {message.numel()} bytes, the tensor for it {size}"))
            return
        if size:
            self.tensor.reshape(-1).view(torch.uint8).copy_(message)
        self.done(sender)

    def done(self, sender):
        if isinstance(self.work, AnySourceWork):
            self.work.source = sender
        self.work.finish()


class Outbox:
    """What goes to one rank."""

    def __init__(self, messages, receiver):
        self._messages, self._receiver = messages, receiver
        self._lane = Lane(f"flexmig-to-{receiver}")
        self._comm = None

    def send(self, work, tensor, tag):
        size = tensor.numel() * tensor.element_size()

        def body():
            if self._comm is None:
                self._comm = self._messages._communicator(self._messages.rank, self._receiver)
            header = torch.frombuffer(bytearray(HEADER.pack(tag, size)), dtype=torch.uint8)
            try:
                self._comm.send(header.data_ptr(), HEADER.size, library.UINT8, 1)
                if size:
                    self._comm.send(tensor.data_ptr(), size, library.UINT8, 1)
            except FlexmigError as error:
                raise of_job(error, self._messages._pair(self._messages.rank, self._receiver)) from None

        self._lane.start(work, body)

    def look(self, work):
        """While somebody waits: a rank that died before it joined is noticed here."""
        if self._comm is None and self._messages.peers[self._receiver].has_died():
            work.finish(error=_death(self._messages, self._receiver))

    def close(self, abort, end):
        """`end`: when a message that nobody takes keeps the program from its end no longer, by the monotonic clock."""
        if abort and self._comm is not None:
            self._comm.abort()
        is_done = self._lane.close(timeout=0.0)
        while not (is_done or abort or time.monotonic() >= end):
            # Once both have joined, the communicator sees the other one's death.
            if self._comm is None and self._messages.peers[self._receiver].has_died():
                break
            is_done = self._lane.close(timeout=min(0.1, max(0.0, end - time.monotonic())))
        if not is_done:
            if self._comm is None:
                return  # the thread waits for a rank that never comes
            self._comm.abort()
            self._lane.close()
        if self._comm is not None:
            self._comm.destroy()


class Inbox:
    """What comes from one rank. The guard of Messages guards its lists; its thread owns the communicator."""

    def __init__(self, messages, sender):
        self._messages, self._sender = messages, sender
        self.wanted = collections.deque()
        self._kept = collections.deque()   # of tag and bytes
        self._comm = None
        self._failure = None
        self._thread = threading.Thread(target=self._run, name=f"flexmig-from-{sender}", daemon=True)
        self._thread.start()

    def kept_with(self, tag):
        """Takes out the first message with the tag that came before anybody asked."""
        for index, (of, message) in enumerate(self._kept):
            if of == tag:
                del self._kept[index]
                return message
        return None

    def look(self, work):
        if self._comm is None and self._messages.peers[self._sender].has_died():
            work.finish(error=_death(self._messages, self._sender))

    def _run(self):
        messages, guard = self._messages, self._messages._guard
        while True:
            with guard:
                while not messages._is_closed and not (
                        self.wanted or messages._wildcards and self._failure is None):
                    guard.wait()
                if messages._is_closed:
                    break
                failure = self._failure
            if failure is None:
                try:
                    self._receive()
                    continue
                except FlexmigError as error:
                    failure = of_job(error, messages._pair(self._sender, messages.rank))
            self._fail(failure)
        self._fail(FlexmigError("closed", "the process group was destroyed"))

    def _receive(self):
        if self._comm is None:
            self._comm = self._messages._communicator(self._sender, self._messages.rank)
        header = torch.empty(HEADER.size, dtype=torch.uint8)
        self._comm.recv(header.data_ptr(), HEADER.size, library.UINT8, 0)
        tag, size = HEADER.unpack(bytes(header.tolist()))
        with self._messages._guard:
            wanted = self._claim(tag)
        direct = wanted is not None and wanted.tensor.numel() * wanted.tensor.element_size() == size
        message = wanted.tensor if direct else torch.empty(size, dtype=torch.uint8)
        try:
            if size:
                self._comm.recv(message.data_ptr(), size, library.UINT8, 0)
        except FlexmigError as error:
            if wanted is not None:
                wanted.work.finish(error=of_job(error, self._messages._pair(self._sender, self._messages.rank)))
            raise
        if direct:
            wanted.done(self._sender)
            return
        with self._messages._guard:
            # Nobody asked when the header came; somebody may have since.
            wanted = wanted or self._claim(tag)
            if wanted is None:
                self._kept.append((tag, message))
        if wanted is not None:
            wanted.take(message, self._sender)

    def _claim(self, tag):
        """Takes out who asked first for a message with the tag, by this sender's number or any; the guard is held."""
        for line in (self.wanted, self._messages._wildcards):
            for wanted in list(line):
                if wanted.work.is_completed():
                    line.remove(wanted)  # gave up
                elif wanted.tag == tag:
                    line.remove(wanted)
                    return wanted
        return None

    def _fail(self, failure):
        with self._messages._guard:
            self._failure = failure
            failed = list(self.wanted)
            self.wanted.clear()
            inboxes = self._messages._inboxes
            if len(inboxes) == len(self._messages.peers) - 1 and all(box._failure for box in inboxes.values()):
                failed += self._messages._wildcards
                self._messages._wildcards.clear()
        for wanted in failed:
            wanted.work.finish(error=failure)

    def close(self):
        comm = self._comm
        if comm is not None:
            comm.abort()
            self._thread.join()
            comm.destroy()


def _death(messages, rank):
    number = messages._number(rank)
    return FlexmigError("rank-died", f"rank {number} died before it took part in messages", number)
