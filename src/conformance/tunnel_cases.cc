// What a tunnel does with channels, connections and datagrams (ming-protocol, section 3).
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ming/codec/dcep.h"
#include "ming/conformance/bench.h"
#include "ming/conformance/cases.h"

namespace ming::conformance {
namespace {

constexpr uint32_t kBinary = static_cast<uint32_t>(codec::Ppid::kBinary);
constexpr size_t kLargestOfForeign = 16384;
constexpr size_t kOverLong = 20000;
constexpr size_t kClosingBytes = size_t{512} << 10;
// More than the kernel's buffers and what any sane peer keeps.
constexpr size_t kFlood = size_t{16} << 20;
constexpr Duration kStall = std::chrono::seconds(1);

// The far end of a channel, which is ours: the newest connection at the target, or the application.
TcpEnd* FarEnd(Bench& bench, Channel& channel, size_t connections_before) {
  if (channel.app) return channel.app.get();
  const auto& connections = bench.target()->connections();
  bench.Wait([&] { return connections.size() > connections_before; });
  return connections.size() > connections_before ? connections.back().get() : nullptr;
}

struct FarChannel {
  Channel channel;
  TcpEnd* far = nullptr;
};

// A channel whose far end does `use`.
Result<FarChannel> OpenTo(Bench& bench, TcpEnd::Use use) {
  OurTarget* const target = bench.target();
  const size_t before = target != nullptr ? target->connections().size() : 0;
  if (target != nullptr) target->SetUse(use);
  FarChannel result;
  Status opened;
  if (Result<Channel> channel = bench.session().OpenChannel(); channel.ok()) {
    result.channel = *std::move(channel);
    result.far = FarEnd(bench, result.channel, before);
  } else {
    opened = channel.status();
  }
  if (target != nullptr) target->SetUse(TcpEnd::Use::kEcho);
  if (!opened.ok()) return opened;
  if (result.far == nullptr) {
    return Status(StatusCode::kTimeout, "no connection reached the target");
  }
  if (result.channel.app) result.far->Switch(use);
  return result;
}

Outcome Bytes(Bench& bench) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  for (const size_t size : {size_t{1}, size_t{16} << 10, size_t{1} << 20}) {
    const Status exact = session.RoundTrip(*channel, Pattern(size, 11));
    if (!exact.ok()) return Fails(std::to_string(size) + " bytes: " + exact.message());
  }
  return OutcomeOf(session.CloseChannel(*channel));
}

Outcome MessageSize(Bench& bench) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  const auto largest = std::make_shared<size_t>(0);
  session.peer().taps().message_in = [largest](ByteSpan message) {
    *largest = std::max(*largest, message.size());
    return true;
  };
  const Status exact = session.RoundTrip(*channel, Pattern(size_t{1} << 20, 12));
  session.peer().taps().message_in = nullptr;
  (void)session.CloseChannel(*channel);
  if (!exact.ok()) return Fails(exact.message());
  const std::string detail = "the largest has " + std::to_string(*largest) + " bytes";
  return *largest <= kLargestOfForeign ? Holds(detail) : Fails(detail);
}

Outcome OwnConnections(Bench& bench) {
  Session& session = bench.session();
  std::vector<Channel> channels;
  for (int i = 0; i < 5; ++i) {
    Result<Channel> channel = session.OpenChannel();
    if (!channel.ok()) return Fails(channel.status().message());
    channels.push_back(*std::move(channel));
  }
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < channels.size(); ++i) {
      const Status exact =
          session.RoundTrip(channels[i], Pattern(3000, static_cast<uint8_t>(20 + i)));
      if (!exact.ok()) return Fails(exact.message());
    }
    // One goes, the others do not notice.
    const Status closed = session.CloseChannel(channels.back());
    if (!closed.ok()) return Fails(closed.message());
    channels.pop_back();
  }
  for (Channel& channel : channels) (void)session.CloseChannel(channel);
  return Holds();
}

