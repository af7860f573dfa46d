#include "ming/signaling/signaling_admission.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

namespace ming::signaling {
namespace {

// Sources remembered for refused tokens alone. Beyond it their refusals are not counted any more,
// which costs memory nothing and an attacker with so many addresses little.
constexpr size_t kMaxSources = 65'536;
constexpr Duration kSweepInterval = std::chrono::seconds(5);

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

// The token of "Bearer <token>" (RFC 6750, section 2.1); empty where there is none. The name of the
// scheme has no case (RFC 9110, section 11.1).
std::string_view BearerToken(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (!EqualIgnoringCase(authorization.substr(0, kScheme.size()), kScheme)) return {};
  std::string_view token = authorization.substr(kScheme.size());
  while (!token.empty() && token.front() == ' ') token.remove_prefix(1);
  while (!token.empty() && token.back() == ' ') token.remove_suffix(1);
  return token;
}

// Compares with every secret, so that the time does not tell which one came close.
bool MatchesAny(const std::vector<Secret>& secrets, std::string_view token) {
  bool matched = false;
  for (const Secret& secret : secrets) matched = secret.Matches(token) || matched;
  return matched && !token.empty();
}

}  // namespace

bool SignalingGrant::owns_host(const std::string& id) const {
  return std::find(hosts_.begin(), hosts_.end(), id) != hosts_.end();
}

SignalingAdmission::SignalingAdmission(const SignalingServerCoreOptions& options)
    : options_(options),
      failure_rule_{1.0 / std::chrono::duration<double>(options.auth_failure_refill).count(),
                    static_cast<double>(options.auth_failure_burst)},
      arrival_rule_{options.connection_rate, options.connection_burst} {}

SignalingAdmission::SourceKey SignalingAdmission::KeyOf(const IpAddress& source) {
  const IpAddress canonical = source.Canonical();
  return std::string(canonical.bytes().First(canonical.is_v4() ? 4 : 8).AsText());
}

std::optional<SignalingRefusal> SignalingAdmission::Check(Timestamp now,
                                                          const SignalingRequest& request) {
  if (connections_ >= options_.max_connections) {
    return SignalingRefusal{503, "the server is full"};
  }
  if (auto refusal = CheckSource(now, request.source)) return refusal;
  const auto allows = [&](const std::string& origin) {
    return origin == "*" || EqualIgnoringCase(origin, request.origin);
  };
  if (!request.origin.empty() &&
      std::none_of(options_.allowed_origins.begin(), options_.allowed_origins.end(), allows)) {
    return SignalingRefusal{403, "this origin is not allowed"};
  }
  if (options_.valid_tokens.empty()) return std::nullopt;
  const std::string_view token = BearerToken(request.authorization);
  bool known = MatchesAny(options_.valid_tokens, token);
  for (const auto& [id, secret] : options_.host_tokens) known = secret.Matches(token) || known;
  if (known) return std::nullopt;
  CountFailure(now, request.source);
  return SignalingRefusal{401, token.empty() ? "a bearer token is required" : "bad token"};
}

std::optional<SignalingRefusal> SignalingAdmission::CheckSource(Timestamp now,
                                                                const IpAddress& address) const {
  if (address.Canonical().IsLoopback()) return std::nullopt;
  const auto found = sources_.find(KeyOf(address));
  if (found == sources_.end()) return std::nullopt;
  const Source& source = found->second;
  if (source.connections >= options_.max_connections_per_source) {
    return SignalingRefusal{429, "too many connections from this address"};
  }
  if (!source.failures.HasToken(failure_rule_, now)) {
    return SignalingRefusal{429, "too many refused tokens from this address"};
  }
  if (!source.arrivals.HasToken(arrival_rule_, now)) {
    return SignalingRefusal{429, "too many new connections from this address"};
  }
  return std::nullopt;
}

SignalingGrant SignalingAdmission::Grant(const SignalingRequest& request) const {
  const std::string_view token = BearerToken(request.authorization);
  std::vector<std::string> hosts;
  for (const auto& [id, secret] : options_.host_tokens) {
    if (secret.Matches(token)) hosts.push_back(id);
  }
  const bool general = options_.valid_tokens.empty() || MatchesAny(options_.valid_tokens, token);
  return {std::move(hosts), !general};
}

bool SignalingAdmission::MayRegister(const SignalingGrant& grant,
                                     const std::string& host_id) const {
  if (options_.host_tokens.count(host_id) > 0) return grant.owns_host(host_id);
  return !grant.only_its_hosts();
}

void SignalingAdmission::AddConnection(Timestamp now, const IpAddress& source) {
  ++connections_;
  if (sources_.size() >= kMaxSources) ForgetOldSources(now);
  Source& known = sources_.try_emplace(KeyOf(source), MakeSource(now)).first->second;
  ++known.connections;
  known.arrivals.Take(arrival_rule_, now);
}

SignalingAdmission::Source SignalingAdmission::MakeSource(Timestamp now) const {
  return {0, TokenBucket(failure_rule_, now), TokenBucket(arrival_rule_, now)};
}

bool SignalingAdmission::IsIdle(const Source& source, Timestamp now) const {
  return source.connections == 0 && source.failures.IsFull(failure_rule_, now) &&
         source.arrivals.IsFull(arrival_rule_, now);
}

void SignalingAdmission::RemoveConnection(Timestamp now, const IpAddress& source) {
  const auto found = sources_.find(KeyOf(source));
  CHECK(found != sources_.end() && found->second.connections > 0);
  --connections_;
  --found->second.connections;
  if (IsIdle(found->second, now)) sources_.erase(found);
}

void SignalingAdmission::CountFailure(Timestamp now, const IpAddress& source) {
  if (source.Canonical().IsLoopback()) return;
  if (sources_.size() >= kMaxSources) ForgetOldSources(now);
  const auto found = sources_.find(KeyOf(source));
  if (found != sources_.end()) {
    found->second.failures.Take(failure_rule_, now);
  } else if (sources_.size() < kMaxSources) {
    Source fresh = MakeSource(now);
    fresh.failures.Take(failure_rule_, now);
    sources_.emplace(KeyOf(source), fresh);
  }
}

void SignalingAdmission::ForgetOldSources(Timestamp now) {
  if (now < next_sweep_) return;  // the walk is long, and a full table may stay full
  next_sweep_ = now + kSweepInterval;
  for (auto it = sources_.begin(); it != sources_.end();) {
    it = IsIdle(it->second, now) ? sources_.erase(it) : std::next(it);
  }
}

}  // namespace ming::signaling
