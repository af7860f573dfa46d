// SCTP as data channels use it (RFC 8831, section 6; RFC 9260; RFC 8261).
#include <algorithm>
#include <string>
#include <vector>

#include "ming/base/byte_io.h"
#include "ming/codec/dcep.h"
#include "ming/conformance/bench.h"
#include "ming/conformance/cases.h"
#include "ming/sctp/crc32c.h"

namespace ming::conformance {
namespace {

constexpr uint32_t kBinary = static_cast<uint32_t>(codec::Ppid::kBinary);
constexpr size_t kAssumedMessageBytes = 65536;
constexpr size_t kLargestTried = size_t{256} << 10;
// Chunk types that nobody has defined; the upper two bits say what to do (RFC 9260, section 3.2).
constexpr uint8_t kStopSilently = 0x3D;
constexpr uint8_t kSkipSilently = 0xBD;
constexpr uint8_t kSkipAndReport = 0xFD;

Outcome Ports(Bench& bench) {
  Session& session = bench.session();
  const uint16_t announced = session.remote().sctp_port;
  if (session.peer_source_port() != announced) {
    return Fails("packets come from port " + std::to_string(session.peer_source_port()) +
                 ", a=sctp-port says " + std::to_string(announced));
  }
  if (session.peer_destination_port() != 5000) {
    return Fails("packets go to port " + std::to_string(session.peer_destination_port()));
  }
  return Holds("port " + std::to_string(announced));
}

// An association on another port of ours.
Outcome OtherPort(Bench& bench) {
  Plan plan;
  plan.sctp.local_port = 5017;
  const Result<std::unique_ptr<Session>> session = bench.Connect(plan);
  if (!session.ok()) return bench.Missing(session.status());
  const uint16_t port = (*session)->peer_destination_port();
  return port == 5017 ? Holds() : Fails("packets go to port " + std::to_string(port));
}

Outcome Extensions(Bench& bench) {
  const auto& init = bench.session().peer_init();
  if (!init) return Fails("no INIT or INIT ACK was seen");
  if (!init->supports(ChunkType::kReconfig)) return Fails("RE-CONFIG is not announced");
  if (!init->supports(ChunkType::kForwardTsn)) return Fails("FORWARD-TSN is not announced");
  return Holds(std::to_string(init->outbound_streams) + " streams out, " +
               std::to_string(init->inbound_streams) + " in");
}

Outcome Heartbeat(Bench& bench) { return OutcomeOf(bench.session().CheckAlive()); }

// A HEARTBEAT that must not be answered, then one that must.
Outcome Unanswered(Bench& bench, uint64_t token, const std::string& what) {
  Session& session = bench.session();
  const Status alive = session.CheckAlive();
  if (!alive.ok()) return Fails(alive.message());
  bench.Rest(Bench::kQuiet);
  return session.acknowledged(token) ? Fails(what + " was answered") : Holds();
}

// "ming" and the token, as Session::SendHeartbeat writes them.
ByteBuffer HeartbeatInfo(uint64_t token) {
  ByteBuffer info;
  ByteWriter writer(info);
  writer.WriteU16(1);
  writer.WriteU16(4 + 16);
  writer.WriteU64(0x6D696E6700000000);
  writer.WriteU64(token);
  return info;
}

ByteBuffer HeartbeatPacket(Session& session, uint32_t tag, uint64_t token,
                           uint32_t checksum_error) {
  ByteBuffer packet =
      StartSctpPacket(session.peer_destination_port(), session.peer_source_port(), tag);
  AppendChunk(packet, static_cast<uint8_t>(ChunkType::kHeartbeat), 0, HeartbeatInfo(token));
  const uint32_t checksum = sctp::PacketChecksum(packet) ^ checksum_error;
  for (size_t i = 0; i < 4; ++i) packet.data()[8 + i] = static_cast<uint8_t>(checksum >> (8 * i));
  return packet;
}

Outcome WrongChecksum(Bench& bench) {
  constexpr uint64_t kToken = 0xBAD0001;
  Session& session = bench.session();
  const Status sent =
      session.peer().SendRecord(HeartbeatPacket(session, session.peer_tag(), kToken, 1));
  return sent.ok() ? Unanswered(bench, kToken, "a packet with a wrong checksum") : OutcomeOf(sent);
}

Outcome WrongTag(Bench& bench) {
  constexpr uint64_t kToken = 0xBAD0002;
  Session& session = bench.session();
  const Status sent =
      session.peer().SendRecord(HeartbeatPacket(session, session.peer_tag() ^ 1, kToken, 0));
  return sent.ok() ? Unanswered(bench, kToken, "a packet with a wrong tag") : OutcomeOf(sent);
}

// An unknown chunk, and a HEARTBEAT behind it in the same packet.
Status SendBehindUnknown(Session& session, uint8_t type, uint64_t token) {
  return session.SendChunks([type, token](ByteBuffer& packet) {
    AppendChunk(packet, type, 0, ByteSpan(std::string_view("unknown!")));
    AppendChunk(packet, static_cast<uint8_t>(ChunkType::kHeartbeat), 0, HeartbeatInfo(token));
  });
}

Outcome StopChunk(Bench& bench) {
  constexpr uint64_t kToken = 0xBAD0003;
  const Status sent = SendBehindUnknown(bench.session(), kStopSilently, kToken);
  if (!sent.ok()) return Fails(sent.message());
  return Unanswered(bench, kToken, "what stood behind the chunk");
}

Outcome SkippedChunk(Bench& bench, uint8_t type, uint64_t token) {
  Session& session = bench.session();
  const Status sent = SendBehindUnknown(session, type, token);
  if (!sent.ok()) return Fails(sent.message());
  bench.Wait([&] { return session.acknowledged(token) || !session.alive(); });
  if (!session.acknowledged(token)) return Fails("what stood behind the chunk was not answered");
  return OutcomeOf(session.CheckAlive());
}

Outcome SkipChunk(Bench& bench) { return SkippedChunk(bench, kSkipSilently, 0xBAD0004); }

Outcome ReportChunk(Bench& bench) {
  Session& session = bench.session();
  const size_t before = session.chunk_count(ChunkType::kError);
  Outcome skipped = SkippedChunk(bench, kSkipAndReport, 0xBAD0005);
  if (skipped.verdict != Verdict::kHolds) return skipped;
  bench.Wait([&] { return session.chunk_count(ChunkType::kError) > before; });
  return session.chunk_count(ChunkType::kError) > before ? Holds() : Fails("no ERROR chunk came");
}

Outcome ResetAnswered(Bench& bench) {
  Session& session = bench.session();
  codec::DataChannelOpen open;
  open.label = "reset";
  Result<Channel> channel = session.OpenChannel(open);
  if (!channel.ok()) return Fails(channel.status().message());
  const Status closed = session.CloseChannel(*channel);
  if (!closed.ok()) return Fails(closed.message());
  return OutcomeOf(session.CheckAlive());
}

Outcome ResetByUs(Bench& bench) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  const Status reset = session.Reset(channel->stream);
  if (!reset.ok()) return Fails(reset.message());
  if (!session.WaitForReset(channel->stream))
    return Fails("the client did not reset its direction");
  if (bench.tcp()) {
    TcpEnd& app = *channel->app;
    bench.Wait([&app] { return app.over(); });
    if (!app.over()) return Fails("the application's connection stays open");
  }
  return OutcomeOf(session.CheckAlive());
}

Outcome ResetByPeer(Bench& bench) {
  Session& session = bench.session();
  const size_t before = bench.host_under_test() ? bench.target()->connections().size() : 0;
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  if (bench.host_under_test()) {
    const auto& connections = bench.target()->connections();
    bench.Wait([&] { return connections.size() > before; });
    if (connections.size() <= before) return Fails("no connection reached the target");
    connections.back()->Reset();
  } else {
    channel->app->Reset();
  }
  if (!session.WaitForReset(channel->stream)) return Fails("the peer did not reset the stream");
  return OutcomeOf(session.CheckAlive());
}

Outcome StreamReuse(Bench& bench) {
  Session& session = bench.session();
  const sctp::StreamId stream = session.NextStream();
  codec::DataChannelOpen open;
  open.label = "again";
  for (int round = 0; round < 3; ++round) {
    if (!session.SendOpen(stream, open)) return Fails("the OPEN could not be sent");
    const Result<ByteBuffer> ack = session.ExpectAck(stream);
    if (!ack.ok()) return Fails(ack.status().message() + ", use " + std::to_string(round + 1));
    Channel channel;
    channel.stream = stream;
    const Status exact = session.RoundTrip(channel, Pattern(500, static_cast<uint8_t>(round)));
    if (!exact.ok()) return Fails(exact.message() + ", use " + std::to_string(round + 1));
    const size_t confirmed = session.peer().outgoing_resets().size();
    const Status closed = session.CloseChannel(channel);
    if (!closed.ok()) return Fails(closed.message());
    bench.Wait([&] { return session.peer().outgoing_resets().size() > confirmed; });
    while (session.peer().TakeMessage(stream)) continue;
  }
  return Holds();
}

Outcome ResetOfUnused(Bench& bench) {
  Session& session = bench.session();
  const Status reset = session.Reset(session.NextStream());
  if (!reset.ok()) return Fails(reset.message());
  return OutcomeOf(session.CheckAlive());
}

size_t LargestOf(Session& session) {
  const bool said =
      session.exchange().remote_text().find("a=max-message-size:") != std::string::npos;
  const uint64_t announced = session.remote().max_message_bytes.value_or(kLargestTried);
  if (!said) return kAssumedMessageBytes;
  return static_cast<size_t>(std::min<uint64_t>(announced, kLargestTried));
}

Outcome LargestMessage(Bench& bench) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  const std::vector<uint8_t> bytes = Pattern(LargestOf(session), 3);
  if (session.peer().Send(channel->stream, kBinary, bytes) != link::SendResult::kAccepted) {
    return Fails("a message of " + std::to_string(bytes.size()) + " bytes could not be sent");
  }
  ByteBuffer got;
  if (channel->app) {
    TcpEnd& app = *channel->app;
    bench.Wait([&] { return app.received().size() >= bytes.size() || app.over(); });
    got = app.TakeReceived();
  } else {
    Result<ByteBuffer> echo = session.ReceiveData(channel->stream, bytes.size());
    if (!echo.ok()) {
      return Fails("a message of " + std::to_string(bytes.size()) +
                   " bytes: " + echo.status().message());
    }
    got = *std::move(echo);
  }
  (void)session.CloseChannel(*channel);
  if (got.span() != ByteSpan(bytes)) return Fails("other bytes, or " + std::to_string(got.size()));
  return Holds(std::to_string(bytes.size()) + " bytes");
}

