// Probes: clients that came while another one held their place, and wait for its sign of life: how
// many there may be, and until when.
#ifndef MING_REVERSE_PROBES_H_
#define MING_REVERSE_PROBES_H_

#include <cstddef>
#include <map>
#include <vector>

#include "ming/base/time.h"
#include "ming/reverse/client_hello.h"
#include "ming/reverse/reverse_types.h"

namespace ming::reverse {

class Probes {
 public:
  struct Limits {
    size_t all;
    size_t of_address;  // for one place
  };
  enum class Joined {
    kBegun,   // the first one: ask the holder of the place for a sign of life
    kShared,  // waits for the same result
    kFull,    // not taken
  };

  explicit Probes(const Limits& limits) : limits_(limits) {}

  // `holder` is the control connection of who has the place. `deadline` counts for who is first.
  Joined Join(LinkId holder, ClientHello newcomer, Timestamp deadline);
  // One has left; a probe that nobody waits for is over. False: none of ours.
  bool Leave(LinkId newcomer);
  // The result is there: who waited for it, in the order of arrival.
  std::vector<ClientHello> Take(LinkId holder);
  bool IsDue(LinkId holder, Timestamp now) const;

  // Timestamp::Max() when there are none.
  Timestamp NextTimeout() const;
  // Newcomers of all.
  size_t size() const { return size_; }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  struct Probe {
    Timestamp deadline;
    std::vector<ClientHello> newcomers;
  };

  const Limits limits_;
  std::map<LinkId, Probe> probes_;  // by holder
  size_t size_ = 0;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_PROBES_H_
