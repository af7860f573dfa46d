// What ClientCore tells its shell.
#ifndef MING_REVERSE_CLIENT_EVENTS_H_
#define MING_REVERSE_CLIENT_EVENTS_H_

#include <cstddef>
#include <string>
#include <variant>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/reverse_types.h"

namespace ming::reverse {

enum class ClientEnd {
  kStopped,
  kServerLost,
  kRefused,
  kReplaced,
};

namespace client {

// What the shell does, in this order.
struct DialControl {};  // HandleControlConnected or HandleControlEnd follows
struct SendControl {
  std::string text;     // with LF
  bool at_once = true;  // false: maybe in one segment with others
};
struct EndControl {};  // in order, behind what was sent; or the dial is given up
struct DialServer {    // HandleLinkConnected or HandleLinkEnd follows
  codec::ReverseConnId conn;
};
struct SendLink {
  codec::ReverseConnId conn;
  std::string text;
};
struct DialTarget {  // HandleTargetConnected or HandleTargetFailed follows; the link is not read
  codec::ReverseConnId conn;
  std::string source;  // the caller, "address:port"
  CallerKind kind = CallerKind::kStream;
};
struct StartRelay {  // HandleRelayDone follows
  codec::ReverseConnId conn;
  bool pieces = false;  // the link may serve another caller after this one
};
struct KeepLink {  // which the last relay left: it begins anew, as one whose first line was sent
  codec::ReverseConnId conn;
};
struct AbortRelay {
  codec::ReverseConnId conn;
};
struct DropConn {  // all that belongs to it, with a reset
  codec::ReverseConnId conn;
};
struct Ended {  // once, and last
  ClientEnd end = ClientEnd::kStopped;
  Status why;
};

// For the log and the counters; nothing is to be done.
struct ControlUp {
  std::string session;
  bool udp = false;  // both ends carry datagrams
  size_t ahead = 0;  // connections ahead of need that the server may ask for
};
struct ControlDown {
  Status why;
};
struct ReconnectWait {
  Duration delay;
};
struct ConnNew {
  codec::ReverseConnId conn;
  std::string source;
  CallerKind kind = CallerKind::kStream;
};
struct ConnPaired {
  codec::ReverseConnId conn;
  Duration waited;     // since the announcement
  bool ahead = false;  // its data connection was there before
};
struct ConnEnd {  // once for each ConnNew
  codec::ReverseConnId conn;
  codec::ReverseReason reason;
  Duration age;
  bool spent = false;  // the id: the server knows it no more
};

using Event = std::variant<DialControl, SendControl, EndControl, DialServer, SendLink, DialTarget,
                           StartRelay, KeepLink, AbortRelay, DropConn, Ended, ControlUp,
                           ControlDown, ReconnectWait, ConnNew, ConnPaired, ConnEnd>;

}  // namespace client

}  // namespace ming::reverse

#endif  // MING_REVERSE_CLIENT_EVENTS_H_
