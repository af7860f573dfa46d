// Attacks by a peer whose connection the victim accepted, or nearly: on ICE and DTLS by the right
// address, on SCTP, DCEP and the tunnel's own control texts.
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "ming/codec/dcep.h"

#include "meeting.h"
#include "messages.h"
#include "options.h"
#include "packet_forge.h"

namespace ming::hostile {
namespace {

using codec::Ppid;
using conformance::RawPeer;
using conformance::TopLayer;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMaxChunkData = 1100;

Bytes OpenMessage(const std::string& label, const std::string& protocol) {
  codec::DataChannelOpen open;
  open.label = label;
  open.protocol = protocol;
  const ByteBuffer wire = codec::SerializeDataChannelOpen(open);
  const ByteSpan span = wire.span();
  return Bytes(span.begin(), span.end());
}

// One meeting under way, and what a script of an attack needs to go on with it.
struct Act {
  Stage& stage;
  Meeting& meeting;
  PacketForge& forge;
  Report& report;
  Generator& random;
  Clock::time_point end;

  RawPeer& peer() const { return meeting.peer(); }
  // Lets the loop run; false: the time, or the connection, is over.
  bool Breathe(Duration time = milliseconds(1)) const {
    meeting.Attend();
    stage.Idle(time);
    return Clock::now() < end && !meeting.over();
  }
  // Takes time where the message does not fit; false as above.
  bool Say(uint16_t stream, Ppid ppid, const Bytes& bytes) const {
    const ByteSpan message(bytes.data(), bytes.size());
    while (true) {
      const auto sent = peer().Send(sctp::StreamId(stream), static_cast<uint32_t>(ppid), message);
      if (sent == link::SendResult::kAccepted) {
        report.Add("messages");
        return true;
      }
      if (sent != link::SendResult::kWouldBlock || !Breathe()) return false;
    }
  }
  bool SayText(uint16_t stream, const std::string& text) const {
    return Say(stream, Ppid::kString, Bytes(text.begin(), text.end()));
  }
  uint16_t own_stream(size_t number) const {
    const size_t parity = peer().dtls_role() == tls::DtlsRole::kClient ? 0 : 1;
    return static_cast<uint16_t>(2 * number + parity);
  }
  bool Open(uint16_t stream, const std::string& label = "tcp-hostile") const {
    return Say(stream, Ppid::kDcep, OpenMessage(label, ""));
  }
  // What came of one kind on any stream is forgotten.
  void Forget() const {
    while (peer().TakeMessage()) {
    }
  }
};

using Script = std::function<void(const Act&)>;

struct Kind {
  Disguise disguise;
  Script script;
};

Bytes RandomBytes(Generator& random, size_t size) {
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// Stays for the rest of the meeting, as a client that waits for something.
void Linger(const Act& act) {
  while (act.Breathe(milliseconds(20))) act.Forget();
}

// --- ICE and DTLS -------------------------------------------------------------------------------

void StallHandshake(const Act& act) { Linger(act); }

// Records of all types and epochs from the right address, before and after the handshake.
void GarbageRecords(const Act& act) {
  while (act.Breathe()) {
    for (int at = 0; at < 50; ++at) {
      Bytes record = RandomBytes(act.random, 13 + 1 + act.random() % 300);
      record[0] = static_cast<uint8_t>(20 + act.random() % 5);
      record[1] = 254;
      record[2] = 253;
      record[3] = 0;
      record[4] = static_cast<uint8_t>(act.random() % 3);
      const size_t claimed = act.random() % 4 == 0 ? act.random() : record.size() - 13;
      record[11] = static_cast<uint8_t>(claimed >> 8);
      record[12] = static_cast<uint8_t>(claimed);
      act.peer().SendDatagramRaw({record.data(), record.size()});
      act.report.Add("records");
    }
  }
}

// --- DCEP ---------------------------------------------------------------------------------------

// Well-formed and cut, too long, of unknown types, with lengths that lie.
Bytes BadDcep(Generator& random) {
  Bytes wire = OpenMessage(std::string(random() % 40, 'l'), "");
  switch (random() % 7) {
    case 0:
      wire.resize(1 + random() % (wire.size() - 1));
      break;
    case 1:
      wire.resize(wire.size() + 1 + random() % 100'000);
      break;
    case 2:
      wire[0] = static_cast<uint8_t>(random());
      break;
    case 3:
      wire[1] = static_cast<uint8_t>(random());
      break;
    case 4:
      wire[8] = 0xff;
      wire[9] = 0xff;
      break;
    case 5:
      wire[12 + random() % (wire.size() - 12 + 1) - 1] = 0xff;
      break;
    default:
      wire = {2, 0, 0};
      break;
  }
  return wire;
}

void BadDcepFlood(const Act& act) {
  for (size_t number = 0; act.Breathe(milliseconds(0)); number = (number + 1) % 500) {
    act.Say(act.own_stream(number), Ppid::kDcep, BadDcep(act.random));
    act.Say(static_cast<uint16_t>(act.own_stream(number) ^ 1), Ppid::kDcep, BadDcep(act.random));
    act.Forget();
  }
}

// OPEN on every stream there is, and as many again on those in use.
void OpenFlood(const Act& act) {
  const size_t streams = act.peer().association()->outgoing_streams();
  act.report.Set("streams", streams);
  for (size_t round = 0; round < 2; ++round) {
    for (size_t stream = 0; stream < streams; ++stream) {
      if (!act.Open(static_cast<uint16_t>(stream))) return;
      act.report.Add("opens");
      if (stream % 64 == 0 && !act.Breathe()) return;
      act.Forget();
    }
  }
  Linger(act);
}

// OPEN for 70,000 streams by hand, whatever was agreed: most of them beyond the end.
void OpenBeyond(const Act& act) {
  const Bytes payload = OpenMessage("tcp-hostile", "");
  act.forge.TakeOver();
  for (uint32_t number = 0; number < 70'000; ++number) {
    const auto stream = static_cast<uint16_t>(number);
    const Bytes data =
        act.forge.MakeData(kWhole, stream, 0, static_cast<uint32_t>(Ppid::kDcep), payload);
    if (!act.forge.Send(data)) return;
    act.report.Add("opens");
    if (number % 20 == 0 && !act.Breathe()) return;
  }
  Linger(act);
}

void HugeLabels(const Act& act) {
  for (size_t number = 0; number < 500; ++number) {
    const std::string text(65'535, 'l');
    act.Say(act.own_stream(number), Ppid::kDcep, OpenMessage(text, text));
    if (!act.Breathe()) return;
    act.Forget();
  }
}

void UnopenedData(const Act& act) {
  const Bytes payload = RandomBytes(act.random, 1000);
  for (size_t turn = 0; act.Breathe(milliseconds(0)); ++turn) {
    for (size_t at = 0; at < 64; ++at) {
      const auto ppid = static_cast<Ppid>(turn % 2 == 0 ? 53 : act.random());
      if (!act.Say(act.own_stream(1 + (turn * 64 + at) % 500), ppid, payload)) return;
    }
  }
}

// Open, reset, open the same stream again, without waiting for anything.
void ResetLoop(const Act& act) {
  for (size_t turn = 0; act.Breathe(); ++turn) {
    std::vector<sctp::StreamId> streams;
    for (size_t at = 0; at < 32; ++at) {
      const uint16_t stream = act.own_stream((turn * 32 + at) % 128);
      static_cast<void>(act.Open(stream));
      streams.emplace_back(stream);
    }
    if (act.peer().association() == nullptr || !act.peer().up()) return;
    // Refused while another reset is under way.
    if (act.peer().association()->ResetStreams(streams).ok()) act.report.Add("resets", 32);
    act.Forget();
  }
}

// --- The tunnel ---------------------------------------------------------------------------------

// Channels whose data is never acknowledged: the victim's own queue is all it has.
void NeverRead(const Act& act) {
  for (size_t number = 0; number < 64; ++number) {
    if (!act.Open(act.own_stream(number))) return;
    // Asks a transfer service for a gigabyte: lengths up and down.
    Bytes request(16);
    request[12] = 0x40;
    act.Say(act.own_stream(number), Ppid::kBinary, request);
    act.SayText(act.own_stream(number), "credit 1073741824");
  }
  act.Breathe(milliseconds(100));
  if (act.random() % 2 == 0) {
    act.peer().association()->PauseReceive();
  } else {
    act.forge.TakeOver();
  }
  Linger(act);
}

void TinyMessages(const Act& act) {
  for (size_t number = 0; number < 4; ++number) {
    if (!act.Open(act.own_stream(number))) return;
  }
  for (size_t turn = 0; act.Breathe(milliseconds(0)); ++turn) {
    for (size_t at = 0; at < 256; ++at) {
      const bool text = turn % 4 == 3;
      if (!act.Say(act.own_stream(at % 4), text ? Ppid::kStringEmpty : Ppid::kBinary, {'x'}))
        return;
    }
    act.Forget();
  }
}

// Every text that the rules forbid, on channels that work otherwise.
void ControlAbuse(const Act& act) {
  const std::vector<std::vector<std::string>> abuses = {
      {"credit 99999999999999"},
      {"credit 4294967297"},
      {"credit -1"},
      {"credit 0"},
      {"credit 1073741824", "credit 1073741824", "credit 1073741824", "credit 1073741824",
       "credit 1073741824"},
      {"open", "open"},
      {"refuse me", "open"},
      {"end", "end"},
      {"reset", "reset x", "reset y"},
      {"credit"},
      {"end now"},
      {std::string(16'000, 'g')},
      {"credit 1\n"},
      {std::string("credit 1\0", 9)},
      {"\xff\xfe"},
  };
  for (size_t number = 0; act.Breathe(); ++number) {
    const uint16_t stream = act.own_stream(number % 500);
    if (!act.Open(stream)) return;
    for (const std::string& text : abuses[number % abuses.size()]) {
      if (!act.SayText(stream, text)) return;
    }
    act.Say(stream, Ppid::kBinary, Bytes(1000, 'd'));  // behind an end, too
    for (int at = 0; at < 50; ++at) act.SayText(stream, "credit 1");
    if (number % 500 == 499) {
      std::vector<sctp::StreamId> all;
      for (size_t at = 0; at < 500; ++at) all.emplace_back(act.own_stream(at));
      static_cast<void>(act.peer().association()->ResetStreams(all));
      if (!act.Breathe(milliseconds(200))) return;
    }
    act.Forget();
  }
}

// More data than was granted.
void IgnoreCredit(const Act& act) {
  if (!act.Open(act.own_stream(0))) return;
  const Bytes block(16'000, 'd');
  while (act.Breathe(milliseconds(0))) {
    for (int at = 0; at < 16; ++at) {
      if (!act.Say(act.own_stream(0), Ppid::kBinary, block)) return;
    }
  }
}

// --- SCTP by hand -------------------------------------------------------------------------------

// Messages that begin and never end: one that grows, or one on each stream.
void Unfinished(const Act& act, size_t streams) {
  const Bytes payload(kMaxChunkData, 'u');
  act.forge.TakeOver();
  bool first = true;
  for (size_t number = 0; act.Breathe(); ++number) {
    for (int at = 0; at < 16; ++at) {
      const auto stream = static_cast<uint16_t>((number * 16 + static_cast<size_t>(at)) % streams);
      const uint8_t flags = streams > 1 || first ? kFirst : kMiddle;
      first = false;
      if (!act.forge.Send(act.forge.MakeData(flags, stream, 0, 53, payload))) return;
      act.report.Add("chunks");
    }
  }
}

// Data behind gaps that are never filled.
void Gaps(const Act& act) {
  const Bytes payload(kMaxChunkData, 'g');
  act.forge.TakeOver();
  while (act.Breathe()) {
    for (int at = 0; at < 32; ++at) {
      act.forge.SkipTsn(1 + act.random() % 3);
      const auto stream = static_cast<uint16_t>(act.random() % 1000);
      const auto sequence = static_cast<uint16_t>(1 + act.random() % 60'000);
      if (!act.forge.Send(act.forge.MakeData(kWhole, stream, sequence, 53, payload))) return;
      act.report.Add("chunks");
    }
  }
}

// One-byte messages out of order on every stream: the most bookkeeping for the fewest bytes.
void TinyGaps(const Act& act) {
  act.forge.TakeOver();
  while (act.Breathe()) {
    for (int packet = 0; packet < 8; ++packet) {
      Bytes chunks;
      for (int at = 0; at < 50; ++at) {
        const auto stream = static_cast<uint16_t>(act.random() % 1000);
        const auto sequence = static_cast<uint16_t>(1 + act.random() % 60'000);
        const Bytes data = act.forge.MakeData(kWhole, stream, sequence, 53, {'t'});
        chunks.insert(chunks.end(), data.begin(), data.end());
      }
      if (!act.forge.Send(chunks)) return;
      act.report.Add("chunks", 50);
    }
  }
}

Bytes InitValue(Generator& random, uint32_t window, size_t streams, size_t parameters) {
  Bytes value;
  AppendU32(value, random() | 1);
  AppendU32(value, window);
  AppendU16(value, streams);
  AppendU16(value, streams);
  AppendU32(value, random());
  for (size_t at = 0; at < parameters; ++at) {
    AppendU16(value, 0x8008 + at % 8);
    AppendU16(value, 4);
  }
  return value;
}

void InitFlood(const Act& act) {
  act.forge.TakeOver();
  while (act.Breathe()) {
    for (size_t at = 0; at < 50; ++at) {
      const Bytes init = MakeChunk(1, 0, InitValue(act.random, 1 << 20, 65'535, at % 10 * 20));
      if (!act.forge.SendWith(init, 0, true)) return;
      act.report.Add("inits");
    }
  }
}

// A chunk of every type there is, with values that mean the worst.
Bytes WorstChunk(Generator& random, const PacketForge& forge) {
  Bytes value;
  switch (random() % 12) {
    case 0:  // SACK far ahead, with more gaps than it holds
      AppendU32(value, forge.victim_tsn() + random() % 100'000);
      AppendU32(value, random());
      AppendU16(value, random() % 65'536);
      AppendU16(value, random() % 65'536);
      for (uint64_t at = random() % 100; at > 0; --at) AppendU32(value, random());
      return MakeChunk(3, 0, value);
    case 1:  // FORWARD-TSN into the far future, over all streams
      AppendU32(value, forge.next_tsn() + random() % 1'000'000);
      for (uint64_t at = random() % 200; at > 0; --at) AppendU32(value, random());
      return MakeChunk(192, 0, value);
    case 2:  // RE-CONFIG
      for (uint64_t at = 1 + random() % 4; at > 0; --at) {
        AppendU16(value, 13 + random() % 6);
        AppendU16(value, random() % 64);
        const Bytes rest = RandomBytes(random, random() % 64 / 4 * 4);
        value.insert(value.end(), rest.begin(), rest.end());
      }
      return MakeChunk(130, 0, value);
    case 3:  // HEARTBEAT to be echoed
      AppendU16(value, 1);
      AppendU16(value, random() % 2 == 0 ? 1000 : 65'535);
      value.resize(1000);
      return MakeChunk(4, 0, value);
    case 4:  // COOKIE-ECHO of nobody
      return MakeChunk(10, 0, RandomBytes(random, random() % 1000));
    case 5:  // ERROR with causes that lie
      AppendU16(value, random() % 16);
      AppendU16(value, random());
      return MakeChunk(9, 0, value);
    case 6:  // ASCONF, ASCONF-ACK, AUTH, which were never agreed on
      return MakeChunk(random() % 2 == 0   ? 193
                       : random() % 2 == 0 ? 128
                                           : 15,
                       0, RandomBytes(random, random() % 200));
    case 7:  // an unknown type that asks for a report
      return MakeChunk(static_cast<uint8_t>(64 + 5 + random() % 50), 0,
                       RandomBytes(random, random() % 1000));
    case 8:  // I-DATA and I-FORWARD-TSN
      return MakeChunk(random() % 2 == 0 ? 64 : 194, static_cast<uint8_t>(random() % 16),
                       RandomBytes(random, 16 + random() % 100));
    case 9:  // a length that goes beyond the packet, or is nothing
      value = MakeChunk(static_cast<uint8_t>(random() % 16), 0, RandomBytes(random, 40));
      value[2] = static_cast<uint8_t>(random() % 3 == 0 ? 0xff : 0);
      value[3] = static_cast<uint8_t>(random() % 5);
      return value;
    case 10:  // NR-SACK, PKTDROP
      return MakeChunk(random() % 2 == 0 ? 16 : 129, 0, RandomBytes(random, random() % 300));
    default:  // DATA without data, or all flags
      return MakeChunk(0, static_cast<uint8_t>(random()),
                       RandomBytes(random, 12 + random() % 2 * (random() % 50)));
  }
}

// Chunks that the peer sent itself, changed here and there, or cut.
Bytes SpoiledSample(Generator& random, const PacketForge& forge) {
  const Bytes& sample = forge.samples()[random() % forge.samples().size()];
  Bytes chunks(sample.begin() + 12, sample.end());
  for (uint64_t flips = 1 + random() % 4; flips > 0; --flips) {
    chunks[random() % chunks.size()] = static_cast<uint8_t>(random());
  }
  if (random() % 4 == 0) chunks.resize(1 + random() % chunks.size());
  return chunks;
}

Bytes WorstChunks(Generator& random, const PacketForge& forge) {
  Bytes chunks;
  for (uint64_t count = 1 + random() % 4; count > 0; --count) {
    const Bytes chunk = WorstChunk(random, forge);
    chunks.insert(chunks.end(), chunk.begin(), chunk.end());
  }
  return chunks;
}

void Malformed(const Act& act) {
  // Something to acknowledge wrongly, and samples to spoil.
  for (size_t number = 0; number < 8; ++number) {
    if (!act.Open(act.own_stream(number))) return;
  }
  if (!act.Breathe(milliseconds(50))) return;
  act.forge.TakeOver();
  while (act.Breathe()) {
    for (int at = 0; at < 20; ++at) {
      const Bytes chunks = act.random() % 3 == 0 ? SpoiledSample(act.random, act.forge)
                                                 : WorstChunks(act.random, act.forge);
      const uint32_t tag = act.random() % 16 == 0 ? 0 : act.forge.tag();
      if (!act.forge.SendWith(chunks, tag, act.random() % 16 != 0)) return;
      act.report.Add("packets");
    }
  }
}

// Streams by the thousand, asked for again and again (RFC 6525).
void StreamRequests(const Act& act) {
  act.forge.TakeOver();
  for (uint32_t number = 0; act.Breathe(); ++number) {
    Bytes value;
    AppendU16(value, 17 + number % 2);
    AppendU16(value, 12);
    AppendU32(value, act.forge.next_tsn() + number);
    AppendU16(value, 65'535);
    AppendU16(value, 0);
    if (!act.forge.Send(MakeChunk(130, 0, value))) return;
    act.report.Add("requests");
  }
}

std::map<std::string, Kind> Kinds() {
  std::map<std::string, Kind> all;
  Disguise plain;
  Disguise wrong;
  wrong.wrong_fingerprint = true;
  Disguise wrong_server = wrong;
  wrong_server.setup = codec::SdpSetup::kPassive;
  Disguise silent;
  silent.top = TopLayer::kIce;
  Disguise foreign;
  foreign.announces_ming = false;
  Disguise data;  // DATA chunks by hand
  data.interleaving = sctp::Interleaving::kOff;
  Disguise wide;
  wide.streams = 65'535;

  all["fingerprint"] = {wrong, Linger};
  all["fingerprint-passive"] = {wrong_server, Linger};
  all["stall"] = {silent, StallHandshake};
  all["garbage-handshake"] = {silent, GarbageRecords};
  all["garbage-records"] = {plain, GarbageRecords};
  all["bad-dcep"] = {plain, BadDcepFlood};
  all["open-flood"] = {wide, OpenFlood};
  all["open-flood-foreign"] = {foreign, OpenFlood};
  all["open-beyond"] = {data, OpenBeyond};
  all["huge-labels"] = {plain, HugeLabels};
  all["unopened"] = {plain, UnopenedData};
  all["reset-loop"] = {plain, ResetLoop};
  all["never-read"] = {plain, NeverRead};
  all["tiny"] = {plain, TinyMessages};
  all["control"] = {plain, ControlAbuse};
  all["ignore-credit"] = {plain, IgnoreCredit};
  all["unfinished-one"] = {data, [](const Act& act) { Unfinished(act, 1); }};
  all["unfinished-many"] = {data, [](const Act& act) { Unfinished(act, 1000); }};
  all["gaps"] = {data, Gaps};
  all["tiny-gaps"] = {data, TinyGaps};
  all["init-flood"] = {plain, InitFlood};
  all["malformed"] = {data, Malformed};
  all["malformed-interleaved"] = {plain, Malformed};
  all["stream-requests"] = {plain, StreamRequests};
  return all;
}

// All our places at the signaling server.
class Doors {
 public:
  Doors(Stage& stage, const Options& options)
      : stage_(stage),
        options_(options),
        part_(options.Text("part") == "host" ? Part::kHost : Part::kClient) {
    for (size_t at = 0; at < options.Number("peers"); ++at) {
      doors_.push_back(Make(at));
      if (!doors_.back()->Open(seconds(5))) GiveUp(1, "no signaling at " + options.Text("signal"));
    }
  }
  Door& at(size_t number) { return *doors_[number]; }
  size_t size() const { return doors_.size(); }
  Part part() const { return part_; }
  // The victim, or its server, may have closed the one that is used again and again.
  void Repair() {
    if (doors_.front()->open()) return;
    doors_.front() = Make(0);
    static_cast<void>(doors_.front()->Open(seconds(2)));
  }

 private:
  std::unique_ptr<Door> Make(size_t number) {
    const std::string& target = options_.Text("target");
    const std::string own =
        part_ == Part::kHost ? target : options_.Text("name") + std::to_string(number);
    return std::make_unique<Door>(stage_, options_.Text("signal"), part_, own, target);
  }

  Stage& stage_;
  const Options& options_;
  const Part part_;
  std::vector<std::unique_ptr<Door>> doors_;
};

Kind ChosenKind(const std::string& name) {
  auto kinds = Kinds();
  const auto chosen = kinds.find(name);
  if (chosen == kinds.end()) GiveUp(2, "no kind is named " + name);
  return chosen->second;
}

// Meets the victim again and again until the time is over.
void Peer(const Options& options, Report& report) {
  const Kind kind = ChosenKind(options.Text("kind"));
  Stage stage;
  Generator random(options.Number("seed"));
  Doors doors(stage, options);
  report.PrintStarted();
  const auto end = Clock::now() + options.Seconds("seconds");
  // Company that only meets and stays.
  std::vector<std::unique_ptr<Meeting>> company;
  for (size_t at = 1; at < doors.size(); ++at) {
    company.push_back(std::make_unique<Meeting>(stage, doors.at(at), kind.disguise));
    if (doors.part() == Part::kClient) static_cast<void>(company.back()->Begin());
  }
  while (Clock::now() < end) {
    doors.Repair();
    Meeting meeting(stage, doors.at(0), kind.disguise);
    PacketForge forge(meeting.peer());
    report.Add("meetings");
    for (const auto& other : company) other->Attend();
    if (!meeting.Meet(seconds(3))) {
      report.Add(meeting.over() ? "refused" : "not_met");
      stage.Idle(milliseconds(20));
      continue;
    }
    report.Add("met");
    kind.script({stage, meeting, forge, report, random, end});
    if (meeting.over()) report.Add("ended_by_victim");
  }
}

}  // namespace

std::vector<Attack> PeerAttacks() {
  std::string names;
  for (const auto& [name, kind] : Kinds()) names += (names.empty() ? "" : ", ") + name;
  return {{"peer",
           "a peer that is let in and then breaks the rules",
           {{"signal", "", "URL of the signaling server"},
            {"kind", "", names},
            {"part", "client", "client of the target, or host: the target is our own ID"},
            {"target", "myhost", "ID"},
            {"name", "mallory", "our IDs as clients begin with this"},
            {"peers", "1", "how many; all but one only meet the victim and stay"},
            {"seed", "1", "of what is random"},
            {"seconds", "5", "how long"}},
           Peer}};
}

}  // namespace ming::hostile
