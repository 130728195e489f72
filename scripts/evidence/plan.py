"""What is run: the cells that docs/evidence/parameters.md fixes, as arguments of `flexmig simulate`."""
from __future__ import annotations

from dataclasses import dataclass

MIXES = ("uniform", "skew-small", "skew-big", "bimodal", "sevenths")
LOADS = ("0.8", "1.0", "1.3")
SEEDS = 10
AGAINST = ("drain", "partial", "static", "migrate")
COMMON = ("4+3", "4+2+1", "3+3", "3+2+2", "2+2+2+1", "1+1+1+1+1+1+1")
ALL_MODELS = (("whole", "static") + tuple("static:" + sizes for sizes in COMMON)
              + ("drain", "partial", "migrate", "fgd", "fixed", "greedy", "hybrid", "hybrid-moldable"))
RIVALS = ("static", "drain", "partial", "migrate", "fixed", "greedy", "hybrid")
# What a step over several leaves takes more than its share of a step on one.
SPANNING_COSTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
# A cost at which nobody spans.
NEVER = 99.0
DRAINS = ("20s", "180s", "300s")
# Where a group has other seeds than SEEDS.
SEEDS_OF = {"hindsight": 3, "quick": 4, "sensitivity": 5}

# Seconds into the trace at which the window begins, and its days.
PHILLY_WINDOW = (3_656_225, 7)
OPENB_WINDOW = (10_272_218, 30)
PHILLY = ("--trace", "{work}/philly-{seed}.csv", "--window", "%d:+%dd" % PHILLY_WINDOW, "--clamp", "48h")
# Time scales that bring the jobs of a window to a load: parameters.md has the arithmetic.
PHILLY_SCALES = {"0.8": "0.8114", "1.0": "1.0142", "1.3": "1.3185"}
OPENB_SCALES = {
    "ceil": {"0.8": "1.2104", "1.0": "1.5130", "1.3": "1.9669"},
    "nearest": {"0.8": "1.2363", "1.0": "1.5454", "1.3": "2.0091"}}


@dataclass(frozen=True)
class Cell:
    """One workload at one load under one set of costs, for several models and both queues."""
    group: str
    workload: str
    load: str
    arguments: tuple[str, ...]
    models: tuple[str, ...]
    seeds: int = SEEDS
    queues: tuple[str, ...] = ("fifo", "backfill")
    # What differs from the group's usual: "drain 20s", "spanning +0.25", "estimates none".
    variant: str = ""
    # Whether each seed has a trace of its own: MISO's permutations, and real traces with the parts of seconds drawn.
    permutations: bool = False

    @property
    def name(self) -> str:
        return "-".join(part for part in (
            self.group, self.workload, self.load, self.variant.replace(" ", "").replace("+", "")) if part)

    def commands(self, folder: str) -> list[list[str]]:
        """The arguments of each run of `flexmig`; `{work}` in them stands for the working folder."""
        common = ["simulate", *self.arguments, "--models", ",".join(self.models), "--queue", ",".join(self.queues),
                  "--gantt", "0"]
        if not self.permutations:
            return [common + ["--seeds", str(self.seeds), "--out", folder]]
        return [[argument.replace("{seed}", str(seed)) for argument in common]
                + ["--seeds", "1", "--out", "%s/%d" % (folder, seed)] for seed in range(1, self.seeds + 1)]


def generated(mix: str, load: str, gpus: int = 8, *more: str) -> tuple[str, ...]:
    return ("--generate", mix, "--jobs", "2000", "--load", load, "--gpus", "a100-40gb:%d" % gpus, *more)


def workloads(openb: str | None) -> list[tuple[str, str, tuple[str, ...], bool]]:
    """Name, load, arguments, and whether seeds are permutations, of the main cells."""
    rows: list[tuple[str, str, tuple[str, ...], bool]] = []
    for mix in MIXES:
        rows += [(mix, load, generated(mix, load), False) for load in LOADS]
    for load in LOADS:
        rows.append(("philly-slice", load, PHILLY + (
            "--mapping", "w-slice", "--time-scale", PHILLY_SCALES[load], "--gpus", "a100-40gb:50"), True))
    rows.append(("philly-whole", "1.0", PHILLY + ("--mapping", "w-whole", "--gpus", "a100-40gb:368"), True))
    if openb:
        for rule in ("ceil", "nearest"):
            for load in LOADS:
                rows.append(("openb-" + rule, load, (
                    "--trace", "{work}/openb-{seed}.csv", "--window", "%d:+%dd" % OPENB_WINDOW, "--clamp", "48h",
                    "--mapping", "f-" + rule, "--time-scale", OPENB_SCALES[rule][load], "--gpus", "a100-40gb:16"), True))
    for gpus in (4, 8):
        rows.append(("miso", "%d GPUs" % gpus, (
            "--trace", "{work}/miso-{seed}.csv", "--window", "10000:+10000", "--mapping", "f-ceil",
            "--gpus", "a100-40gb:%d" % gpus), True))
    rows.append(("miso-whole", "8 GPUs", (
        "--trace", "{work}/miso-whole-{seed}.csv", "--window", "10000:+10000", "--mapping", "w-whole",
        "--gpus", "a100-40gb:8"), True))
    return rows


def given(cost: float, speeds: str = "miso") -> tuple[str, ...]:
    """A spanning cost for every model, from a file that `inputs` writes; MISO's speeds or linear ones."""
    table = ("--speeds", "{work}/linear.csv") if speeds == "linear" else ()
    return ("--spanning", "{work}/spanning-%s.json" % text(cost), "--spanning-for-all", "given", *table)


