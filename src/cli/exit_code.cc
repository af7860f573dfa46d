#include "ming/cli/exit_code.h"

namespace ming::cli {

ExitCode ExitCodeFor(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return ExitCode::kOk;
    case StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    case StatusCode::kResourceExhausted:
      return ExitCode::kLimit;
    case StatusCode::kMalformed:
    case StatusCode::kProtocolViolation:
    case StatusCode::kUnavailable:
    case StatusCode::kTimeout:
    case StatusCode::kClosed:
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnsupported:
    case StatusCode::kInternal:
      return ExitCode::kFailure;
  }
  return ExitCode::kFailure;
}

ExitCode ExitCodeFor(p2p::TunnelEnd end, const Status& why) {
  switch (end) {
    case p2p::TunnelEnd::kStopped:
      return ExitCode::kOk;
    case p2p::TunnelEnd::kServerLost:
      return ExitCode::kLost;
    case p2p::TunnelEnd::kRefused:
    case p2p::TunnelEnd::kIdTaken:
      return ExitCode::kRefused;
    case p2p::TunnelEnd::kHostNotFound:
    case p2p::TunnelEnd::kNoPath:
      return ExitCode::kNotFound;
    case p2p::TunnelEnd::kFailed:
      return why.ok() ? ExitCode::kFailure : ExitCodeFor(why);
  }
  return ExitCode::kFailure;
}

}  // namespace ming::cli
