// ming_hostile: one attack on a ming server, host or client, by command line. It keeps to addresses
// it is told, prints
// {"event": "started"} and, at the end, what it did and what came back as one line of JSON.
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <string>
#include <vector>

#include "options.h"

namespace ming::hostile {
namespace {

std::vector<Attack> AllAttacks() {
  std::vector<Attack> all;
  for (std::vector<Attack> some :
       {SignalingAttacks(), RogueServerAttacks(), DatagramAttacks(), PeerAttacks()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

void PrintUsage() {
  std::printf("usage: ming_hostile ATTACK [--flag value]...\n");
  for (const Attack& attack : AllAttacks()) {
    std::printf("\n  %s: %s\n", attack.name.c_str(), attack.help.c_str());
    for (const Flag& flag : attack.flags) {
      std::printf("    --%-12s %s%s\n", flag.name.c_str(), flag.help.c_str(),
                  flag.preset.empty() ? "" : (" (default " + flag.preset + ")").c_str());
    }
  }
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0] == "--help") {
    PrintUsage();
    return arguments.empty() ? 2 : 0;
  }
  for (const Attack& attack : AllAttacks()) {
    if (attack.name != arguments[0]) continue;
    const auto options = Options::Parse(attack.flags, {arguments.begin() + 1, arguments.end()});
    if (!options.ok()) {
      std::fprintf(stderr, "ming_hostile %s: %s\n", attack.name.c_str(),
                   options.status().message().c_str());
      return 2;
    }
    RaiseDescriptorLimit();
    signal(SIGPIPE, SIG_IGN);
    Report report;
    attack.run(*options, report);
    report.PrintEnded();
    return 0;
  }
  std::fprintf(stderr, "ming_hostile: no attack is named %s (--help lists them)\n",
               arguments[0].c_str());
  return 2;
}

}  // namespace
}  // namespace ming::hostile

int main(int argc, char** argv) { return ming::hostile::Main({argv + 1, argv + argc}); }
