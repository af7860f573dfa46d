// SessionTable: the clients that are connected, in the order of their arrival: whose place a
// newcomer would take, and which of them serves a caller.
#ifndef MING_REVERSE_SESSION_TABLE_H_
#define MING_REVERSE_SESSION_TABLE_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "ming/base/time.h"
#include "ming/reverse/client_hello.h"
#include "ming/reverse/control_watch.h"
#include "ming/reverse/line_reader.h"
#include "ming/reverse/reverse_types.h"
#include "ming/reverse/server_core_options.h"

namespace ming::reverse {

class SessionTable {
 public:
  struct Session {
    ClientHello client;
    std::string name;  // 16 hexadecimal digits
    ControlWatch watch;
    LineReader reader = {};
    size_t callers = 0;  // announced to it, or relayed
  };

  // `listeners`: as in ServerCoreOptions.
  explicit SessionTable(std::vector<ClientSelector> listeners);

  // Its place is free.
  Session& Add(Session session);
  // One of ours.
  Session Remove(LinkId link);
  // By the control connection; null: none of ours.
  Session* Find(LinkId link);
  Session& At(LinkId link) { return sessions_.at(link); }
  // A caller of it has ended. Not for it to know: the session may have ended before.
  void ReleaseCaller(LinkId link);

  // Who holds the place that a client of this id wants; null: it is free.
  Session* FindPlaceOf(const std::string& id);
  // Some listener is for it.
  bool IsWanted(const ClientHello& client) const;
  // For a caller of `listener`: who serves the fewest, the first to come of several. Null: nobody.
  Session* Choose(size_t listener, CallerKind kind);

  std::vector<LinkId> links() const;
  size_t size() const { return sessions_.size(); }
  // Timestamp::Max() when there is nothing to wait for.
  Timestamp NextTimeout() const;
  // Announced and relayed callers of all.
  size_t caller_count() const;
  // For tests and fuzzers, after any call.
  bool IsConsistent() const { return !single_client_ || sessions_.size() <= 1; }

 private:
  const std::vector<ClientSelector> listeners_;
  const bool single_client_;
  std::map<LinkId, Session> sessions_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_SESSION_TABLE_H_
