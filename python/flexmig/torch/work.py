"""What a collective returns, and the thread that does what was started, in order."""

import collections
import datetime
import re
import threading

import torch
import torch.distributed as dist

from flexmig.library import FlexmigError


class _Completions:
    """Keeps threads out of PyTorch's C++ while Python ends.

    Python ends a thread that asks for its lock then by unwinding its stack, and PyTorch's futures ask for it where C++ does
    not allow that: the process would abort. So whoever completes work on a thread of ours does it inside `with`; the end of the
    program waits for those, and lets no other in.
    """

    def __init__(self):
        self._changed = threading.Condition(threading.Lock())
        self._inside = 0
        self._is_over = False

    def __enter__(self):
        with self._changed:
            is_late = self._is_over and threading.current_thread().daemon
            if not is_late:
                self._inside += 1
                return
        threading.Event().wait()       # the process ends in a moment

    def __exit__(self, *_):
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def end(self, timeout=10):
        """The program ends. A callback that blocks does not keep it for longer than `timeout` seconds."""
        with self._changed:
            self._is_over = True
            self._changed.wait_for(lambda: self._inside == 0, timeout)


completions = _Completions()


class Work(dist.Work):
    """One collective or message. Done once; then it has results or an error.

    For CUDA tensors "done" means that all copies are in a stream: wait() lets the current stream wait for it.
    """

    def __init__(self, name, results, limit=None, check=None):
        """`limit`: seconds for wait(), where the engine has no time limit of its own; `check` is called meanwhile."""
        super().__init__()
        self.name, self.results = name, results
        self._limit, self._check = limit, check
        self._error = None
        self._event = None             # a CUDA event behind the last copy
        self._is_done = False
        self._guard = threading.Lock()
        self._futures = None           # the one that is set, and the one that is handed out
        self._pending = threading.Lock()
        self._pending.acquire()        # released when done
        self.keeper = None             # a KeptWorks that has it

    # -- By who does the work

    def finish(self, error=None, event=None):
        """Says that the work is done. The first call counts."""
        with completions:
            with self._guard:
                if self._is_done:
                    return
                self._error, self._event, self._is_done = error, event, True
                futures = self._futures
            self._pending.release()
            if futures:
                futures[0].set_result(None)
            del futures

    # -- As PyTorch has it

    def wait(self, timeout=datetime.timedelta(0)):
        seconds = timeout.total_seconds()
        limit = seconds if seconds > 0 else self._limit
        if not self._is_done:
            self._await(limit)
        if self.keeper is not None:
            self.keeper.let_go(self)
        if self._error is not None:
            raise self._error
        self.synchronize()
        return True

    def _await(self, limit):
        left = limit
        while True:
            part = -1 if left is None and self._check is None else min(0.5, left if left is not None else 0.5)
            if self._pending.acquire(timeout=part):
                self._pending.release()
                return
            if self._check is not None:
                self._check(self)
            if left is not None:
                left -= part
                if left <= 0 and not self._is_done:
                    late = FlexmigError("timed-out", f"{self.name} was not done after {limit:g} s")
                    if self._limit is None:
                        raise late
                    # A message is given up; the engine's thread goes on with a collective.
                    self.finish(error=late)
                    return

    def synchronize(self):
        if self._event is not None:
            torch.cuda.current_stream(self._event.device).wait_event(self._event)

    def is_completed(self):
        return self._is_done and (self._event is None or self._event.query())

    def is_success(self):
        return self._is_done and self._error is None

    def exception(self):
        return self._error

    def result(self):
        return self.results

    def get_future(self):
        with self._guard:
            if self._futures is None:
                devices = sorted({tensor.device for tensor in self.results if tensor.is_cuda}, key=str)
                future = torch.futures.Future(devices=devices) if devices else torch.futures.Future()
                # An error is raised in a callback: so it is one for C++ too, which set_exception's is not.
                self._futures = future, future.then(self._outcome)
                if self._is_done:
                    future.set_result(None)
            return self._futures[1]

    def _outcome(self, _):
        if self._error is not None:
            raise self._error
        # A future of CUDA tensors remembers the streams that are current here.
        self.synchronize()
        return self.results

    def get_future_result(self):
        return self.get_future().then(lambda future: 0)


