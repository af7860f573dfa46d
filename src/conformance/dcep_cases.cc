// Data channel establishment (RFC 8832) and what data channels are made of (RFC 8831).
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ming/base/byte_io.h"
#include "ming/codec/dcep.h"
#include "ming/conformance/bench.h"
#include "ming/conformance/cases.h"

namespace ming::conformance {
namespace {

constexpr uint32_t kString = static_cast<uint32_t>(codec::Ppid::kString);
constexpr uint32_t kBinary = static_cast<uint32_t>(codec::Ppid::kBinary);
constexpr size_t kManyChannels = 100;
constexpr size_t kLongestLabel = 65535;

codec::DataChannelOpen Labelled(std::string label) {
  codec::DataChannelOpen open;
  open.label = std::move(label);
  return open;
}

// Opens, expects the ACK, closes.
Status OpenAndClose(Session& session, const codec::DataChannelOpen& open) {
  Result<Channel> channel = session.OpenChannel(open);
  if (!channel.ok()) return channel.status();
  return session.CloseChannel(*channel);
}

Outcome Ack(Bench& bench) { return OutcomeOf(OpenAndClose(bench.session(), Labelled("ack"))); }

Outcome AckLength(Bench& bench) {
  Session& session = bench.session();
  const sctp::StreamId stream = session.NextStream();
  session.SendOpen(stream, Labelled("ack-length"));
  const Result<ByteBuffer> ack = session.ExpectAck(stream);
  if (!ack.ok()) return Fails(ack.status().message());
  (void)session.Reset(stream);
  if (ack->size() == 1) return Holds();
  return Fails("the DATA_CHANNEL_ACK has " + std::to_string(ack->size()) +
               " bytes: " + HexDump(*ack));
}

// What a client of a tunnel opens: ming-protocol, section 3.
Outcome OpenOfClient(Bench& bench) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  const codec::DataChannelOpen open = channel->open;
  (void)session.CloseChannel(*channel);
  const bool ordered = open.reliability.ordering == codec::DcepOrdering::kOrdered;
  const bool limited = open.reliability.max_retransmits || open.reliability.max_lifetime_ms;
  const std::string_view label = open.label;
  if (bench.tcp()) {
    if (!ordered || limited) return Fails("a TCP channel that is not reliable and ordered");
    const bool known = label == "tunnel-tcp" || label.substr(0, 4) == "tcp-";
    return known ? Holds("label " + open.label) : Fails("label " + open.label);
  }
  if (ordered || open.reliability.max_retransmits != 0U) {
    return Fails("a UDP channel that is not unordered with maxRetransmits 0");
  }
  return label == "tunnel-udp" ? Holds() : Fails("label " + open.label);
}

Outcome Parity(Bench& bench) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  const uint16_t stream = channel->stream.value();
  (void)session.CloseChannel(*channel);
  const bool peer_is_client = session.peer().dtls_role() == tls::DtlsRole::kServer;
  if ((stream % 2 == 0) == peer_is_client) return Holds("stream " + std::to_string(stream));
  return Fails("stream " + std::to_string(stream) + " of the DTLS " +
               (peer_is_client ? "client" : "server"));
}

Outcome DataBeforeAck(Bench& bench) {
  Session& session = bench.session();
  const sctp::StreamId stream = session.NextStream();
  const std::vector<uint8_t> bytes = Pattern(1000, 1);
  session.SendOpen(stream, Labelled("early"));
  session.peer().Send(stream, kBinary, bytes);
  const Result<ByteBuffer> ack = session.ExpectAck(stream);
  if (!ack.ok()) return Fails(ack.status().message());
  const Result<ByteBuffer> echo = session.ReceiveData(stream, bytes.size());
  (void)session.Reset(stream);
  if (!echo.ok()) return Fails(echo.status().message());
  return echo->span() == ByteSpan(bytes) ? Holds() : Fails("other bytes came back");
}

Outcome ChannelTypes(Bench& bench) {
  for (const codec::DcepOrdering ordering :
       {codec::DcepOrdering::kOrdered, codec::DcepOrdering::kUnordered}) {
    for (const int limit : {0, 1, 2}) {
      codec::DataChannelOpen open = Labelled("types");
      open.reliability.ordering = ordering;
      if (limit == 1) open.reliability.max_retransmits = 3;
      if (limit == 2) open.reliability.max_lifetime_ms = 1000;
      const Status opened = OpenAndClose(bench.session(), open);
      if (opened.ok()) continue;
      return Fails(opened.message() + ", channel type " +
                   HexDump(codec::SerializeDataChannelOpen(open).span().Skip(1).First(1)));
    }
  }
  return Holds();
}

