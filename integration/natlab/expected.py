"""Which path two sides of the laboratory must find, from what RFC 4787 says about their routers alone."""
import dataclasses

from natlab.routers import KINDS


@dataclasses.dataclass(frozen=True)
class Expectation:
    """`label` is the cell of the matrix; `paths` what client and host must say of their ends (" or " between two)."""
    label: str
    paths: tuple


DIRECT = Expectation("direct", ("direct udp", "direct udp"))


def effective(kind):
    """What the world sees of a side: of two translators in a row the stricter mapping and filtering."""
    if not kind.carrier:
        return kind
    outer = KINDS[kind.carrier]
    strict = ("endpoint", "address", "port")
    return dataclasses.replace(
        outer, name=kind.name, mapping="dependent" if "dependent" in (kind.mapping, outer.mapping) else outer.mapping,
        filtering=max(kind.filtering, outer.filtering, key=strict.index))


def punchable(a, b):
    """Both can open their router for the other: a symmetric one needs a peer that answers whatever port it comes from."""
    if a.ipv6 and b.ipv6:
        return True  # firewalls only, which are port-dependent filters without translation
    if not (a.ipv4 and b.ipv4):
        return False
    if a.symmetric and b.symmetric:
        return False
    return not any(one.symmetric and other.filtering == "port" for one, other in ((a, b), (b, a)))


def relay_transport(kind):
    """The best way to a TURN server that the router lets through."""
    return {"anything": "udp", "no-udp": "tcp", "tls-only": "tls"}[kind.outbound]


def expect(name_a, name_b):
    """With a TURN server that serves UDP, TCP and TLS, and relays for IPv4."""
    a, b = effective(KINDS[name_a]), effective(KINDS[name_b])
    if a.udp and b.udp and punchable(a, b):
        return DIRECT
    ends = tuple(relay_transport(kind) for kind in (a, b))
    order = ("udp", "tcp", "tls")
    # A relay over TLS comes last. Who waits for such a peer without a path has tried TLS as well by then.
    either = "relayed tcp or relayed tls"
    paths = tuple(either if "tls" in ends and end == "tcp" else f"relayed {end}" for end in ends)
    return Expectation("relayed " + max(ends, key=order.index), paths)
