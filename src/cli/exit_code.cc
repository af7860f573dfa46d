#include "ming/cli/exit_code.h"

namespace ming::cli {
namespace {

// Nothing answered: whose absence is it?
ExitCode Unreachable(Phase phase) {
  switch (phase) {
    case Phase::kSettings:
    case Phase::kStart:
      return ExitCode::kFailure;
    case Phase::kSignaling:
      return ExitCode::kLost;
    case Phase::kPeer:
      return ExitCode::kNotFound;
  }
  return ExitCode::kFailure;
}

bool IsLocal(Phase phase) { return phase == Phase::kSettings || phase == Phase::kStart; }

}  // namespace

ExitCode ExitCodeFor(Phase phase, const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return ExitCode::kOk;
    case StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    case StatusCode::kUnavailable:
    case StatusCode::kTimeout:
      return Unreachable(phase);
    case StatusCode::kClosed:
      return IsLocal(phase) ? ExitCode::kFailure : ExitCode::kLost;
    case StatusCode::kMalformed:
    case StatusCode::kProtocolViolation:
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnsupported:
      // Locally: the kernel's refusal, a file that does not parse.
      return IsLocal(phase) ? ExitCode::kFailure : ExitCode::kRefused;
    case StatusCode::kResourceExhausted:
      return ExitCode::kLimit;
    case StatusCode::kInternal:
      return ExitCode::kFailure;
  }
  return ExitCode::kFailure;
}

}  // namespace ming::cli