Outcome AnyLabel(Bench& bench) {
  Session& session = bench.session();
  for (const char* label : {"tunnel-tcp", "tunnel-udp", "tcp-192.0.2.1:1234", "", "whatever"}) {
    Result<Channel> channel = session.OpenChannel(label);
    if (!channel.ok()) return Fails(channel.status().message());
    const Status exact = session.RoundTrip(*channel, Pattern(300, 13));
    if (!exact.ok()) return Fails(std::string(label) + ": " + exact.message());
    (void)session.CloseChannel(*channel);
  }
  return Holds();
}

Outcome TwoClients(Bench& bench) {
  Session& first = bench.session();
  Result<std::unique_ptr<Session>> second = bench.Connect();
  if (!second.ok()) return bench.Missing(second.status());
  for (Session* session : {&first, second->get(), &first}) {
    Result<Channel> channel = session->OpenChannel();
    if (!channel.ok()) return Fails(channel.status().message());
    const Status exact = session->RoundTrip(*channel, Pattern(1000, 14));
    if (!exact.ok()) return Fails(exact.message());
    (void)session->CloseChannel(*channel);
  }
  return OutcomeOf(first.CheckAlive());
}

Status CompareAll(const ByteBuffer& got, ByteSpan want) {
  if (got.span() == want) return Status::Ok();
  return Status(StatusCode::kMalformed, got.size() == want.size()
                                            ? "other bytes arrived"
                                            : std::to_string(got.size()) + " of " +
                                                  std::to_string(want.size()) + " bytes arrived");
}

Outcome CloseDelivers(Bench& bench) {
  Session& session = bench.session();
  Result<FarChannel> open = OpenTo(bench, TcpEnd::Use::kCollect);
  if (!open.ok()) return Fails(open.status().message());
  const std::vector<uint8_t> bytes = Pattern(kClosingBytes, 15);
  Status sent = session.SendData(open->channel.stream, bytes);
  if (sent.ok()) sent = session.Reset(open->channel.stream);
  if (!sent.ok()) return Fails(sent.message());
  TcpEnd& far = *open->far;
  bench.Wait([&far] { return far.over(); });
  const Status all = CompareAll(far.received(), bytes);
  if (!all.ok()) return Fails(all.message());
  return far.over() ? Holds() : Fails("the connection was not ended");
}

Outcome FarCloseDelivers(Bench& bench) {
  Session& session = bench.session();
  Result<FarChannel> open = OpenTo(bench, TcpEnd::Use::kCollect);
  if (!open.ok()) return Fails(open.status().message());
  const std::vector<uint8_t> bytes = Pattern(kClosingBytes, 16);
  open->far->Write(bytes);
  open->far->CloseWrite();
  const Result<ByteBuffer> got = session.ReceiveData(open->channel.stream, bytes.size());
  if (!got.ok()) return Fails(got.status().message());
  const Status all = CompareAll(*got, bytes);
  (void)session.CloseChannel(open->channel);
  return OutcomeOf(all);
}

Outcome DeadTarget(Bench& bench) {
  Session& session = bench.session();
  bench.target()->StopListening();
  const sctp::StreamId stream = session.NextStream();
  codec::DataChannelOpen label;
  label.label = "tunnel-tcp";
  session.SendOpen(stream, label);
  const bool closed = session.WaitForReset(stream);
  const Status again = bench.target()->ListenAgain();
  if (!again.ok()) return Skipped("the target's address is gone: " + again.message());
  if (!closed) return Fails("the channel stays open");
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails("afterwards: " + channel.status().message());
  const Status exact = session.RoundTrip(*channel, Pattern(100));
  (void)session.CloseChannel(*channel);
  return OutcomeOf(exact);
}

