"""What happens to the network or the servers. Each event takes (world, side) and returns when the network was whole again.

`side`: "a" is the client's home, "b" the host's.
"""
import time

from natlab.lab import SIGNALING

BLACK_OUT = "table inet black_out { chain stop { type filter hook forward priority -300; policy drop; }\n}"
NUMBERS = {"a": 1, "b": 2}


def rebinding(world, side):
    """The router forgets its mappings: each flow gets another public port."""
    world.lab.rebind(world.router(side))
    return time.monotonic()


def roaming(world, side):
    """The home moves to another network behind the same router: the old address is gone."""
    number = NUMBERS[side]
    world.router(side).ip(f"addr add 10.99.{number}.1/24 dev lan")
    world.home(side).ip(f"addr del 192.168.{number}.2/24 dev eth0", f"addr add 10.99.{number}.7/24 dev eth0",
                        f"route replace default via 10.99.{number}.1")
    return time.monotonic()


def new_public_address(world, side):
    """The provider gives the router another address."""
    link = world.lab.links[world.router(side).label]
    old, new = f"203.0.113.{NUMBERS[side]}/24", f"203.0.113.{NUMBERS[side] + 50}/24"
    link.inner.setup = [line.replace(old, new) for line in link.inner.setup]
    world.router(side).ip(f"addr del {old} dev wan")
    world.lab.set_up(link)
    return time.monotonic()


def wan_flap(world, side):
    """The router's uplink is down for 3 s. It forgets its mappings."""
    router = world.router(side)
    router.ip("link set wan down")
    time.sleep(3)
    world.lab.set_up(world.lab.links[router.label])
    return time.monotonic()


def black_out(seconds):
    """Nothing passes for so long; nobody is told."""
    def event(world, side):
        router = world.router(side)
        router.nft(BLACK_OUT)
        time.sleep(seconds)
        router.nft("delete table inet black_out")
        return time.monotonic()
    event.__doc__ = f"Nothing passes for {seconds} s; nobody is told."
    return event


def narrower_link(world, side):
    """The link between home and router carries 1280 bytes from now on; both of its ends know."""
    assert world.wire_at == f"home_{side}"
    world.wire.mtu(1280)
    return time.monotonic()


def black_hole(world, _side):
    """Packets of more than 1280 bytes vanish; nobody is told."""
    world.wire.set("drop-larger=1280B")
    return time.monotonic()


def jumbo_black_hole(world, _side):
    """Packets of more than 1500 bytes vanish; nobody is told."""
    world.wire.set("drop-larger=1500B")
    return time.monotonic()


def signaling_replaced(world, side):
    """The signaling server is killed and started again; when both are back with it, the router forgets its mappings."""
    world.lab.signaling_server.kill()
    world.lab.signaling()
    world.wait_registered()
    return rebinding(world, side)


def signaling_moved(world, side):
    """A signaling server at another address takes over the name of the old one; then the router forgets its mappings."""
    world.lab.signaling_server.kill()
    old, new = SIGNALING[4], "203.0.113.11"
    world.lab.signaling_space.sysctl("ipv4.conf.eth0.promote_secondaries", 1)  # one address after the other, the routes stay
    world.lab.signaling_space.ip(f"addr add {new}/24 dev eth0", f"addr del {old}/24 dev eth0")
    world.names = {name: new if address == old else address for name, address in world.names.items()}
    world.tell_names()
    world.lab.signaling(at=new)
    world.wait_registered()
    return rebinding(world, side)


def names_gone(world, _side):
    """No name can be resolved any more."""
    world.names = {}
    world.tell_names()
    return time.monotonic()


def names_gone_and_rebinding(world, side):
    """No name can be resolved any more; then the router forgets its mappings."""
    names_gone(world, side)
    return rebinding(world, side)


def turn_lost(world, _side):
    """The TURN server that carries most is killed."""
    world.busiest_turn().process.kill()
    return time.monotonic()