Outcome Priorities(Bench& bench) {
  for (const int priority : {0, 128, 256, 512, 1024, 65535}) {
    codec::DataChannelOpen open = Labelled("priority");
    open.priority = static_cast<uint16_t>(priority);
    const Status opened = OpenAndClose(bench.session(), open);
    if (!opened.ok()) return Fails(opened.message() + ", priority " + std::to_string(priority));
  }
  return Holds();
}

Outcome Labels(Bench& bench) {
  const std::vector<std::string> labels = {"", "x", "\xE9\xBA\xBA \xF0\x9F\x90\x8E \xC3\xA9",
                                           std::string(1000, 'l')};
  for (const std::string& label : labels) {
    const Status opened = OpenAndClose(bench.session(), Labelled(label));
    if (!opened.ok()) {
      return Fails(opened.message() + ", label of " + std::to_string(label.size()) + " bytes");
    }
  }
  return Holds();
}

Outcome LongestLabel(Bench& bench) {
  return OutcomeOf(OpenAndClose(bench.session(), Labelled(std::string(kLongestLabel, 'l'))));
}

Outcome ProtocolField(Bench& bench) {
  codec::DataChannelOpen open = Labelled("with protocol");
  open.protocol = "example.org/1";
  return OutcomeOf(OpenAndClose(bench.session(), open));
}

Outcome ManyChannels(Bench& bench) {
  Session& session = bench.session();
  std::vector<sctp::StreamId> streams;
  for (size_t i = 0; i < kManyChannels; ++i) {
    streams.push_back(session.NextStream());
    session.SendOpen(streams.back(), Labelled("many"));
  }
  for (const sctp::StreamId stream : streams) {
    const Result<ByteBuffer> ack = session.ExpectAck(stream);
    if (!ack.ok()) return Fails(ack.status().message());
  }
  for (size_t i = 0; i < streams.size(); ++i) {
    session.peer().Send(streams[i], kBinary, Pattern(100, static_cast<uint8_t>(i)));
  }
  for (size_t i = 0; i < streams.size(); ++i) {
    const Result<ByteBuffer> echo = session.ReceiveData(streams[i], 100);
    if (!echo.ok()) return Fails(echo.status().message());
    if (echo->span() != ByteSpan(Pattern(100, static_cast<uint8_t>(i)))) {
      return Fails("stream " + std::to_string(streams[i].value()) + " got bytes of another");
    }
  }
  for (const sctp::StreamId stream : streams) (void)session.Reset(stream);
  for (const sctp::StreamId stream : streams) {
    if (!session.WaitForReset(stream)) {
      return Fails("stream " + std::to_string(stream.value()) + " was not reset");
    }
  }
  return Holds();
}

// RFC 8832, section 6: the receiver closes the channel and does not acknowledge.
Outcome ExpectRefusal(Session& session, sctp::StreamId stream) {
  const Status none = session.ExpectNoAck(stream);
  if (!none.ok()) return Fails(none.message());
  if (!session.WaitForReset(stream)) {
    return Fails("the channel on stream " + std::to_string(stream.value()) + " was not closed");
  }
  return OutcomeOf(session.CheckAlive());
}

Outcome UsedStream(Bench& bench) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel(Labelled("first"));
  if (!channel.ok()) return Fails(channel.status().message());
  session.SendControl(channel->stream, codec::SerializeDataChannelOpen(Labelled("second")));
  return ExpectRefusal(session, channel->stream);
}

Outcome WrongParity(Bench& bench) {
  Session& session = bench.session();
  // Far from what the peer itself would open next.
  const sctp::StreamId stream(static_cast<uint16_t>((session.NextStream().value() + 100) ^ 1));
  session.SendOpen(stream, Labelled("parity"));
  return ExpectRefusal(session, stream);
}

ByteBuffer OpenWithByte(size_t at, uint8_t value) {
  ByteBuffer open = codec::SerializeDataChannelOpen(Labelled("label"));
  open.data()[at] = value;
  return open;
}

