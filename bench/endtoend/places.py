"""Where a party runs: one namespace with loopback for all of it, or two with a wire between them."""
import dataclasses

from moving.wire import Wire
from natlab.lab import End
from natlab.namespaces import Namespace

ENTRY_PORT = 5000    # where applications connect
MIDDLE_PORT = 6000   # between the two halves of a tunnel
SERVICE_PORT = 7000  # what is tunnelled to
SIGNAL_PORT = 8080
NEAR_ADDRESS, FAR_ADDRESS = "10.78.0.1", "10.78.0.2"  # at the ends of a wire


@dataclasses.dataclass
class Place:
    """`near` is the application's side, `far` the service's; the addresses are those they reach each other at."""
    near: Namespace
    far: Namespace
    near_address: str = "127.0.0.1"
    far_address: str = "127.0.0.1"
    wire: Wire = None

    def entry(self):
        """As ming_load names it."""
        return f"{self.near.name}/127.0.0.1:{ENTRY_PORT}"

    def service(self):
        return f"{self.far.name}/127.0.0.1:{SERVICE_PORT}"


def loopback_place(run, label):
    (space,) = run.make_namespaces(label)
    space.ip("link set lo up")
    return Place(space, space)


def wire_place(run, label, program, settings):
    """Two machines with a cable that delays and loses (integration/wire): the wire is the last process of the run."""
    near, far = run.make_namespaces(f"{label}-n", f"{label}-f")
    ends = [End(space, "eth0", ["link set lo up", "link set eth0 up", f"addr add {address}/24 dev eth0"])
            for space, address in ((near, NEAR_ADDRESS), (far, FAR_ADDRESS))]
    wire = Wire(program, run, *ends)
    for end in ends:
        end.space.ip(*end.setup)
    wire.set(settings)
    return Place(near, far, NEAR_ADDRESS, FAR_ADDRESS, wire)