// The far end does not read: we can send only so much, and all of it arrives in the end.
Outcome PressureTowardFar(Bench& bench) {
  Session& session = bench.session();
  Result<FarChannel> open = OpenTo(bench, TcpEnd::Use::kPaused);
  if (!open.ok()) return Fails(open.status().message());
  const std::vector<uint8_t> bytes = Pattern(kFlood, 17);
  size_t sent = 0;
  const auto send_more = [&] {
    while (sent < bytes.size()) {
      const ByteSpan piece = ByteSpan(bytes).Skip(sent).First(kLargestOfForeign);
      if (session.peer().Send(open->channel.stream, kBinary, piece) !=
          link::SendResult::kAccepted) {
        return false;
      }
      sent += piece.size();
    }
    return true;
  };
  if (bench.Wait(send_more, kStall)) {
    return Fails("it took " + std::to_string(kFlood >> 20) + " MiB for an end that does not read");
  }
  const size_t stalled_at = sent;
  const Status alive = session.CheckAlive();
  if (!alive.ok()) return Fails("while it is stalled: " + alive.message());
  open->far->Switch(TcpEnd::Use::kCollect);
  TcpEnd& far = *open->far;
  bench.Wait([&] { return send_more() && far.received_total() >= bytes.size(); },
             4 * bench.options().step_limit);
  const Status all = CompareAll(far.received(), bytes);
  (void)session.CloseChannel(open->channel);
  return all.ok() ? Holds("stopped after " + std::to_string(stalled_at >> 10) + " KiB")
                  : Fails(all.message());
}

// We do not read: the far end can write only so much.
Outcome PressureTowardUs(Bench& bench) {
  Session& session = bench.session();
  Result<FarChannel> open = OpenTo(bench, TcpEnd::Use::kCollect);
  if (!open.ok()) return Fails(open.status().message());
  session.peer().association()->PauseReceive();
  const std::vector<uint8_t> bytes = Pattern(kFlood, 18);
  TcpEnd& far = *open->far;
  far.Write(bytes);
  const bool all_taken = bench.Wait([&far] { return far.unsent() == 0; }, kStall);
  const size_t stalled_at = bytes.size() - far.unsent();
  session.peer().association()->ResumeReceive();
  if (all_taken) {
    return Fails("it took " + std::to_string(kFlood >> 20) + " MiB for a peer that does not read");
  }
  ByteBuffer got;
  bench.Wait(
      [&] {
        while (auto message = session.peer().TakeMessage(open->channel.stream)) {
          if (message->ppid.value() == kBinary) got.Append(message->bytes);
        }
        return got.size() >= bytes.size() || !session.alive();
      },
      4 * bench.options().step_limit);
  const Status all = CompareAll(got, bytes);
  (void)session.CloseChannel(open->channel);
  return all.ok() ? Holds("stopped after " + std::to_string(stalled_at >> 10) + " KiB")
                  : Fails(all.message());
}

Outcome Datagrams(Bench& bench) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  for (const size_t size : {1U, 100U, 1200U, 1201U, 9000U, 16384U}) {
    const Status exact = session.RoundTrip(*channel, Pattern(size, 30));
    if (!exact.ok()) return Fails(std::to_string(size) + " bytes: " + exact.message());
  }
  return OutcomeOf(session.CloseChannel(*channel));
}

Outcome OverLongDatagram(Bench& bench) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  const std::vector<uint8_t> bytes = Pattern(kOverLong, 31);
  if (channel->source) {
    channel->source->Send(bytes);
  } else {
    session.peer().Send(channel->stream, kBinary, bytes);
  }
  bench.Rest(Bench::kQuiet);
  if (session.peer().TakeMessage(channel->stream)) return Fails("it came through");
  const Status exact = session.RoundTrip(*channel, Pattern(100, 32));
  (void)session.CloseChannel(*channel);
  return exact.ok() ? Holds() : Fails("the datagram behind it: " + exact.message());
}

Outcome Burst(Bench& bench) {
  constexpr size_t kCount = 50;
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  std::vector<std::vector<uint8_t>> sent;
  for (size_t i = 0; i < kCount; ++i) {
    sent.push_back(Pattern(20 + 17 * i, static_cast<uint8_t>(40 + i)));
    if (channel->source) {
      channel->source->Send(sent.back());
    } else {
      session.peer().Send(channel->stream, kBinary, sent.back(),
                          {link::Ordering::kUnordered, uint16_t{0}});
    }
  }
  size_t came = 0;
  size_t damaged = 0;
  bench.Wait(
      [&] {
        while (auto message = session.peer().TakeMessage(channel->stream)) {
          ++came;
          const bool known = std::any_of(sent.begin(), sent.end(), [&](const auto& one) {
            return ByteSpan(one) == message->bytes.span();
          });
          if (!known) ++damaged;
        }
        return came >= kCount;
      },
      3 * Bench::kQuiet);
  (void)session.CloseChannel(*channel);
  if (damaged > 0) return Fails(std::to_string(damaged) + " datagrams are not as they were sent");
  if (came < kCount / 2) return Fails("only " + std::to_string(came) + " of 50 came");
  return Holds(std::to_string(came) + " of 50");
}

