// What one attack was told on the command line, and what it reports.
#ifndef MING_HOSTILE_OPTIONS_H_
#define MING_HOSTILE_OPTIONS_H_

#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/status.h"

namespace ming::hostile {

using Clock = std::chrono::steady_clock;

// Ends the program with a sentence: 1, something does not work here; 2, wrong use.
[[noreturn]] void GiveUp(int exit_code, const std::string& why);
// The same with what errno says.
[[noreturn]] void GiveUpOnError(const std::string& what);

// `--name value`. An empty preset: the flag is required.
struct Flag {
  std::string name;
  std::string preset;
  std::string help;
};

class Options {
 public:
  // Pairs of `--name value`; anything that `flags` do not name, and a missing required one, is
  // kInvalidArgument.
  static Result<Options> Parse(const std::vector<Flag>& flags,
                               const std::vector<std::string>& arguments);

  // A flag of the attack; the program ends with a sentence where the value is not of that kind.
  const std::string& Text(const std::string& name) const;
  uint64_t Number(const std::string& name) const;
  std::chrono::seconds Seconds(const std::string& name) const;
  // "192.0.2.1:5000".
  sockaddr_in Address(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

// Counters by name, printed as one line of JSON when the attack is over.
class Report {
 public:
  void Add(const std::string& counter, uint64_t count = 1) { counters_[counter] += count; }
  void Set(const std::string& counter, uint64_t value) { counters_[counter] = value; }
  uint64_t Get(const std::string& counter) const;
  // {"event": "started"}: the attack is under way from here on.
  void PrintStarted();
  void PrintEnded() const;

 private:
  std::map<std::string, uint64_t> counters_;
  Clock::time_point start_ = Clock::now();
};

struct Attack {
  std::string name;
  std::string help;
  std::vector<Flag> flags;
  void (*run)(const Options& options, Report& report);
};

// The attacks of each file.
std::vector<Attack> SignalingAttacks();
std::vector<Attack> RogueServerAttacks();
std::vector<Attack> DatagramAttacks();
std::vector<Attack> PeerAttacks();

}  // namespace ming::hostile

#endif  // MING_HOSTILE_OPTIONS_H_
