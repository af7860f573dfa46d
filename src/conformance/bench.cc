#include "ming/conformance/bench.h"

#include <algorithm>
#include <utility>

#include "ming/base/random.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/tcp_connector.h"

namespace ming::conformance {
namespace {

// A client that offers only once somebody connects to it is given that long to offer by itself.
constexpr Duration kOwnOfferTime = std::chrono::milliseconds(1500);
// Of a client that was seen not to offer again.
constexpr Duration kShortWait = std::chrono::milliseconds(500);
constexpr char kKnock[] = "k";

}  // namespace

std::vector<uint8_t> Pattern(size_t size, uint8_t seed) {
  SeededRandom random(seed);
  std::vector<uint8_t> bytes(size);
  random.Fill({bytes.data(), bytes.size()});
  return bytes;
}

Bench::Bench(const RawServices& services, const BenchOptions& options)
    : services_(services), options_(options) {}

Bench::~Bench() { shared_.reset(); }

Status Bench::Start() {
  if (options_.target && host_under_test()) {
    auto target =
        OurTarget::Listen(services_.reactor, *options_.target,
                          tcp() ? OurTarget::Transport::kTcp : OurTarget::Transport::kUdp);
    if (!target.ok()) return target.status();
    target_ = *std::move(target);
  }
  Result<std::unique_ptr<Mailbox>> mailbox = Dial(options_.id);
  if (!mailbox.ok()) return mailbox.status();
  if (host_under_test()) return Status::Ok();  // every client has a connection of its own
  host_mailbox_ = *std::move(mailbox);
  host_mailbox_->server->Send(codec::MakeRegisterHost(options_.id));
  // A refusal comes as an error and a close; the protocol has no confirmation.
  const RawSignaling& server = *host_mailbox_->server;
  if (!Wait([&server] { return server.state() == RawSignaling::State::kClosed; }, kQuiet)) {
    return Status::Ok();
  }
  const auto error = host_mailbox_->Take(codec::SignalingType::kError);
  return Status(StatusCode::kPermissionDenied,
                error ? codec::ParseErrorPayload(error->payload)
                      : "the server closed the connection after the registration");
}

bool Bench::Wait(const std::function<bool()>& done, Duration limit) {
  return services_.reactor.RunUntil(
             [this, &done] {
               for (Session* session : sessions_) session->Pump();
               return interrupted_ || done();
             },
             limit) &&
         !interrupted_;
}

void Bench::Rest(Duration time) {
  Wait([] { return false; }, time);
}

void Bench::Interrupt() { interrupted_ = true; }

Result<std::unique_ptr<Mailbox>> Bench::Dial(const std::string& own_id) {
  auto mailbox = std::make_unique<Mailbox>();
  mailbox->own_id = own_id;
  mailbox->server = std::make_unique<RawSignaling>(services_, options_.signaling);
  const RawSignaling& server = *mailbox->server;
  if (!Wait([&server] { return server.state() != RawSignaling::State::kConnecting; },
            options_.wait)) {
    return Status(StatusCode::kTimeout, "signaling server: no answer");
  }
  if (server.state() == RawSignaling::State::kClosed) {
    return server.why().WithContext("signaling server");
  }
  return mailbox;
}

std::string Bench::RandomId() { return RandomUuid(services_.random); }

Result<std::unique_ptr<Exchange>> Bench::Open() {
  if (host_under_test()) {
    Result<std::unique_ptr<Mailbox>> mailbox = Dial(RandomId());
    if (!mailbox.ok()) return mailbox.status();
    return std::make_unique<Exchange>(*std::move(mailbox), options_.id, nullptr);
  }
  DropShared();
  const std::optional<codec::SignalingMessage> offer = AwaitOffer();
  if (!offer) {
    offers_no_more_ = ever_offered_;
    return Status(StatusCode::kTimeout,
                  ever_offered_ ? "the client made no further offer" : "no client made an offer");
  }
  ever_offered_ = true;
  offers_no_more_ = false;
  return std::make_unique<Exchange>(host_mailbox_, offer->sender_id, &*offer);
}

std::optional<codec::SignalingMessage> Bench::AwaitOffer() {
  std::optional<codec::SignalingMessage> offer;
  const auto offered = [this, &offer] {
    offer = host_mailbox_->Take(codec::SignalingType::kOffer);
    return offer.has_value();
  };
  const Duration limit = offers_no_more_ ? kShortWait : options_.wait;
  if (Wait(offered, std::min(kOwnOfferTime, limit)) || interrupted_) return offer;
  if (options_.local && !ever_offered_) Knock();
  Wait(offered, limit);
  return offer;
}

void Bench::Knock() {
  if (tcp()) {
    auto application = ConnectApplication(TcpEnd::Use::kCollect);
    if (application.ok()) knock_ = *std::move(application);
    return;
  }
  auto source = MakeUdpApplication();
  if (!source.ok()) return;
  udp_knock_ = *std::move(source);
  udp_knock_->Send(ByteSpan(std::string_view(kKnock)));
}

Result<std::unique_ptr<Session>> Bench::Negotiate(const Plan& plan) {
  Result<std::unique_ptr<Exchange>> exchange = Open();
  if (!exchange.ok()) return exchange.status();
  auto session = std::make_unique<Session>(*this, *std::move(exchange), plan);
  Status negotiated = session->Negotiate();
  if (!negotiated.ok()) return negotiated;
  return session;
}

Result<std::unique_ptr<Session>> Bench::Connect(const Plan& plan) {
  Result<std::unique_ptr<Session>> session = Negotiate(plan);
  if (!session.ok()) return session;
  Status up = (*session)->AwaitUp();
  if (!up.ok()) return up;
  return session;
}

Outcome Bench::Missing(const Status& why) const {
  if (interrupted_) return Skipped("interrupted");
  if (!host_under_test() && ever_offered_ && offers_no_more_) return Skipped(why.message());
  return Fails(why.message());
}

Result<Session*> Bench::Share() {
  if (shared_ && shared_->alive()) return shared_.get();
  shared_.reset();
  Result<std::unique_ptr<Session>> session = Connect();
  if (!session.ok()) return session.status();
  shared_ = *std::move(session);
  return shared_.get();
}

bool Bench::TrafficFlows() {
  if (traffic_) return *traffic_;
  if (!host_under_test() && !options_.local) return *(traffic_ = false);
  Result<Channel> channel = shared_->OpenChannel();
  traffic_ = channel.ok() && shared_->RoundTrip(*channel, Pattern(100)).ok();
  if (channel.ok()) (void)shared_->CloseChannel(*channel);  // a peer that does not is found later
  return *traffic_;
}

Result<std::unique_ptr<TcpEnd>> Bench::ConnectApplication(TcpEnd::Use use) {
  std::optional<Result<std::unique_ptr<net::TcpStream>>> result;
  net::TcpConnector connector(
      services_.reactor, services_.resolver, *options_.local, net::TcpConnectOptions(),
      [&result](Result<std::unique_ptr<net::TcpStream>> stream) { result = std::move(stream); });
  if (!Wait([&result] { return result.has_value(); })) {
    return Status(StatusCode::kTimeout, "cannot connect to " + options_.local->ToString());
  }
  if (!result->ok()) return result->status();
  return std::make_unique<TcpEnd>(*std::move(*result), use);
}

Result<std::unique_ptr<UdpEnd>> Bench::MakeUdpApplication() {
  const std::string host = options_.local->host == "localhost" ? "127.0.0.1" : options_.local->host;
  const auto address = net::SocketAddress::ParseHost(host, options_.local->port);
  if (!address) {
    return Status(StatusCode::kInvalidArgument, "--local: not a numeric address: " + host);
  }
  auto socket = net::UdpSocket::Connect(services_.reactor, *address, net::UdpOptions());
  if (!socket.ok()) return socket.status();
  return std::make_unique<UdpEnd>(*std::move(socket));
}

void Bench::Unregister(Session* session) {
  sessions_.erase(std::remove(sessions_.begin(), sessions_.end(), session), sessions_.end());
}

}  // namespace ming::conformance
