// ConnTable: the connections that a client has for callers, or for callers to come: how far each
// one is, and until when it may take.
#ifndef MING_REVERSE_CONN_TABLE_H_
#define MING_REVERSE_CONN_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/line_reader.h"
#include "ming/reverse/reverse_types.h"

namespace ming::reverse {

class ConnTable {
 public:
  enum class Stage { kDialingServer, kGreeting, kDialingTarget, kRelaying };
  struct Conn {
    codec::ReverseConnId id;
    Stage stage = Stage::kDialingServer;
    CallerKind kind = CallerKind::kStream;
    std::string source;
    Timestamp since;
    Timestamp deadline = Timestamp::Max();  // by SetDeadline
    LineReader reader;
    std::optional<codec::ReverseReason> aborted_for;
    bool spent = false;  // the id
    bool ahead = false;  // was opened for a caller to come
    bool has_caller = true;
    uint64_t reusable_in = 0;  // the session; 0: its link serves one caller
  };

  // A new id. References last until the connection is removed.
  Conn& Add(Conn conn);
  // Null: none of ours.
  Conn* Find(codec::ReverseConnId id);
  bool Has(codec::ReverseConnId id) const { return conns_.count(id) != 0; }
  // One of ours.
  Conn Remove(codec::ReverseConnId id);

  void BeginCaller(Conn& conn);
  void BeginRelay(Conn& conn);
  // Timestamp::Max(): none.
  void SetDeadline(Conn& conn, Timestamp deadline);
  // One whose deadline is not after `now`. Change it before the next call.
  Conn* Late(Timestamp now);

  // Timestamp::Max() when none has a deadline.
  Timestamp NextTimeout() const;
  std::vector<codec::ReverseConnId> ids() const;
  size_t size() const { return conns_.size(); }
  size_t relay_count() const { return relays_; }
  // Those without a caller.
  size_t ahead_count() const { return aheads_; }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  std::unordered_map<codec::ReverseConnId, Conn> conns_;
  size_t relays_ = 0;
  size_t aheads_ = 0;
  std::set<std::pair<Timestamp, codec::ReverseConnId>> deadlines_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_CONN_TABLE_H_