def text(cost: float) -> str:
    return "%g" % cost


def cells(openb: str | None) -> list[Cell]:
    """All cells in the order of the tables."""
    found = [Cell("main", name, load, arguments, ALL_MODELS, permutations=permutes)
             for name, load, arguments, permutes in workloads(openb)]
    # The search costs forty runs: fewer seeds, and the middle load alone.
    found += [Cell("hindsight", name, load, arguments, ("static", "hindsight", "partial", "hybrid"), seeds=SEEDS_OF["hindsight"],
                   permutations=permutes)
              for name, load, arguments, permutes in workloads(openb) if load in ("1.0", "8 GPUs")]
    # What the controls come to where cutting costs no time at all: then nothing may differ.
    found += [Cell("control", name, load, arguments + ("--recut", "0s", "--drain", "0s"),
                   ("whole", "static", "drain", "partial", "migrate", "fgd", "greedy", "hybrid"), variant="re-cut 0s drain 0s",
                   permutations=permutes)
              for name, load, arguments, permutes in workloads(openb) if name.endswith("-whole")]
    for drain in ("20s", "300s"):
        found += [Cell("drain", name, load, arguments + ("--drain", drain), ("drain", "fixed", "hybrid"),
                       variant="drain " + drain, permutations=permutes)
                  for name, load, arguments, permutes in workloads(openb)]
    found += [Cell("no-memory", mix, load, generated(mix, load, 8, "--memory", "none"), RIVALS)
              for mix in MIXES for load in LOADS]
    found += [Cell("no-memory", name, load, arguments + ("--memory", "none"), RIVALS, permutations=permutes)
              for name, load, arguments, permutes in workloads(openb) if name == "miso"]
    for variant, more in (("exact", ()), ("within a factor of 2", ("--estimates", "2")),
                          ("none", ("--estimates", "none")), ("no memory, linear speeds, spanning +5 %", ("--memory", "none", *given(0.05, "linear"))),
                          ("no memory, linear speeds, spanning +25 %",
                           ("--memory", "none", *given(0.25, "linear")))):
        found += [Cell("quick", mix, "1.3", generated(mix, "1.3", 8, *more), RIVALS, seeds=SEEDS_OF["quick"], variant=variant)
                  for mix in MIXES]
    for speeds in ("miso", "linear"):
        for cost in SPANNING_COSTS:
            for drain in DRAINS:
                models = RIVALS if drain == "180s" else ("drain", "fixed", "hybrid")
                found += [Cell("sensitivity", mix, "1.0",
                               generated(mix, "1.0", 8, "--memory", "none", "--drain", drain, *given(cost, speeds)), models,
                               seeds=SEEDS_OF["sensitivity"],
                               variant="%s speeds spanning +%s drain %s" % (speeds, text(cost), drain))
                          for mix in MIXES]
    found += causes(openb)
    measured = ("--spanning", "docs/evidence/spanning.json", "--spanning-for-all", "digits-training")
    found += [Cell("measured", mix, "1.0", generated(mix, "1.0", 8, *measured), RIVALS) for mix in MIXES]
    return found


def causes(openb: str | None) -> list[Cell]:
    """Experiments on why `hybrid` loses where it does: what is suspected is taken away."""
    main = {(name, load): arguments for name, load, arguments, _ in workloads(openb)}
    slices = main["philly-slice", "1.0"]
    never = given(NEVER)
    found = [
        Cell("causes", "philly-slice", "1.0", slices, ("partial", "migrate", "hybrid"), queues=("backfill-10",),
             variant="ten jobs in line keep their place", permutations=True),
        Cell("causes", "philly-slice", "1.0", slices + never, ("partial", "hybrid"), queues=("backfill",),
             variant="spanning never pays", permutations=True)]
    if openb:
        found.append(Cell("causes", "openb-ceil", "0.8", main["openb-ceil", "0.8"] + never, ("partial", "hybrid"),
                          queues=("fifo",), variant="spanning never pays", permutations=True))
    # What MISO's table gives to jobs that are split, and that is not counted elsewhere.
    found += [Cell("causes", name, load, main[name, load] + ("--split-gains",), ("partial", "hybrid"),
                   variant="split gains counted", permutations=name.startswith("philly"))
              for name, load in [(mix, "1.0") for mix in MIXES] + [("philly-slice", "1.0"), ("philly-whole", "1.0")]]
    found += [Cell("causes", mix, "1.3", generated(mix, "1.3", 8, "--restart", "3600s"), ("partial", "migrate", "hybrid"),
                   queues=("fifo",), variant="restart 1h") for mix in ("uniform", "skew-small")]
    return found


def sample() -> list[Cell]:
    """A few small cells that take seconds: for the tests."""
    models = ("whole", "static", "drain", "partial", "fixed", "hybrid")
    small = ("--generate", "bimodal", "--jobs", "60", "--load", "1.3", "--gpus", "a100-40gb:1")
    return [
        Cell("main", "bimodal", "1.3", small, models, seeds=3),
        Cell("main", "miso", "4 GPUs", (
            "--trace", "{work}/miso-{seed}.csv", "--window", "10000:+10000", "--mapping", "f-ceil",
            "--gpus", "a100-40gb:4"), models, seeds=3, permutations=True),
        Cell("sensitivity", "bimodal", "1.3", small + given(0.5), models, seeds=3,
             variant="miso speeds spanning +0.5 drain 180s")]