// Twice what the peer takes: the connection may end, the peer may not.
Outcome OversizeMessage(Bench& bench) {
  Plan plan;
  plan.sctp.send_buffer = size_t{4} << 20;
  const Result<std::unique_ptr<Session>> made = bench.Connect(plan);
  if (!made.ok()) return bench.Missing(made.status());
  Session& session = **made;
  codec::DataChannelOpen open;
  open.label = "oversize";
  if (bench.host_under_test()) {
    const Result<Channel> channel = session.OpenChannel(open);
    if (!channel.ok()) return Fails(channel.status().message());
    session.peer().Send(channel->stream, kBinary, Pattern(2 * LargestOf(session)));
  } else {
    session.peer().Send(session.NextStream(), kBinary, Pattern(2 * LargestOf(session)));
  }
  bench.Wait([&session] { return !session.alive(); }, 2 * Bench::kQuiet);
  const bool ended = !session.alive();
  const Result<std::unique_ptr<Session>> after = bench.Connect();
  if (!after.ok()) return bench.Missing(after.status());
  return Holds(ended ? "it ended the connection" : "the connection lives");
}

Outcome Abort(Bench& bench) {
  const Result<std::unique_ptr<Session>> made = bench.Connect();
  if (!made.ok()) return bench.Missing(made.status());
  (*made)->peer().association()->Abort();
  const Result<std::unique_ptr<Session>> after = bench.Connect();
  return after.ok() ? Holds() : bench.Missing(after.status());
}

}  // namespace

