#include "ming/base/status.h"

#include <cerrno>
#include <system_error>

namespace ming {
namespace {

StatusCode CodeForErrno(int error_number) {
  switch (error_number) {
    case EACCES:
    case EPERM:
      return StatusCode::kPermissionDenied;
    case ETIMEDOUT:
      return StatusCode::kTimeout;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case ENOSPC:
      return StatusCode::kResourceExhausted;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
      return StatusCode::kClosed;
    case EINVAL:
      return StatusCode::kInvalidArgument;
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case EOPNOTSUPP:
      return StatusCode::kUnsupported;
    default:
      return StatusCode::kUnavailable;
  }
}

}  // namespace

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kInvalidArgument:
      return "invalid argument";
    case StatusCode::kMalformed:
      return "malformed";
    case StatusCode::kProtocolViolation:
      return "protocol violation";
    case StatusCode::kUnavailable:
      return "unavailable";
    case StatusCode::kTimeout:
      return "timeout";
    case StatusCode::kResourceExhausted:
      return "resource exhausted";
    case StatusCode::kClosed:
      return "closed";
    case StatusCode::kPermissionDenied:
      return "permission denied";
    case StatusCode::kUnsupported:
      return "unsupported";
    case StatusCode::kInternal:
      return "internal";
  }
  return "unknown";
}

Status Status::FromErrno(std::string_view what, int error_number) {
  std::string message(what);
  message += ": ";
  message += std::generic_category().message(error_number);
  return Status(CodeForErrno(error_number), std::move(message), error_number);
}

Status Status::WithContext(std::string_view context) const {
  if (ok()) return *this;
  std::string message(context);
  message += ": ";
  message += message_;
  return Status(code_, std::move(message), detail_);
}

std::string Status::ToString() const {
  std::string text(StatusCodeName(code_));
  if (!message_.empty()) {
    text += ": ";
    text += message_;
  }
  return text;
}

}  // namespace ming
