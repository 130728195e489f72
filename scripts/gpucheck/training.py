"""A few steps of a small transformer under DDP and FSDP, against one process with the whole batch.

Each rank also trains the model alone on the whole batch, with the same seed. The mean of the
ranks' losses may differ from that by LOSS_TOLERANCE of it, and a parameter by UPDATE_TOLERANCE of
the largest change that training made to any parameter.
"""
from __future__ import annotations

from typing import Any, Callable

STEPS, SAMPLES, LENGTH, WORDS, WIDTH = 5, 4, 24, 61, 64
LOSS_TOLERANCE, UPDATE_TOLERANCE = 1e-4, 1e-3


def make_model(torch: Any, device: str) -> Any:
    nn, functional = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.attend, self.mix = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x: Any) -> Any:
            heads = self.attend(self.first(x)).view(*x.shape[:2], 3, 4, WIDTH // 4)
            query, key, value = heads.permute(2, 0, 3, 1, 4)
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + self.mix(seen.transpose(1, 2).reshape(x.shape))
            return x + self.narrow(functional.gelu(self.widen(self.second(x))))

    torch.manual_seed(20)
    return nn.Sequential(nn.Embedding(WORDS, WIDTH), Block(), Block(), nn.LayerNorm(WIDTH),
                         nn.Linear(WIDTH, WORDS)).to(device)


def make_batch(torch: Any, step: int, world: int, device: str) -> Any:
    """The words of all ranks, `SAMPLES` rows each. Each word follows from the one before."""
    seed = torch.Generator().manual_seed(300 + step)
    first = torch.randint(0, WORDS, (world * SAMPLES, 1), generator=seed)
    return ((first + 7 * torch.arange(LENGTH + 1)) % WORDS).to(device)


def train(torch: Any, model: Any, batch: Callable[[int], Any]) -> list[Any]:
    """Losses of each step."""
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), []
    for step in range(STEPS):
        words = batch(step)
        guess = model(words[:, :-1])
        loss = torch.nn.functional.cross_entropy(guess.flatten(0, 1), words[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach().double())
    return losses


def compare(rank: Any, wrap: Callable[[Any, Any, Any], Any], name: str) -> None:
    torch, dist = rank.join()
    device = rank.job["device"]
    alone = make_model(torch, device)
    start = [parameter.detach().clone() for parameter in alone.parameters()]
    want = train(torch, alone, lambda step: make_batch(torch, step, rank.world, device))

    mine = slice(rank.number * SAMPLES, (rank.number + 1) * SAMPLES)
    if rank.job.get("spoil") == name and rank.number == 0:
        mine = slice(0, SAMPLES - 1)
    model = wrap(torch, dist, make_model(torch, device))
    losses = torch.stack(train(
        torch, model, lambda step: make_batch(torch, step, rank.world, device)[mine]))
    dist.all_reduce(losses)
    losses /= rank.world
    loss_error = max(float(abs(got - one) / one) for got, one in zip(losses, want))

    whole = [getattr(parameter, "full_tensor", lambda: parameter)().detach()
             for parameter in model.parameters()]
    pairs = list(zip(whole, (parameter.detach() for parameter in alone.parameters()), start))
    change = max(float((one - old).abs().max()) for _, one, old in pairs)
    error = max(float((got - one).abs().max()) for got, one, _ in pairs) / change
    first, last = float(want[0]), float(want[-1])
    right = loss_error <= LOSS_TOLERANCE and error <= UPDATE_TOLERANCE and change > 0
    rank.tell("case", operation=name, type="float32", count=STEPS, right=right, wrong=int(not right),
              same=None, loss_error=loss_error, update_error=error, first_loss=first,
              last_loss=last)


def check_ddp(rank: Any) -> None:
    def wrap(torch: Any, dist: Any, model: Any) -> Any:
        from torch.nn.parallel import DistributedDataParallel
        # Small buckets, so that there is more than one.
        return DistributedDataParallel(model, bucket_cap_mb=0.1,
                                       device_ids=[0] if rank.job["device"] == "cuda" else None)
    compare(rank, wrap, "ddp")


def check_fsdp(rank: Any) -> None:
    def wrap(torch: Any, dist: Any, model: Any) -> Any:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard
        mesh = init_device_mesh(rank.job["device"], (rank.world,))
        for block in model:
            fully_shard(block, mesh=mesh)
        return fully_shard(model, mesh=mesh)
    compare(rank, wrap, "fsdp")
