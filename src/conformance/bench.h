// Bench: what the scripts of the cases work on: the loop, the way to the peer under test, the
// shared session, and the outer ends.
#ifndef MING_CONFORMANCE_BENCH_H_
#define MING_CONFORMANCE_BENCH_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/conformance/case.h"
#include "ming/conformance/ends.h"
#include "ming/conformance/exchange.h"
#include "ming/conformance/raw_services.h"
#include "ming/conformance/raw_signaling.h"
#include "ming/conformance/session.h"
#include "ming/ice/ice_options.h"

namespace ming::conformance {

struct BenchOptions {
  SignalingTarget signaling;
  // Of the host under test, or ours as the host of a client under test.
  std::string id;
  PeerRole role = PeerRole::kHost;
  TunnelKind tunnel = TunnelKind::kTcp;
  ice::IceOptions ice;
  // One awaited step: an answer, a path, a channel, a transfer.
  Duration step_limit = std::chrono::seconds(5);
  // For the peer to be there at the start, and for each offer of a client.
  Duration wait = std::chrono::seconds(10);
  // Where the host under test forwards to: we listen there. None: something else does.
  std::optional<HostPort> target;
  // Where the client under test listens. None: nothing can be sent through it.
  std::optional<HostPort> local;
};

class Bench {
 public:
  // A quiet moment: what should not happen has not happened by then.
  static constexpr Duration kQuiet = std::chrono::milliseconds(300);

  Bench(const RawServices& services, const BenchOptions& options);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // Listens as the target, registers as the host. The code says which exit code it becomes.
  Status Start();

  const BenchOptions& options() const { return options_; }
  const RawServices& services() const { return services_; }
  bool host_under_test() const { return options_.role == PeerRole::kHost; }
  bool tcp() const { return options_.tunnel == TunnelKind::kTcp; }

  // Turns the loop until `done`. False: the limit came first, or the run was interrupted.
  bool Wait(const std::function<bool()>& done, Duration limit);
  bool Wait(const std::function<bool()>& done) { return Wait(done, options_.step_limit); }
  void Rest(Duration time);
  // Ends every wait from now on.
  void Interrupt();
  bool interrupted() const { return interrupted_; }

  // A connection to the server that has said nothing. kUnavailable, kPermissionDenied...
  Result<std::unique_ptr<Mailbox>> Dial(const std::string& own_id);
  std::string RandomId();

  // A conversation: toward a host with a new client's ID; from a client by its next offer, which
  // ends the shared session. kTimeout: the client made none.
  Result<std::unique_ptr<Exchange>> Open();
  // Descriptions are exchanged, nothing more.
  Result<std::unique_ptr<Session>> Negotiate(const Plan& plan);
  // A session that is up to the plan's top layer.
  Result<std::unique_ptr<Session>> Connect(const Plan& plan = {});
  // What a failed Open, Negotiate or Connect means for a case.
  Outcome Missing(const Status& why) const;

  // The shared session; made where there is none that works.
  Result<Session*> Share();
  bool has_session() const { return shared_ != nullptr; }
  Session& session() { return *shared_; }
  void DropShared() { shared_.reset(); }
  // Whether bytes can be sent through the peer and back; asked once.
  bool TrafficFlows();

  // Null: the target is not ours.
  OurTarget* target() { return target_.get(); }
  // An application at the client under test.
  Result<std::unique_ptr<TcpEnd>> ConnectApplication(TcpEnd::Use use);
  Result<std::unique_ptr<UdpEnd>> MakeUdpApplication();
  // The application that made a client offer at all, if one was needed.
  std::unique_ptr<TcpEnd> TakeKnock() { return std::move(knock_); }
  std::unique_ptr<UdpEnd> TakeUdpKnock() { return std::move(udp_knock_); }

  void Register(Session* session) { sessions_.push_back(session); }
  void Unregister(Session* session);

 private:
  std::optional<codec::SignalingMessage> AwaitOffer();
  void Knock();

  const RawServices services_;
  const BenchOptions options_;
  bool interrupted_ = false;
  bool ever_offered_ = false;
  bool offers_no_more_ = false;
  std::optional<bool> traffic_;
  std::shared_ptr<Mailbox> host_mailbox_;  // ours as a host
  std::unique_ptr<OurTarget> target_;
  std::unique_ptr<TcpEnd> knock_;
  std::unique_ptr<UdpEnd> udp_knock_;
  std::vector<Session*> sessions_;
  std::unique_ptr<Session> shared_;
};

// `size` bytes that do not repeat at any distance of interest.
std::vector<uint8_t> Pattern(size_t size, uint8_t seed = 0);

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_BENCH_H_