Outcome UnknownChannelType(Bench& bench) {
  Session& session = bench.session();
  const sctp::StreamId stream = session.NextStream();
  session.SendControl(stream, OpenWithByte(1, 0x7A));
  return ExpectRefusal(session, stream);
}

Outcome BadLengths(Bench& bench) {
  Session& session = bench.session();
  const ByteBuffer open = codec::SerializeDataChannelOpen(Labelled("label"));
  std::vector<ByteBuffer> messages;
  messages.push_back(ByteBuffer::CopyOf(open.span().First(1)));
  messages.push_back(ByteBuffer::CopyOf(open.span().First(11)));
  messages.push_back(ByteBuffer::CopyOf(open.span().First(open.size() - 1)));
  messages.push_back(OpenWithByte(9, 200));   // the label overruns
  messages.push_back(OpenWithByte(11, 200));  // the protocol overruns
  for (const ByteBuffer& message : messages) {
    const sctp::StreamId stream = session.NextStream();
    session.SendControl(stream, message);
    const Status none = session.ExpectNoAck(stream);
    if (!none.ok()) {
      return Fails(none.message() + " for " + HexDump(message.span().First(16)));
    }
  }
  return OutcomeOf(session.CheckAlive());
}

Outcome BadLabelText(Bench& bench) {
  Session& session = bench.session();
  const sctp::StreamId stream = session.NextStream();
  session.SendControl(stream, OpenWithByte(12, 0xFF));
  const Status alive = session.CheckAlive();
  return alive.ok() ? OutcomeOf(OpenAndClose(session, Labelled("after"))) : OutcomeOf(alive);
}

Outcome UnknownMessage(Bench& bench) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel(Labelled("future"));
  if (!channel.ok()) return Fails(channel.status().message());
  session.SendControl(channel->stream, ByteBuffer::CopyOf("\x7F what"));
  const Status alive = session.CheckAlive();
  if (!alive.ok()) return Fails(alive.message());
  (void)session.Reset(channel->stream);
  return OutcomeOf(OpenAndClose(session, Labelled("after")));
}

Outcome StrayAck(Bench& bench) {
  Session& session = bench.session();
  session.SendControl(session.NextStream(), codec::SerializeDataChannelAck());
  const Status alive = session.CheckAlive();
  return alive.ok() ? OutcomeOf(OpenAndClose(session, Labelled("after"))) : OutcomeOf(alive);
}

Outcome DataOnUnopened(Bench& bench) {
  Session& session = bench.session();
  const sctp::StreamId stream = session.NextStream();
  session.peer().Send(stream, kBinary, Pattern(100));
  const Status alive = session.CheckAlive();
  if (!alive.ok()) return Fails(alive.message());
  bench.Rest(Bench::kQuiet);
  if (session.peer().TakeMessage(stream)) return Fails("something came back");
  return OutcomeOf(OpenAndClose(session, Labelled("after")));
}

Status SendOne(Session& session, sctp::StreamId stream, uint32_t ppid, ByteSpan bytes) {
  if (session.peer().Send(stream, ppid, bytes) == link::SendResult::kAccepted) return Status::Ok();
  return Status(StatusCode::kUnavailable, "a message could not be sent");
}

// What was sent between leaves no trace in the bytes that follow.
Outcome NothingBetween(Bench& bench, const std::vector<uint32_t>& ppids) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  for (const uint32_t ppid : ppids) {
    const Status sent = SendOne(session, channel->stream, ppid, Pattern(1));
    if (!sent.ok()) return Fails(sent.message());
  }
  const Status exact = session.RoundTrip(*channel, Pattern(1000, 2));
  (void)session.CloseChannel(*channel);
  return OutcomeOf(exact);
}

Outcome UnknownPpid(Bench& bench) { return NothingBetween(bench, {99, 0, 0xFFFFFFFF}); }

Outcome EmptyMessages(Bench& bench) {
  return NothingBetween(bench, {static_cast<uint32_t>(codec::Ppid::kBinaryEmpty),
                                static_cast<uint32_t>(codec::Ppid::kStringEmpty)});
}