std::vector<Case> SctpCases() {
  const auto any = ForRole::kAny;
  const auto host = ForRole::kHost;
  const auto client = ForRole::kClient;
  const auto both = ForTunnel::kAny;
  const auto tcp = ForTunnel::kTcp;
  const auto nothing = Need::kNothing;
  const auto session = Need::kSession;
  const auto traffic = Need::kTraffic;
  const auto plain = Manner::kOrdinary;
  const auto rude = Manner::kRude;
  return {
      {"sctp/ports", "RFC 8841 5", "packets use the ports of both a=sctp-port lines", any, both,
       session, plain, Ports},
      {"sctp/other-port", "RFC 8841 5", "our a=sctp-port need not be 5000", any, both, nothing,
       plain, OtherPort},
      {"sctp/extensions", "RFC 8831 6.1", "INIT announces RE-CONFIG and FORWARD-TSN", any, both,
       session, plain, Extensions},
      {"sctp/heartbeat", "RFC 9260 8.3", "a HEARTBEAT is answered with its own information", any,
       both, session, plain, Heartbeat},
      {"sctp/reset-answered", "RFC 8831 6.7", "a stream that we reset is reset by the peer, too",
       host, both, session, plain, ResetAnswered},
      {"sctp/reset-by-us", "RFC 8831 6.7", "our reset ends the client's channel and application",
       client, both, traffic, plain, ResetByUs},
      {"sctp/reset-by-peer", "RFC 8831 6.7", "the peer closes a channel by a reset", any, tcp,
       Need::kOurEnd, plain, ResetByPeer},
      {"sctp/reuse", "RFC 8831 6.7", "a stream is used again after both resets", host, both,
       traffic, plain, StreamReuse},
      {"sctp/largest", "RFC 8841 6.1", "a message of the announced size arrives", any, tcp, traffic,
       plain, LargestMessage},
      {"sctp/wrong-checksum", "RFC 9260 6.8", "a packet with a wrong checksum is dropped", any,
       both, session, rude, WrongChecksum},
      {"sctp/wrong-tag", "RFC 9260 8.5", "a packet with a wrong verification tag is dropped", any,
       both, session, rude, WrongTag},
      {"sctp/stop-chunk", "RFC 9260 3.2", "an unknown chunk of type 00xxxxxx ends its packet", any,
       both, session, rude, StopChunk},
      {"sctp/skip-chunk", "RFC 9260 3.2", "an unknown chunk of type 10xxxxxx is skipped", any, both,
       session, rude, SkipChunk},
      {"sctp/report-chunk", "RFC 9260 3.2", "an unknown chunk of type 11xxxxxx is reported", any,
       both, session, rude, ReportChunk},
      {"sctp/reset-unused", "RFC 6525 5.2.2", "a reset of a stream never used does no harm", any,
       both, session, rude, ResetOfUnused},
      {"sctp/abort", "RFC 9260 9.1", "after our ABORT a new connection works", any, both, nothing,
       rude, Abort},
      {"sctp/oversize", "RFC 8841 6", "twice the announced size does not end the peer", any, both,
       nothing, rude, OversizeMessage},
  };
}

}  // namespace ming::conformance
