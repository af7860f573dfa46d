// Status and Result: how every fallible call of ming reports. What a peer, a user or the kernel can
// cause is a Status; what only a bug of ours can cause is a CHECK. ming throws nothing.
#ifndef MING_BASE_STATUS_H_
#define MING_BASE_STATUS_H_

#include <glog/logging.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ming {

enum class StatusCode {
  kOk,
  kInvalidArgument,    // the caller or the user asked for something that cannot be
  kMalformed,          // bytes that do not parse
  kProtocolViolation,  // parses, but is not allowed now
  kUnavailable,        // cannot be reached or is not there (refused, not found, no path)
  kTimeout,
  kResourceExhausted,  // a limit or a quota
  kClosed,             // ended in order, or by us
  kPermissionDenied,
  kUnsupported,
  kInternal,
};

// The name of a code as in logs: "unavailable", "timeout".
std::string_view StatusCodeName(StatusCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  // `message` is one sentence without a full stop, fit for a user. `detail` is an errno or an
  // engine's own code; 0: none.
  Status(StatusCode code, std::string message, int detail = 0)
      : code_(code), detail_(detail), message_(std::move(message)) {}

  static Status Ok() { return {}; }
  // The errno as sentence: "connect: Connection refused". The code is chosen by the errno.
  static Status FromErrno(std::string_view what, int error_number);

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  int detail() const { return detail_; }
  const std::string& message() const { return message_; }

  // The same failure seen one layer up: "reverse: auth: bad token". An ok status stays ok.
  Status WithContext(std::string_view context) const;

  // "timeout: no answer from 192.0.2.1:80"; "ok".
  std::string ToString() const;

 private:
  StatusCode code_ = StatusCode::kOk;
  int detail_ = 0;
  std::string message_;
};

// A value, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): reads as a return value
  Result(T value) : value_(std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): reads as a return value
  Result(Status status) : status_(std::move(status)) {
    CHECK(!status_.ok()) << "a Result without a value needs a failure";
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  const T& value() const& {
    CHECK(ok()) << status_.ToString();
    return *value_;
  }
  T& value() & {
    CHECK(ok()) << status_.ToString();
    return *value_;
  }
  T&& value() && {
    CHECK(ok()) << status_.ToString();
    return *std::move(value_);
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace ming

#endif  // MING_BASE_STATUS_H_