class KeptWorks:
    """Keeps works alive for C++ until somebody has waited for them, and of those that are done the last few.

    Who takes a work's future does not wait for the work, so that nothing tells when he needs it no more.
    """

    MOST = 64

    def __init__(self):
        self._guard = threading.Lock()
        self._works = {}               # by id, the oldest first

    def keep(self, work):
        work.keeper = self
        with self._guard:
            self._works[id(work)] = work
            late = len(self._works) - self.MOST
            dropped = [old for old in self._works.values() if old.is_completed()][:late] if late > 0 else []
            for old in dropped:
                del self._works[id(old)]

    def let_go(self, work):
        with self._guard:
            self._works.pop(id(work), None)


class AnySourceWork(Work):
    """A message of whoever sends first."""

    source = -1

    def _source_rank(self):
        return self.source

    source_rank = _source_rank


class Batch(Work):
    """Several calls, done when all are."""

    def __init__(self, works):
        super().__init__("a batch", [tensor for work in works for tensor in work.results])
        self._works = works

    def wait(self, timeout=datetime.timedelta(0)):
        return all([work.wait(timeout) for work in self._works])

    def is_completed(self):
        return all([work.is_completed() for work in self._works])

    def is_success(self):
        return all(work.is_success() for work in self._works)

    def exception(self):
        return next((work.exception() for work in self._works if work.exception() is not None), None)

    def get_future(self):
        return torch.futures.collect_all([work.get_future() for work in self._works])


class Lane:
    """A thread that does one thing after the other, started with the first one.

    Where nothing is under way, a caller who would wait anyway does it on its own thread, without two hand-overs.
    """

    def __init__(self, name):
        self._name = name
        self._items = collections.deque()
        self._changed = threading.Condition(threading.Lock())
        self._is_busy = False     # somebody is doing something
        self._is_closed = False
        self._thread = None

    def start(self, work, body):
        """Does `body` later; `work` learns of its end."""
        with self._changed:
            if self._is_closed:
                raise FlexmigError("closed", "the process group was destroyed")
            self._items.append((work, body))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def perform(self, work, body):
        """Does `body` after all that was started, on this thread where it can."""
        with self._changed:
            is_free = not self._items and not self._is_busy and not self._is_closed
            if is_free:
                self._is_busy = True
        if not is_free:
            self.start(work, body)
            return
        try:
            _do(work, body)
        finally:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()

    def _run(self):
        while True:
            with self._changed:
                while self._is_busy or not self._items:
                    if self._is_closed and not self._items:
                        return
                    self._changed.wait()
                work, body = self._items.popleft()
                self._is_busy = True
            _do(work, body)
            with completions:
                del work, body
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()

    def close(self, timeout=None):
        """Takes nothing more, and waits for what was started. Returns whether all was done in time."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._items and not self._is_busy, timeout)


def _do(work, body):
    try:
        # Results may be parameters, which autograd guards else.
        with torch.no_grad():
            event = body()
    except BaseException as problem:  # whatever it is, somebody waits for it
        work.finish(error=problem)
    else:
        work.finish(event=event)


def of_job(error, ranks):
    """The error with the job's rank numbers in the place of a group's."""
    if ranks is None:
        return error

    def number(match):
        index = int(match[0])
        return str(ranks[index]) if index < len(ranks) else match[0]

    text = re.sub(r"\branks? \d+(?:(?:, | and |, and )\d+)*", lambda part: re.sub(r"\d+", number, part[0]), error.text)
    return FlexmigError(error.name, text, ranks[error.rank] if 0 <= error.rank < len(ranks) else error.rank)
