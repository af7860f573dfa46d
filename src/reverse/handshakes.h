// Handshakes: connections on port B whose first line has not come: how many there may be, and until
// when. Nobody is known yet, so everything about them is bounded.
#ifndef MING_REVERSE_HANDSHAKES_H_
#define MING_REVERSE_HANDSHAKES_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "ming/base/bytes.h"
#include "ming/base/time.h"
#include "ming/reverse/line_reader.h"
#include "ming/reverse/reverse_types.h"

namespace ming::reverse {

class Handshakes {
 public:
  struct Limits {
    size_t all;
    size_t of_address;
  };
  // Who is behind a link.
  struct Origin {
    LinkId link;
    std::string address;              // without port
    std::optional<std::string> name;  // in the certificate
  };
  struct Step : LineReader::Step {
    bool foreign = false;  // it speaks no lines of text; nothing was taken
  };

  explicit Handshakes(const Limits& limits) : limits_(limits) {}

  // Deadlines are in the order of the ids. False: there are too many, beside `expected` ones.
  bool Add(LinkId link, const std::string& address, Timestamp deadline, size_t expected);
  bool Has(LinkId link) const { return links_.count(link) != 0; }
  // Whose certificate the link showed; others than ours are ignored.
  void SetName(LinkId link, const std::string& name);
  // Looks for the first line of one of ours in its next bytes.
  Step Take(LinkId link, ByteSpan bytes);
  // One of ours.
  Origin Remove(LinkId link);
  // The oldest whose deadline is not after `now`.
  std::optional<Origin> RemoveLate(Timestamp now);

  // Timestamp::Max() when there are none.
  Timestamp NextTimeout() const;
  size_t size() const { return links_.size(); }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  struct Link {
    std::string address;
    Timestamp deadline;
    LineReader reader;
    std::optional<std::string> name;
  };

  const Limits limits_;
  std::map<LinkId, Link> links_;
  std::unordered_map<std::string, size_t> of_address_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_HANDSHAKES_H_
