#include "ming/conformance/session.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "ming/base/byte_io.h"
#include "ming/conformance/bench.h"
#include "ming/net/reactor.h"
#include "ming/sctp/crc32c.h"

namespace ming::conformance {
namespace {

constexpr size_t kMessageBytes = 16384;
constexpr uint32_t kDcep = static_cast<uint32_t>(codec::Ppid::kDcep);
constexpr uint32_t kBinary = static_cast<uint32_t>(codec::Ppid::kBinary);
constexpr size_t kChecksumOffset = 8;

bool IsDcep(const sctp::InboundMessage& message) { return message.ppid.value() == kDcep; }

bool IsEmptyKind(const sctp::InboundMessage& message) {
  return message.ppid.value() == static_cast<uint32_t>(codec::Ppid::kStringEmpty) ||
         message.ppid.value() == static_cast<uint32_t>(codec::Ppid::kBinaryEmpty);
}

Status TimedOut(const std::string& what) { return Status(StatusCode::kTimeout, what); }

std::string OnStream(sctp::StreamId stream) {
  return " on stream " + std::to_string(stream.value());
}

link::ChannelTraits Datagrams() {
  link::ChannelTraits traits;
  traits.ordering = link::Ordering::kUnordered;
  traits.max_retransmits = uint16_t{0};
  return traits;
}

}  // namespace

Session::Session(Bench& bench, std::unique_ptr<Exchange> exchange, const Plan& plan)
    : bench_(bench), plan_(plan), exchange_(std::move(exchange)) {
  RawPeerOptions options;
  options.ice = bench.options().ice;
  options.ice_role =
      bench.host_under_test() ? ice::IceRole::kControlling : ice::IceRole::kControlled;
  options.top = plan.top;
  options.certificate = plan.certificate;
  options.sctp = plan.sctp;
  peer_ = std::make_unique<RawPeer>(bench.services(), options);
  peer_->taps().packet_in = [this](ByteSpan packet) { return NotePacketIn(packet); };
  peer_->taps().packet_out = [this](ByteSpan packet) {
    NotePacketOut(packet);
    return true;
  };
  bench_.Register(this);
}

Session::~Session() {
  bench_.Unregister(this);
  // DTLS leaves at the end of the turn, through an agent that outlives the layers above it.
  peer_->taps() = {};
  if (peer_->association() != nullptr) peer_->association()->Abort();
  peer_->CloseDtls();
  bench_.services().reactor.RunUntil([] { return false; }, std::chrono::milliseconds(1));
}

codec::SessionDescription Session::MakeDescription() {
  const bool answers = !exchange_->remote_text().empty();
  codec::SessionDescription ours = peer_->Describe(
      plan_.setup.value_or(answers ? codec::SdpSetup::kActive : codec::SdpSetup::kActpass));
  ours.ming = plan_.features;
  if (answers) {
    const codec::SessionDescription skeleton = codec::MakeAnswerSkeleton(*remote_);
    ours.form = skeleton.form;
    ours.mid = skeleton.mid;
    ours.bundled = skeleton.bundled;
    ours.other_sections = skeleton.other_sections;
    ours.section_index = skeleton.section_index;
  }
  if (plan_.candidates != OurCandidates::kInDescription) ours.candidates.clear();
  return ours;
}

Status Session::Negotiate() {
  Status started = peer_->Start();
  if (!started.ok()) return started;
  if (plan_.prepare) plan_.prepare(*peer_);
  const bool answers = !exchange_->remote_text().empty();
  if (answers) {
    Result<codec::SessionDescription> offer = exchange_->Remote();
    if (!offer.ok()) return offer.status().WithContext("the peer's offer");
    remote_ = *std::move(offer);
  }
  const codec::SessionDescription ours = MakeDescription();
  exchange_->SetMid(ours.mid);
  our_text_ = codec::SerializeSessionDescription(ours);
  if (plan_.edit) our_text_ = plan_.edit(our_text_);
  if (plan_.candidates == OurCandidates::kInDescription) (void)peer_->TakeLocalCandidates();
  if (plan_.before) plan_.before(*exchange_);
  SendDescription();
  if (plan_.behind) plan_.behind(*exchange_);
  const bool answered = bench_.Wait(
      [this] { return !exchange_->remote_text().empty() || !exchange_->error().empty(); },
      plan_.limit.value_or(bench_.options().step_limit));
  if (exchange_->remote_text().empty()) {
    return answered ? Status(StatusCode::kUnavailable, exchange_->error())
                    : TimedOut("no answer to the offer");
  }
  return AdoptRemote();
}

void Session::SendDescription() {
  const bool answers = !exchange_->remote_text().empty();
  const codec::SignalingMessage message = codec::MakeDescription(
      {answers ? codec::SdpKind::kAnswer : codec::SdpKind::kOffer, our_text_}, exchange_->peer_id(),
      exchange_->own_id());
  exchange_->SendText(plan_.wrap ? plan_.wrap(message) : codec::SerializeSignalingMessage(message));
}

tls::DtlsRole Session::OurRole() const {
  const bool offered = exchange_->remote_kind() == codec::SdpKind::kAnswer;
  if (offered) {
    return remote_->setup == codec::SdpSetup::kActive ? tls::DtlsRole::kServer
                                                      : tls::DtlsRole::kClient;
  }
  return plan_.setup.value_or(codec::SdpSetup::kActive) == codec::SdpSetup::kActive
             ? tls::DtlsRole::kClient
             : tls::DtlsRole::kServer;
}

Status Session::AdoptRemote() {
  Result<codec::SessionDescription> remote = exchange_->Remote();
  if (!remote.ok()) return remote.status().WithContext("the peer's description");
  remote_ = *std::move(remote);
  peer_->Adopt(*remote_, OurRole());
  next_stream_ = OurRole() == tls::DtlsRole::kClient ? 0 : 1;  // RFC 8832, section 6
  return Status::Ok();
}

Status Session::AwaitUp() {
  bench_.Wait([this] { return peer_->top_is_up() || peer_->ended(); },
              plan_.limit.value_or(bench_.options().step_limit));
  if (peer_->top_is_up()) return Status::Ok();
  if (!peer_->why().ok()) return peer_->why();
  if (peer_->dtls_state() == LayerState::kClosed) {
    return Status(StatusCode::kClosed, "the peer closed the DTLS session");
  }
  if (peer_->ice_state() != LayerState::kUp) return TimedOut("ICE did not connect");
  if (peer_->dtls_state() != LayerState::kUp) return TimedOut("the DTLS handshake did not finish");
  return TimedOut("the SCTP association did not come up");
}

void Session::Pump() {
  exchange_->Collect();
  if (remote_) {
    for (const std::string& line : exchange_->TakeCandidates()) {
      const Status added = peer_->AddRemoteCandidate(line);
      if (!added.ok()) VLOG(1) << added.message();
    }
  }
  if (!our_text_.empty() && plan_.candidates != OurCandidates::kWithheld) {
    for (const std::string& line : peer_->TakeLocalCandidates()) exchange_->SendCandidate(line);
  }
  const std::vector<sctp::StreamId>& resets = peer_->incoming_resets();
  for (; answered_resets_ < resets.size(); ++answered_resets_) {
    const sctp::StreamId stream = resets[answered_resets_];
    if (reset_by_us_.erase(stream) != 0 || peer_->association() == nullptr) continue;
    const Status reset = peer_->association()->ResetStreams({stream});
    if (!reset.ok()) VLOG(1) << reset.message();
  }
}

Status Session::CheckAlive() {
  const uint64_t token = next_token_++;
  Status sent = SendHeartbeat(token);
  if (!sent.ok()) return sent;
  bench_.Wait([this, token] { return acknowledged(token) || !alive(); });
  if (acknowledged(token) && alive()) return Status::Ok();
  if (!peer_->why().ok()) return peer_->why().WithContext("the connection ended");
  return alive() ? TimedOut("the association no longer answers") : TimedOut("the connection ended");
}

sctp::StreamId Session::NextStream() {
  const sctp::StreamId stream(static_cast<uint16_t>(next_stream_));
  next_stream_ += 2;
  return stream;
}

bool Session::SendControl(sctp::StreamId stream, ByteSpan wire) {
  return peer_->Send(stream, kDcep, wire) == link::SendResult::kAccepted;
}

bool Session::SendOpen(sctp::StreamId stream, const codec::DataChannelOpen& open) {
  resets_before_[stream] = peer_->CountIncomingResets(stream);
  return SendControl(stream, codec::SerializeDataChannelOpen(open));
}

Result<ByteBuffer> Session::ExpectAck(sctp::StreamId stream) {
  std::optional<sctp::InboundMessage> first;
  bench_.Wait([this, &first, stream] {
    first = peer_->TakeMessage(stream);
    return first.has_value() || WasReset(stream) || !alive();
  });
  if (!first) {
    const bool reset = WasReset(stream);
    return Status(StatusCode::kTimeout,
                  (reset ? "the channel was reset" : "no DATA_CHANNEL_ACK") + OnStream(stream));
  }
  if (!IsDcep(*first) || first->bytes.data()[0] != 2) {
    return Status(StatusCode::kProtocolViolation,
                  "PPID " + std::to_string(first->ppid.value()) + " with " +
                      HexDump(first->bytes.span().First(16)) + " instead of DATA_CHANNEL_ACK" +
                      OnStream(stream));
  }
  return std::move(first->bytes);
}

Status Session::ExpectNoAck(sctp::StreamId stream) {
  Status answered = CheckAlive();
  if (!answered.ok()) return answered;
  bench_.Rest(Bench::kQuiet);
  while (const std::optional<sctp::InboundMessage> message = peer_->TakeMessage(stream)) {
    if (IsDcep(*message) && message->bytes.data()[0] == 2) {
      return Status(StatusCode::kProtocolViolation, "acknowledged" + OnStream(stream));
    }
  }
  return Status::Ok();
}

bool Session::WasReset(sctp::StreamId stream) const {
  const auto before = resets_before_.find(stream);
  return peer_->CountIncomingResets(stream) > (before == resets_before_.end() ? 0 : before->second);
}

bool Session::WaitForReset(sctp::StreamId stream) {
  return bench_.Wait([this, stream] { return WasReset(stream); });
}

Status Session::Reset(sctp::StreamId stream) {
  reset_by_us_.insert(stream);
  return peer_->association()->ResetStreams({stream});
}

Result<Channel> Session::OpenChannel(const std::string& label) {
  if (!bench_.host_under_test()) return AcceptFromApplication();
  codec::DataChannelOpen open;
  open.label = label;
  if (!bench_.tcp()) {
    open.reliability.ordering = codec::DcepOrdering::kUnordered;
    open.reliability.max_retransmits = 0;
  }
  return OpenChannel(open);
}

Result<Channel> Session::OpenChannel(const codec::DataChannelOpen& open) {
  Channel channel;
  channel.stream = NextStream();
  channel.open = open;
  if (!SendOpen(channel.stream, open)) {
    return Status(StatusCode::kUnavailable, "the OPEN could not be sent");
  }
  Result<ByteBuffer> ack = ExpectAck(channel.stream);
  if (!ack.ok()) return ack.status();
  return channel;
}

Result<Channel> Session::AcceptFromApplication() {
  Channel channel;
  if (bench_.tcp()) {
    channel.app = bench_.TakeKnock();
    if (!channel.app) {
      auto app = bench_.ConnectApplication(TcpEnd::Use::kCollect);
      if (!app.ok()) return app.status();
      channel.app = *std::move(app);
    }
  } else {
    channel.source = bench_.TakeUdpKnock();
    if (!channel.source) {
      auto source = bench_.MakeUdpApplication();
      if (!source.ok()) return source.status();
      channel.source = *std::move(source);
    }
    channel.source->Send(ByteSpan(std::string_view("first")));
  }
  std::optional<sctp::InboundMessage> open;
  const auto opened = [this, &open] {
    const auto& messages = peer_->messages();
    const auto found = std::find_if(messages.begin(), messages.end(), IsDcep);
    if (found == messages.end()) return !alive();
    open = peer_->TakeMessage(found->stream);
    return true;
  };
  bench_.Wait(opened);
  if (!open) return TimedOut("the client opened no channel for the application");
  Result<codec::DcepMessage> message = codec::ParseDcepMessage(open->bytes);
  if (!message.ok()) return message.status().WithContext("the client's OPEN");
  auto* said = std::get_if<codec::DataChannelOpen>(&*message);
  if (said == nullptr) return Status(StatusCode::kProtocolViolation, "an ACK instead of an OPEN");
  channel.stream = open->stream;
  channel.open = std::move(*said);
  resets_before_[channel.stream] = peer_->CountIncomingResets(channel.stream);
  SendControl(channel.stream, codec::SerializeDataChannelAck());
  if (channel.source) {  // the datagram that opened it
    bench_.Wait([this, &channel] { return peer_->TakeMessage(channel.stream).has_value(); },
                Bench::kQuiet);
  }
  return channel;
}

Status Session::RoundTrip(Channel& channel, ByteSpan bytes) {
  return bench_.tcp() ? RoundTripTcp(channel, bytes) : RoundTripUdp(channel, bytes);
}

Status Session::RoundTripTcp(Channel& channel, ByteSpan bytes) {
  if (channel.app) {
    channel.app->Write(bytes);
    Result<ByteBuffer> out = ReceiveData(channel.stream, bytes.size());
    if (!out.ok()) return out.status().WithContext("from the client's application");
    if (out->span() != bytes) return Status(StatusCode::kMalformed, "other bytes came out");
  }
  Status sent = SendData(channel.stream, bytes);
  if (!sent.ok()) return sent;
  ByteBuffer back;
  if (channel.app) {
    TcpEnd& app = *channel.app;
    bench_.Wait([&app, bytes] { return app.received().size() >= bytes.size() || app.over(); });
    back = app.TakeReceived();
  } else {
    Result<ByteBuffer> echo = ReceiveData(channel.stream, bytes.size());
    if (!echo.ok()) return echo.status().WithContext("echo");
    back = *std::move(echo);
  }
  if (back.size() != bytes.size()) {
    return TimedOut(std::to_string(back.size()) + " of " + std::to_string(bytes.size()) +
                    " bytes came through");
  }
  if (back.span() != bytes) return Status(StatusCode::kMalformed, "other bytes came back");
  return Status::Ok();
}

Status Session::RoundTripUdp(Channel& channel, ByteSpan bytes) {
  const auto receive = [this, &channel]() -> Result<ByteBuffer> {
    std::optional<sctp::InboundMessage> message;
    if (!bench_.Wait([&] { return (message = peer_->TakeMessage(channel.stream)).has_value(); })) {
      return TimedOut("no datagram came");
    }
    return IsEmptyKind(*message) ? ByteBuffer() : std::move(message->bytes);
  };
  if (channel.source) {
    channel.source->Send(bytes);
    const Result<ByteBuffer> out = receive();
    if (!out.ok()) return out.status().WithContext("from the client's application");
    if (out->span() != bytes) return Status(StatusCode::kMalformed, "another datagram came out");
  }
  if (peer_->Send(channel.stream, kBinary, bytes, Datagrams()) != link::SendResult::kAccepted) {
    return Status(StatusCode::kUnavailable, "the datagram could not be sent");
  }
  ByteBuffer back;
  if (channel.source) {
    std::deque<ByteBuffer>& received = channel.source->received();
    if (!bench_.Wait([&received] { return !received.empty(); })) {
      return TimedOut("no datagram at the application");
    }
    back = std::move(received.front());
    received.pop_front();
  } else {
    Result<ByteBuffer> echo = receive();
    if (!echo.ok()) return echo.status().WithContext("echo");
    back = *std::move(echo);
  }
  if (back.span() != bytes) {
    return Status(StatusCode::kMalformed, "a datagram of " + std::to_string(back.size()) +
                                              " bytes came back for one of " +
                                              std::to_string(bytes.size()));
  }
  return Status::Ok();
}

Status Session::CloseChannel(Channel& channel) {
  channel.app.reset();
  channel.source.reset();
  Status reset = WasReset(channel.stream) ? Status::Ok() : Reset(channel.stream);
  if (!reset.ok()) return reset;
  if (WaitForReset(channel.stream)) return Status::Ok();
  return TimedOut("the peer did not reset its direction" + OnStream(channel.stream));
}

Status Session::SendData(sctp::StreamId stream, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ByteSpan piece = bytes.First(kMessageBytes);
    link::SendResult result = link::SendResult::kWouldBlock;
    bench_.Wait([&] {
      result = peer_->Send(stream, kBinary, piece);
      return result != link::SendResult::kWouldBlock;
    });
    if (result != link::SendResult::kAccepted) {
      return Status(StatusCode::kUnavailable, "data could not be sent" + OnStream(stream));
    }
    bytes = bytes.Skip(piece.size());
  }
  return Status::Ok();
}

