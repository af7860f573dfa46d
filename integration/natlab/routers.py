"""What the routers of the laboratory do: for each kind its nft rules, by RFC 4787 mapping and filtering.

Every router has an interface `lan` inside and `wan` outside. Mappings are made by the kernel: for one inside address and port
it uses an existing source mapping again as long as that fits the range, which makes a plain range endpoint-independent;
`fully-random` makes it depend on the destination. The range keeps the public port different from the local one, so that a
program that advertises its local port is found out. The input chain drops what nobody asked for silently: an ICMP answer would
make the kernel keep an entry for the stray packet, and a hole punched later would get another port.
"""
import dataclasses

PORTS = "20000-29999"
# Named counters of every router: what its home tried over UDP where that is forbidden; what left to peers, to the TURN server
# over UDP, TCP and TLS; what came in over UDP.
COUNTERS = ("udp_blocked", "udp_direct", "udp_relay", "tcp_relay", "tls_relay", "udp_in")

_OUT_NO_UDP = "meta l4proto udp counter name udp_blocked drop"
_OUT_TLS_ONLY = """iifname "lan" tcp dport != 443 drop
iifname "lan" meta l4proto udp counter name udp_blocked drop
iifname "lan" meta l4proto != tcp drop"""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A side of the laboratory: the families of its home, what its router and a carrier's router in front of it do."""
    name: str
    mapping: str = "independent"      # or "dependent" (on the destination), or "preserving" (the port stays the same)
    filtering: str = "port"           # "endpoint" (none), "address" or "port" dependent
    outbound: str = "anything"        # or "no-udp", "tls-only" (TCP to port 443)
    hairpin: bool = False             # inside hosts reach one another by their public ports
    ipv4: bool = True
    ipv6: bool = False                # routed, not translated; behind a firewall that lets answers in
    carrier: str = ""                 # the kind of a second translator in front: double NAT

    @property
    def symmetric(self):
        return self.mapping == "dependent"

    @property
    def udp(self):
        return self.outbound == "anything"


KINDS = {kind.name: kind for kind in (
    Kind("full", filtering="endpoint"),
    Kind("full-hairpin", filtering="endpoint", hairpin=True),
    Kind("addr", filtering="address"),
    Kind("port"),
    Kind("port-preserving", mapping="preserving"),
    Kind("sym", mapping="dependent"),
    Kind("udp-blocked", outbound="no-udp"),
    Kind("tls-only", outbound="tls-only"),
    Kind("double", carrier="port"),
    Kind("double-sym", carrier="sym"),
    Kind("dual", ipv6=True),
    Kind("ipv6-only", ipv4=False, ipv6=True),
)}


def rules(kind, wan_address, lan_network, relays):
    """The nft script of one router; it replaces all rules of its namespace. `relays`: the TURN server's addresses."""
    script = ["flush ruleset", _firewall(kind, relays)]
    if kind.ipv4:
        script.append(_translation(kind, wan_address, lan_network))
    return "\n".join(script) + "\n"


def rebind_commands(kind):
    """The nft commands that forget what was learned beside conntrack's own table."""
    commands = []
    if kind.ipv4 and kind.filtering == "endpoint":
        commands.append("flush map ip translation learned")
    if kind.ipv4 and kind.filtering == "address":
        commands += ["flush map ip translation learned", "flush set inet firewall contacted"]
    return "\n".join(commands)


def _declare_counters():
    return "\n".join(f"counter {name} {{ }}" for name in COUNTERS)


def _count(relays):
    """What passes from home to public, apart by the way it takes."""
    lines = []
    for family, addresses in (("ip", [a for a in relays if ":" not in a]), ("ip6", [a for a in relays if ":" in a])):
        to_relay = f'oifname "wan" {family} daddr {{ {", ".join(addresses)} }}'
        lines += [f"{to_relay} meta l4proto udp counter name udp_relay", f"{to_relay} tcp dport 3478 counter name tcp_relay",
                  f"{to_relay} tcp dport {{ 5349, 443 }} counter name tls_relay",
                  f'oifname "wan" {family} daddr != {{ {", ".join(addresses)} }} meta l4proto udp counter name udp_direct']
    return "\n".join([*lines, 'iifname "wan" meta l4proto udp counter name udp_in'])


def _firewall(kind, relays):
    outbound = {"anything": "", "no-udp": _OUT_NO_UDP, "tls-only": _OUT_TLS_ONLY}[kind.outbound]
    unasked = {"endpoint": 'iifname "wan" meta l4proto udp ct status dnat accept',
               "address": 'iifname "wan" meta l4proto udp ip saddr . ct original proto-dst @contacted accept',
               "port": ""}[kind.filtering] if kind.ipv4 else ""
    hairpin = 'iifname "lan" oifname "lan" ct status dnat accept' if kind.hairpin else ""
    contacted = ""
    if kind.ipv4 and kind.filtering == "address":
        # In this table, too: sets are not shared between tables.
        contacted = """set contacted { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; }
chain learn { type filter hook postrouting priority srcnat + 1
oifname "wan" meta l4proto udp update @contacted { ip daddr . udp sport }
}"""
    return f"""table inet firewall {{
{_declare_counters()}
{contacted}
chain forw {{ type filter hook forward priority filter; policy drop
{outbound}
{_count(relays)}
ct state established,related accept
iifname "lan" oifname "wan" accept
{unasked}
{hairpin}
}}
chain inp {{ type filter hook input priority filter
ct state established,related accept
icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert }} accept
iifname "wan" drop
}}
}}"""


def _translation(kind, wan_address, lan_network):
    learns = kind.filtering in ("endpoint", "address")
    outside = f'ip daddr {wan_address}' if kind.hairpin else 'iifname "wan"'
    learned = sets = pre = ""
    if learns:
        translated = "ct status snat" if kind.hairpin else 'oifname "wan"'
        sets = ("map learned { type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; }")
        learned = (f"chain learn {{ type filter hook postrouting priority srcnat + 1\n{translated} meta l4proto udp "
                   "update @learned { udp sport : ct original ip saddr . ct original proto-src }\n}")
        pre = f"{outside} meta l4proto udp dnat ip to udp dport map @learned"
    if kind.hairpin:
        post = (f'oifname "wan" meta l4proto {{ tcp, udp }} snat to {wan_address}:{PORTS}\n'
                f"ip saddr {lan_network} ct status dnat meta l4proto {{ tcp, udp }} snat to {wan_address}:{PORTS}")
    else:
        post = {"independent": f'oifname "wan" meta l4proto {{ tcp, udp }} masquerade to :{PORTS}',
                "dependent": f'oifname "wan" meta l4proto {{ tcp, udp }} masquerade to :{PORTS} fully-random',
                "preserving": ""}[kind.mapping]
    return f"""table ip translation {{
{sets}
chain pre {{ type nat hook prerouting priority dstnat
{pre}
}}
chain post {{ type nat hook postrouting priority srcnat
{post}
oifname "wan" masquerade
}}
{learned}
}}"""
