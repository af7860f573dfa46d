// ming_wire: a cable between two network namespaces that delays, loses, reorders, duplicates and
// limits what it carries. Commands on standard input change it while it runs; each is answered with
// one line on standard output. It ends, and the interfaces with it, when standard input ends.
#include <sys/prctl.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>
#include <utility>

#include "ming/wire/wire.h"

namespace {

constexpr char kUsage[] =
    "usage: ming_wire SEED NAMESPACE/INTERFACE NAMESPACE/INTERFACE\n"
    "\n"
    "Makes both interfaces and prints 'ready'. Then, from standard input:\n"
    "  set DIRECTION NAME=VALUE ...    DIRECTION is a-b, b-a or both; the names are delay, "
    "jitter,\n"
    "                                  loss, burst-start, burst-length, reorder, reorder-by,\n"
    "                                  duplicate, rate, queue, drop-larger\n"
    "  clear DIRECTION [NAME=VALUE]    a perfect cable again, then these\n"
    "  mtu BYTES                       of both interfaces\n"
    "  count                           frames of each direction, as JSON\n";

ming::Result<ming::wire::Tap> OpenTap(std::string_view place) {
  const auto parsed = ming::wire::ParseTapPlace(place);
  if (!parsed.ok()) return parsed.status();
  return ming::wire::Tap::Open(*parsed);
}

int Fail(const ming::Status& status) {
  std::fprintf(stderr, "ming_wire: %s\n", status.message().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t seed = 0;
  const std::string_view seed_text = argc == 4 ? argv[1] : "";
  const auto [end, error] =
      std::from_chars(seed_text.data(), seed_text.data() + seed_text.size(), seed);
  if (error != std::errc() || end != seed_text.data() + seed_text.size()) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  auto a = OpenTap(argv[2]);
  if (!a.ok()) return Fail(a.status());
  auto b = OpenTap(argv[3]);
  if (!b.ok()) return Fail(b.status());
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  prctl(PR_SET_TIMERSLACK, 1UL);  // frames are due to the microsecond
  std::puts("ready");
  std::fflush(stdout);
  ming::wire::Wire wire(std::move(a).value(), std::move(b).value(), seed);
  const ming::Status status = wire.Run();
  return status.ok() ? 0 : Fail(status);
}
