// SignalingAdmission: who may open a connection to the signaling server: tokens, origins, limits of
// one source. Pure.
#ifndef MING_SIGNALING_SIGNALING_ADMISSION_H_
#define MING_SIGNALING_SIGNALING_ADMISSION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/secret.h"
#include "ming/base/time.h"
#include "ming/signaling/signaling_server_options.h"
#include "ming/signaling/token_bucket.h"

namespace ming::signaling {

// What is known of a connection before its upgrade.
struct SignalingRequest {
  IpAddress source;
  std::string_view origin;         // the Origin header; empty: none
  std::string_view authorization;  // the Authorization header; empty: none
};

// An HTTP status (401, 403, 429, 503) and its sentence.
struct SignalingRefusal {
  int status = 0;
  std::string text;
};

// What its token lets a connection do.
class SignalingGrant {
 public:
  // Everything that is not bound to a token of its own.
  SignalingGrant() = default;
  // `hosts`: the bound IDs of its token; `only_these`: it may be nothing else.
  SignalingGrant(std::vector<std::string> hosts, bool only_these)
      : hosts_(std::move(hosts)), only_these_(only_these) {}

  bool owns_host(const std::string& id) const;
  bool only_its_hosts() const { return only_these_; }

 private:
  std::vector<std::string> hosts_;
  bool only_these_ = false;
};

class SignalingAdmission {
 public:
  // `options` outlive the admission.
  explicit SignalingAdmission(const SignalingServerCoreOptions& options);

  // Nothing: it may go on. Counts a refused token against its source.
  std::optional<SignalingRefusal> Check(Timestamp now, const SignalingRequest& request);
  // What the token of a request that passed Check allows.
  SignalingGrant Grant(const SignalingRequest& request) const;
  // Whether a connection with `grant` may register `host_id`.
  bool MayRegister(const SignalingGrant& grant, const std::string& host_id) const;

  // A connection of `source` was established, or is gone.
  void AddConnection(Timestamp now, const IpAddress& source);
  void RemoveConnection(Timestamp now, const IpAddress& source);

  size_t connection_count() const { return connections_; }
  // Sources that are remembered: those with a connection, or recent refusals or arrivals.
  size_t source_count() const { return sources_.size(); }

 private:
  struct Source {
    size_t connections = 0;
    TokenBucket failures;
    TokenBucket arrivals;
  };
  // Bytes of an IPv4 address, or the first 8 of an IPv6 one.
  using SourceKey = std::string;

  static SourceKey KeyOf(const IpAddress& source);
  std::optional<SignalingRefusal> CheckSource(Timestamp now, const IpAddress& address) const;
  void CountFailure(Timestamp now, const IpAddress& source);
  Source MakeSource(Timestamp now) const;
  bool IsIdle(const Source& source, Timestamp now) const;
  void ForgetOldSources(Timestamp now);

  const SignalingServerCoreOptions& options_;
  TokenBucketRule failure_rule_;
  TokenBucketRule arrival_rule_;
  std::map<SourceKey, Source> sources_;
  size_t connections_ = 0;
  Timestamp next_sweep_;
};

}  // namespace ming::signaling

#endif  // MING_SIGNALING_SIGNALING_ADMISSION_H_