Outcome OwnSources(Bench& bench) {
  Session& session = bench.session();
  const size_t before = bench.target() != nullptr ? bench.target()->sources().size() : 0;
  std::vector<Channel> channels;
  for (int i = 0; i < 3; ++i) {
    Result<Channel> channel = session.OpenChannel();
    if (!channel.ok()) return Fails(channel.status().message());
    channels.push_back(*std::move(channel));
  }
  for (size_t i = 0; i < channels.size(); ++i) {
    const Status exact = session.RoundTrip(channels[i], Pattern(200, static_cast<uint8_t>(50 + i)));
    if (!exact.ok()) return Fails(exact.message());
    for (size_t other = 0; other < i; ++other) {
      if (channels[other].stream == channels[i].stream) return Fails("two sources, one channel");
    }
  }
  for (Channel& channel : channels) (void)session.CloseChannel(channel);
  if (bench.target() == nullptr) return Holds();
  const size_t sources = bench.target()->sources().size() - before;
  return sources == 3 ? Holds() : Fails(std::to_string(sources) + " sockets for 3 channels");
}

}  // namespace

std::vector<Case> TunnelCases() {
  const auto any = ForRole::kAny;
  const auto host = ForRole::kHost;
  const auto tcp = ForTunnel::kTcp;
  const auto udp = ForTunnel::kUdp;
  const auto both = ForTunnel::kAny;
  const auto traffic = Need::kTraffic;
  const auto our_end = Need::kOurEnd;
  const auto plain = Manner::kOrdinary;
  return {
      {"tunnel/bytes", "ming-protocol 3", "1 byte, 16 KiB and 1 MiB go and come back exactly", any,
       tcp, traffic, plain, Bytes},
      {"tunnel/message-size", "ming-protocol 3", "no message of the peer is over 16,384 bytes", any,
       tcp, traffic, plain, MessageSize},
      {"tunnel/own-connections", "ming-protocol 3", "each channel has a connection of its own", any,
       tcp, traffic, plain, OwnConnections},
      {"tunnel/any-label", "ming-protocol 3", "the label does not decide", host, both, traffic,
       plain, AnyLabel},
      {"tunnel/two-clients", "ming-protocol 3.4", "two clients at once", host, both, traffic, plain,
       TwoClients},
      {"tunnel/close-delivers", "ming-protocol 3", "our close comes behind all that we sent", any,
       tcp, our_end, plain, CloseDelivers},
      {"tunnel/far-close-delivers", "ming-protocol 3", "the far end's close comes behind its bytes",
       any, tcp, our_end, plain, FarCloseDelivers},
      {"tunnel/dead-target", "ming-protocol 3", "without a target the channel is closed", host, tcp,
       our_end, plain, DeadTarget},
      {"tunnel/pressure-out", "ming-protocol 3", "a far end that does not read stops us", any, tcp,
       our_end, plain, PressureTowardFar},
      {"tunnel/pressure-in", "ming-protocol 3", "when we do not read, the far end is stopped", any,
       tcp, our_end, plain, PressureTowardUs},
      {"tunnel/datagrams", "ming-protocol 3",
       "datagrams of 1 to 16,384 bytes keep their boundaries", any, udp, traffic, plain, Datagrams},
      {"tunnel/over-long", "ming-protocol 3", "a datagram over 16,384 bytes is dropped", any, udp,
       traffic, plain, OverLongDatagram},
      {"tunnel/burst", "ming-protocol 3", "datagrams in a burst are not merged or cut", any, udp,
       traffic, plain, Burst},
      {"tunnel/own-sources", "ming-protocol 3", "each flow has a channel and a socket of its own",
       any, udp, our_end, plain, OwnSources},
  };
}

}  // namespace ming::conformance
