// What the wire formats cost: reading and writing one of each.
#include <benchmark/benchmark.h>
#include <glog/logging.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "ming/codec/dcep.h"
#include "ming/codec/reverse_line.h"
#include "ming/codec/sdp.h"
#include "ming/codec/signaling_message.h"
#include "ming/codec/stun_message.h"

namespace ming::codec {
namespace {

// An offer with eight candidates, as of a machine with two addresses of each family.
constexpr std::string_view kOfferHead =
    "v=0\r\no=- 7828362004376362264 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
    "a=group:BUNDLE 0\r\na=extmap-allow-mixed\r\n"
    "a=fingerprint:sha-256 46:90:9E:FC:2C:A7:53:52:8F:B1:6C:B9:57:CD:C5:0D:BF:1D:1F:5B:E3:8E:5C:51:"
    "A2:68:B7:3A:94:F9:BA:05\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
    "a=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
    "a=ice-ufrag:gevYuggXzZELQPjv\r\na=ice-pwd:QkWqNBYEgEXaoqKtoqmArhbugihwyBJX\r\n";

std::string Offer() {
  std::string offer(kOfferHead);
  for (int i = 0; i < 8; ++i) {
    offer += "a=candidate:" + std::to_string(2070692838 + i) + " 1 udp " +
             std::to_string(2130706431 - i) + " 192.0.2." + std::to_string(i + 1) +
             " 47327 typ host\r\n";
  }
  return offer;
}

void BM_ParseSdp(benchmark::State& state) {
  const std::string text = Offer();
  for ([[maybe_unused]] auto _ : state) {
    const auto parsed = ParseSessionDescription(text, SdpKind::kOffer);
    CHECK(parsed.ok());
    benchmark::DoNotOptimize(parsed);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ParseSdp);

void BM_SerializeSdp(benchmark::State& state) {
  const auto parsed = ParseSessionDescription(Offer(), SdpKind::kOffer);
  CHECK(parsed.ok());
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(SerializeSessionDescription(*parsed));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SerializeSdp);

void BM_SerializeSignaling(benchmark::State& state) {
  const DescriptionPayload payload{SdpKind::kOffer, Offer()};
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(SerializeSignalingMessage(MakeDescription(payload, "host", "client")));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SerializeSignaling);

// What a server does with an offer: the envelope only.
void BM_ParseSignalingEnvelope(benchmark::State& state) {
  const std::string wire =
      SerializeSignalingMessage(MakeDescription({SdpKind::kOffer, Offer()}, "host", "client"));
  for ([[maybe_unused]] auto _ : state) {
    const auto parsed = ParseSignalingMessage(wire);
    CHECK(parsed.ok());
    benchmark::DoNotOptimize(parsed);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(wire.size()));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ParseSignalingEnvelope);

void BM_ParseDescriptionPayload(benchmark::State& state) {
  const std::string payload = MakeDescription({SdpKind::kOffer, Offer()}, "h", "c").payload;
  for ([[maybe_unused]] auto _ : state) {
    const auto parsed = ParseDescriptionPayload(payload);
    CHECK(parsed.ok());
    benchmark::DoNotOptimize(parsed);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ParseDescriptionPayload);

void BM_DcepOpen(benchmark::State& state) {
  DataChannelOpen open;
  open.label = "tcp-127.0.0.1:51234";
  for ([[maybe_unused]] auto _ : state) {
    const ByteBuffer wire = SerializeDataChannelOpen(open);
    const auto parsed = ParseDcepMessage(wire);
    CHECK(parsed.ok());
    benchmark::DoNotOptimize(parsed);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DcepOpen);

void BM_ParseStun(benchmark::State& state) {
  StunWriter writer(StunClass::kRequest, kStunBinding, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  writer.AddText(StunType::kUsername, "gevYuggXzZELQPjv:itmrdfuuOqlYiRWA");
  writer.AddU32(StunType::kPriority, 1862270975);
  writer.AddU64(StunType::kIceControlling, 0x0123456789abcdef);
  writer.AddIntegrity({});
  writer.AddFingerprint();
  const ByteBuffer wire = ByteBuffer::CopyOf(writer.wire());
  for ([[maybe_unused]] auto _ : state) {
    const auto parsed = ParseStunMessage(wire);
    CHECK(parsed.ok() && StunFingerprintFits(wire));
    benchmark::DoNotOptimize(parsed);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ParseStun);

void BM_ReverseLine(benchmark::State& state) {
  ReverseNewConn announced;
  announced.conn = *ReverseConnId::Parse("0123456789abcdef0123456789abcdef");
  announced.params.Add("src", "192.0.2.7:51234");
  announced.params.Add("ttl", "9800");
  for ([[maybe_unused]] auto _ : state) {
    std::string line = SerializeReverseLine(ReverseMessage(announced));
    line.pop_back();
    const auto parsed = ParseReverseMessage(line);
    CHECK(parsed.ok());
    benchmark::DoNotOptimize(parsed);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ReverseLine);

}  // namespace
}  // namespace ming::codec
