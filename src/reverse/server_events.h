// What ServerCore tells its shell.
#ifndef MING_REVERSE_SERVER_EVENTS_H_
#define MING_REVERSE_SERVER_EVENTS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <variant>

#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/reverse_types.h"

namespace ming::reverse {

// Somebody who came to port A.
struct WaitingCaller {
  size_t listener = 0;
  CallerKind kind = CallerKind::kStream;
  std::string source;  // "address:port"
  Timestamp since;
  Timestamp deadline;
};

// What the shell does, in this order.
struct SendLine {
  LinkId link;
  std::string text;  // with LF
};
struct EndLink {  // in order, behind what was sent
  LinkId link;
};
struct ResetCaller {
  CallerId caller;
};
struct ConnPaired {
  CallerId caller;
  codec::ReverseConnId conn;
  Duration waited;
  bool ahead = false;  // its data connection was there before
};
struct StartRelay {  // the link is the relay's from here on; HandleRelayDone or HandleLinkDead
  CallerId caller;
  LinkId link;
  std::string reply;  // the last line of the link, which the first bytes may follow in one segment
  ConnPaired paired;  // for the log and the counters, once the link has taken the reply
  // Of a link that was opened ahead of need: whom it gets.
  std::optional<WaitingCaller> ahead;
  bool pieces = false;  // the link may serve another caller after this one
};
struct AbortRelay {
  CallerId caller;
};
struct StopListening {};  // port A
struct ServerStopped {};  // once, and last

// For the log and the counters; nothing is to be done.
struct ClientUp {
  LinkId link;
  std::string id;
  std::string session;
  std::string address;
  bool chosen = true;  // false: no listener is for its id or its labels
};
struct ClientDown {
  std::string id;
  codec::ReverseReason reason;
};
struct ClientBusy {  // a second client was refused
  std::string id;
  std::string address;
};
struct ConnNew {
  CallerId caller;
  std::string source;
  CallerKind kind = CallerKind::kStream;
};
struct ConnEnd {  // once for each ConnNew
  CallerId caller;
  std::optional<codec::ReverseConnId> conn;  // the last one announced
  codec::ReverseReason reason;
  Duration age;
  bool spent = false;  // the id: it was paired
};
struct DataRejected {  // or any other first line on B
  std::string address;
  codec::ReverseError error;
};

using ServerEvent =
    std::variant<SendLine, EndLink, ResetCaller, StartRelay, AbortRelay, StopListening,
                 ServerStopped, ClientUp, ClientDown, ClientBusy, ConnNew, ConnEnd, DataRejected>;

}  // namespace ming::reverse

#endif  // MING_REVERSE_SERVER_EVENTS_H_