Result<ByteBuffer> Session::ReceiveData(sctp::StreamId stream, size_t size) {
  ByteBuffer data;
  const auto enough = [&] {
    while (data.size() < size) {
      const std::optional<sctp::InboundMessage> message = peer_->TakeMessage(stream);
      if (!message) break;
      if (!IsDcep(*message) && !IsEmptyKind(*message)) data.Append(message->bytes);
    }
    return data.size() >= size || WasReset(stream) || !alive();
  };
  bench_.Wait(enough);
  if (data.size() >= size) return data;
  const bool reset = WasReset(stream);
  return TimedOut((reset ? "the channel was closed after " : "only ") +
                  std::to_string(data.size()) + " of " + std::to_string(size) + " bytes came");
}

Status Session::SendChunks(const std::function<void(ByteBuffer&)>& append) {
  const uint16_t from = peer_destination_port_;
  ByteBuffer packet = StartSctpPacket(from, peer_source_port_, peer_tag_);
  append(packet);
  const uint32_t checksum = sctp::PacketChecksum(packet);
  for (size_t i = 0; i < 4; ++i) {
    packet.data()[kChecksumOffset + i] = static_cast<uint8_t>(checksum >> (8 * i));
  }
  return peer_->SendRecord(packet);
}

Status Session::SendHeartbeat(uint64_t token) {
  return SendChunks([token](ByteBuffer& packet) {
    // The parameter Heartbeat Info (RFC 9260, section 3.3.5).
    ByteBuffer info;
    ByteWriter writer(info);
    writer.WriteU16(1);
    writer.WriteU16(4 + 16);
    writer.WriteU64(0x6D696E6700000000);  // "ming": tells ours from the engine's own
    writer.WriteU64(token);
    AppendChunk(packet, static_cast<uint8_t>(ChunkType::kHeartbeat), 0, info);
  });
}

bool Session::NotePacketIn(ByteSpan packet) {
  const std::optional<SctpPacketView> view = ParseSctpPacket(packet);
  if (!view) return true;
  peer_source_port_ = view->source_port;
  peer_destination_port_ = view->destination_port;
  bool ours = false;
  for (const SctpChunk& chunk : view->chunks) {
    ++chunk_counts_[chunk.type];
    if (chunk.is(ChunkType::kInit) || chunk.is(ChunkType::kInitAck)) {
      peer_init_ = ParseSctpInit(chunk);
    }
    if (!chunk.is(ChunkType::kHeartbeatAck)) continue;
    ByteReader reader(chunk.value.Skip(4));
    if (reader.ReadU64() != uint64_t{0x6D696E6700000000}) continue;
    ours = true;
    if (const auto token = reader.ReadU64()) heartbeat_acks_.insert(*token);
  }
  return !ours || view->chunks.size() > 1;
}

void Session::NotePacketOut(ByteSpan packet) {
  const std::optional<SctpPacketView> view = ParseSctpPacket(packet);
  if (view && view->verification_tag != 0) peer_tag_ = view->verification_tag;
}

}  // namespace ming::conformance
