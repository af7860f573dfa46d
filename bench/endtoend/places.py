"""Where a party runs: one namespace with loopback for all of it, or two with a wire between them."""
import dataclasses

from natlab.namespaces import Namespace

ENTRY_PORT = 5000    # where applications connect
MIDDLE_PORT = 6000   # between the two halves of a tunnel
SERVICE_PORT = 7000  # what is tunnelled to
SIGNAL_PORT = 8080


@dataclasses.dataclass
class Place:
    """`near` is the application's side, `far` the service's; the addresses are those they reach each other at."""
    near: Namespace
    far: Namespace
    near_address: str = "127.0.0.1"
    far_address: str = "127.0.0.1"

    def entry(self):
        """As ming_load names it."""
        return f"{self.near.name}/127.0.0.1:{ENTRY_PORT}"

    def service(self):
        return f"{self.far.name}/127.0.0.1:{SERVICE_PORT}"


def loopback_place(run, label):
    (space,) = run.make_namespaces(label)
    space.ip("link set lo up")
    return Place(space, space)
