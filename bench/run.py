"""One run of the bench: where its servers are, how much is asked of what is measured, and what was found."""

from dataclasses import dataclass, field

from bench.figures import Figures
from bench.servers import Servers


@dataclass(frozen=True)
class Sizes:
    """How long or how much; a quick run says whether the bench works, not how fast the house is."""

    rounds: int = 3
    flow_s: float = 6
    in_flight: int = 400
    """Of the peers' messages; more makes none of them faster, since they take one at a time."""
    ours_in_flight: tuple[int, ...] = (400, 2000)
    road_s: float = 8
    intake: int = 12_000
    plain: int = 30_000
    latency_s: float = 16
    backlog: int = 100_000
    letters: int = 10_000
    grown: tuple[int, ...] = (100_000,)


QUICK = Sizes(
    rounds=1,
    flow_s=2,
    ours_in_flight=(2000,),
    road_s=3,
    intake=3_000,
    plain=10_000,
    latency_s=5,
    backlog=10_000,
    letters=1_000,
    grown=(10_000,),
)


@dataclass
class Run:
    servers: Servers
    sizes: Sizes
    figures: Figures = field(default_factory=Figures)
    round: int = 0
    """The first is 0; what needs no comparison is measured in it alone."""
