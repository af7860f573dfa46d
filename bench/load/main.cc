// ming_load: both ends of a load, and a relay to compare with. It costs little, so that on two
// cores the tunnel is what is measured, and it ends with 1 on the first error.
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "ming/load/crowd_load.h"
#include "ming/load/datagram_load.h"
#include "ming/load/endpoint.h"
#include "ming/load/options.h"
#include "ming/load/relay.h"
#include "ming/load/stream_load.h"

namespace {

constexpr char kUsage[] =
    "usage: ming_load streams --service PLACE --entry PLACE [--streams N] [--direction "
    "up|down|both]\n"
    "                         [--ping-size BYTES] [--warm S] [--seconds S] [--congestion NAME]\n"
    "       ming_load connect --service PLACE --entry PLACE [--count N]\n"
    "       ming_load datagrams --service PLACE --entry PLACE [--size BYTES] [--rate N] [--seconds "
    "S]\n"
    "       ming_load crowd --entry PLACE [--count N] [--seconds S] [--hold 1]\n"
    "       ming_load echo --service PLACE\n"
    "       ming_load relay --entry PLACE --service PLACE\n"
    "\n"
    "The service listens at one place, the application connects to the other: ADDRESS:PORT, or\n"
    "NAMESPACE/ADDRESS:PORT. The last line is JSON.\n";

using Command = void (*)(ming::load::Options);

Command Find(const std::string& name) {
  if (name == "streams") return ming::load::RunStreams;
  if (name == "connect") return ming::load::RunConnect;
  if (name == "datagrams") return ming::load::RunDatagrams;
  if (name == "crowd") return ming::load::RunCrowd;
  if (name == "echo") return ming::load::RunEcho;
  if (name == "relay") return ming::load::RunRelay;
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const Command command = words.empty() ? nullptr : Find(words.front());
  if (command == nullptr) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  command(ming::load::Options({words.begin() + 1, words.end()}));
  std::fflush(stdout);
  std::_Exit(0);  // threads of the service still wait for connections
}