Outcome TextIsData(Bench& bench) {
  Session& session = bench.session();
  Result<Channel> channel = session.OpenChannel();
  if (!channel.ok()) return Fails(channel.status().message());
  const std::string_view text = "end";  // a word of the extensions, which are not in use
  const Status sent = SendOne(session, channel->stream, kString, ByteSpan(text));
  if (!sent.ok()) return Fails(sent.message());
  std::string got;
  if (channel->app) {
    TcpEnd& app = *channel->app;
    bench.Wait([&] { return app.received().size() >= text.size() || app.over(); });
    got = std::string(app.received().AsText());
  } else {
    const Result<ByteBuffer> echo = session.ReceiveData(channel->stream, text.size());
    if (!echo.ok()) return Fails(echo.status().message());
    got = std::string(echo->AsText());
  }
  (void)session.CloseChannel(*channel);
  return got == text ? Holds() : Fails("got \"" + got + "\"");
}

}  // namespace

std::vector<Case> DcepCases() {
  const auto host = ForRole::kHost;
  const auto client = ForRole::kClient;
  const auto any = ForTunnel::kAny;
  const auto tcp = ForTunnel::kTcp;
  const auto session = Need::kSession;
  const auto traffic = Need::kTraffic;
  const auto plain = Manner::kOrdinary;
  const auto rude = Manner::kRude;
  return {
      {"dcep/ack", "RFC 8832 5.2, 6", "an OPEN is acknowledged on its own stream", host, any,
       session, plain, Ack},
      {"dcep/ack-length", "RFC 8832 5.2", "the ACK is one byte", host, any, session, plain,
       AckLength},
      {"dcep/open", "ming-protocol 3", "the client's OPEN has the label and type of the tunnel",
       client, any, traffic, plain, OpenOfClient},
      {"dcep/parity", "RFC 8832 6", "the DTLS client opens even streams, the server odd ones",
       client, any, traffic, plain, Parity},
      {"dcep/data-before-ack", "RFC 8832 6", "data right behind the OPEN is delivered", host, tcp,
       traffic, plain, DataBeforeAck},
      {"dcep/types", "RFC 8832 5.1", "all six channel types are accepted", host, any, session,
       plain, ChannelTypes},
      {"dcep/priorities", "RFC 8832 5.1", "any priority is accepted", host, any, session, plain,
       Priorities},
      {"dcep/labels", "RFC 8832 5.1", "labels may be empty, UTF-8, and long", host, any, session,
       plain, Labels},
      {"dcep/longest-label", "RFC 8832 5.1", "a label of 65535 bytes is accepted", host, any,
       session, rude, LongestLabel},
      {"dcep/protocol", "RFC 8832 5.1", "a protocol field is accepted", host, any, session, plain,
       ProtocolField},
      {"dcep/hundred", "RFC 8831 6.4", "100 channels at once, each with its own bytes", host, any,
       traffic, plain, ManyChannels},
      {"dcep/text", "ming-protocol 3", "a text message is data for a peer without extensions",
       ForRole::kAny, tcp, traffic, plain, TextIsData},
      {"dcep/empty", "RFC 8831 6.6", "empty messages (PPID 56, 57) add no byte", ForRole::kAny, tcp,
       traffic, plain, EmptyMessages},
      {"dcep/unknown-ppid", "RFC 8831 6.6", "messages of unknown PPIDs are not data", ForRole::kAny,
       tcp, traffic, rude, UnknownPpid},
      {"dcep/unopened", "RFC 8832 6", "data on a stream without channel is dropped", host, any,
       session, rude, DataOnUnopened},
      {"dcep/stray-ack", "RFC 8832 6", "an ACK without OPEN does no harm", host, any, session, rude,
       StrayAck},
      {"dcep/used-stream", "RFC 8832 6", "an OPEN on a used stream closes the channel", host, any,
       session, rude, UsedStream},
      {"dcep/wrong-parity", "RFC 8832 6", "an OPEN on a stream of the receiver is refused", host,
       any, session, rude, WrongParity},
      {"dcep/unknown-type", "RFC 8832 5.1, 6", "an OPEN of an unknown channel type is refused",
       host, any, session, rude, UnknownChannelType},
      {"dcep/bad-lengths", "RFC 8832 5.1, 6", "an OPEN whose lengths are wrong is not acknowledged",
       host, any, session, rude, BadLengths},
      {"dcep/bad-label", "RFC 8832 5.1", "a label that is not UTF-8 ends nothing else", host, any,
       session, rude, BadLabelText},
      {"dcep/unknown-message", "RFC 8832 5", "an unknown message type ends nothing else", host, any,
       session, rude, UnknownMessage},
  };
}

}  // namespace ming::conformance
