// Attacks on a signaling server, and through it on those who are registered there.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "crowd.h"
#include "messages.h"
#include "options.h"

namespace ming::hostile {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Flag kServer{"server", "", "IPV4:PORT of the signaling server"};
const Flag kTarget{"target", "myhost", "ID of the host"};
const Flag kSeconds{"seconds", "5", "how long"};

// More than a server has to accept beside everything else; still more is a matter of the kernel's
// backlog.
constexpr double kNewASecond = 2'000.0;

Flag Connections(const char* preset) { return {"connections", preset, "connections at once"}; }
Flag Count(const char* preset) { return {"count", preset, "how many"}; }

std::string IdOf(const char* kind, size_t number) { return kind + std::to_string(number); }

// What the server says, by kind: errors by their first words, close frames by their code.
void CountFrame(Report& report, const WsFrame& frame) {
  if (frame.head == 0x88) {
    const std::string& code = frame.payload;
    const int number =
        code.size() < 2 ? 1005 : static_cast<uint8_t>(code[0]) << 8 | static_cast<uint8_t>(code[1]);
    report.Add("close_" + std::to_string(number));
  } else if (frame.head == 0x8a) {
    report.Add("pongs");
  } else if (frame.payload.find(R"("type":"error")") != std::string::npos) {
    report.Add("errors");
  } else if (frame.payload.find(R"("type":"answer")") != std::string::npos) {
    report.Add("answers");
  } else {
    report.Add("other_frames");
  }
}

// Keeps the `connections` of the options for their `seconds`: each that ends is followed by another
// one.
void KeepCrowd(
    Crowd& crowd, const Options& options, const std::function<void()>& each_turn = [] {}) {
  const size_t count = options.Number("connections");
  const auto begin = Clock::now();
  const auto end = begin + options.Seconds("seconds");
  for (auto now = begin; now < end; now = Clock::now()) {
    const double passed = std::chrono::duration<double>(now - begin).count();
    const auto allowed = static_cast<size_t>(1.0 + passed * kNewASecond);
    while (crowd.visitors().size() < allowed && crowd.open_count() < count) crowd.Open();
    crowd.Turn(milliseconds(10));
    each_turn();
  }
}

// Connects and says nothing; an ended connection is followed by another one.
void HalfOpen(const Options& options, Report& report) {
  Crowd::Script script;
  script.upgrade = false;
  Crowd crowd(options.Address("server"), script, report);
  report.PrintStarted();
  KeepCrowd(crowd, options);
}

// Requests that come a byte at a time and never end.
void SlowHeads(const Options& options, Report& report) {
  const std::string request = UpgradeRequest("X-Slow: " + std::string(65536, 'x') + "\r\n");
  Crowd::Script script;
  script.upgrade = false;
  Crowd crowd(options.Address("server"), script, report);
  report.PrintStarted();
  auto next = Clock::now();
  KeepCrowd(crowd, options, [&] {
    if (Clock::now() < next) return;
    next += milliseconds(250);
    for (const auto& visitor : crowd.visitors()) {
      if (visitor->ended() || !visitor->connected) continue;
      visitor->Say({request.data() + visitor->script_step++, 1});
      crowd.Push(*visitor);
    }
  });
}

// A request whose head has no end, as fast as the server takes it.
void EndlessHeads(const Options& options, Report& report) {
  const std::string line = "X-More: " + std::string(4000, 'x') + "\r\n";
  Crowd::Script script;
  script.upgrade = false;
  script.on_open = [](Visitor& v) { v.Say("GET / HTTP/1.1\r\nHost: ming\r\n"); };
  script.on_drained = [&line](Visitor& v) { v.Say(line); };
  Crowd crowd(options.Address("server"), script, report);
  report.PrintStarted();
  KeepCrowd(crowd, options);
}

// Clients that never read, and one that keeps the server forwarding to them.
void NeverRead(const Options& options, Report& report) {
  const size_t count = options.Number("connections");
  Crowd::Script script;
  script.on_open = [](Visitor& v) {
    v.Say(MakeText(MakeMessage("hello", "", "", IdOf("sleeper", v.number))));
    v.reads = false;
  };
  Crowd sleepers(options.Address("server"), script, report);

  const std::string filler = "\"" + std::string(48'000, 'x') + "\"";
  size_t next = 0;
  Crowd::Script talk;
  talk.on_open = [](Visitor& v) {
    v.Say(MakeText(MakeMessage("hello", "", "", IdOf("talker", v.number))));
  };
  talk.on_drained = [&](Visitor& v) {
    next = (next + 1) % count;
    v.Say(MakeText(
        MakeMessage("candidate", filler, IdOf("sleeper", next), IdOf("talker", v.number))));
    report.Add("messages");
  };
  talk.on_frame = [&report](Visitor&, const WsFrame& frame) { CountFrame(report, frame); };
  Crowd talkers(options.Address("server"), talk, report);

  const auto end = Clock::now() + options.Seconds("seconds");
  while (sleepers.open_count() < count) sleepers.Open();
  sleepers.RunUntil(seconds(5), [&] { return sleepers.upgraded_count() >= count; });
  while (talkers.open_count() < 8) talkers.Open();
  report.PrintStarted();
  while (Clock::now() < end) {
    while (sleepers.open_count() < count) sleepers.Open();
    while (talkers.open_count() < 8) talkers.Open();
    talkers.Turn(milliseconds(1));
    sleepers.Turn(milliseconds(0));
  }
}

// Connect, register, leave, again: with IDs of their own, or all with the target's.
void Registrations(const Options& options, Report& report) {
  const bool same = options.Text("ids") == "same";
  const std::string target = options.Text("target");
  Crowd::Script script;
  script.on_open = [&](Visitor& v) {
    const std::string id = same ? target : IdOf("flood", v.number);
    v.Say(MakeText(MakeRegistration(id)));
    // It repeats itself, and asks for a second name.
    v.Say(MakeText(MakeRegistration(id)));
    v.Say(MakeText(MakeRegistration(id + "-too")));
    v.Say(MakeFrame(0x88, "\x03\xe8"));
    report.Add("registrations");
  };
  script.on_frame = [&report](Visitor&, const WsFrame& frame) { CountFrame(report, frame); };
  Crowd crowd(options.Address("server"), script, report);
  report.PrintStarted();
  KeepCrowd(crowd, options);
}

// Speaks under the names of others, and to everybody.
void Spoof(const Options& options, Report& report) {
  const std::string target = options.Text("target");
  Generator random(1);
  Crowd::Script script;
  script.on_open = [](Visitor& v) {
    v.Say(MakeText(MakeMessage("hello", "", "", IdOf("mallory", v.number))));
  };
  script.on_drained = [&](Visitor& v) {
    const std::string own = IdOf("mallory", v.number);
    v.Say(MakeText(MakeOfferMessage(target, target, random)));
    v.Say(MakeText(MakeOfferMessage(own, target, random)));
    v.Say(MakeText(MakeMessage("answer", "{}", "myclient", target)));
    v.Say(MakeText(MakeMessage("error", "\"host with ID already registered\"", target, "")));
    v.Say(MakeText(MakeMessage("register-host", "", "", target)));
    v.Say(MakeText(MakeMessage("offer", "{}", "nobody" + std::to_string(random()), "")));
    report.Add("messages", 6);
  };
  script.on_frame = [&report](Visitor&, const WsFrame& frame) { CountFrame(report, frame); };
  Crowd crowd(options.Address("server"), script, report);
  report.PrintStarted();
  KeepCrowd(crowd, options);
}

std::string Nested(size_t depth) {
  std::string text;
  for (size_t at = 0; at < depth; ++at) text += at % 2 == 0 ? "[" : R"({"a":)";
  return text;
}

// What each kind of bad message is, as bytes behind an upgrade.
std::map<std::string, std::string> BadMessages(const std::string& target) {
  const std::string hello = MakeText(MakeMessage("hello", "", "", "bad"));
  const std::string megabyte(1 << 20, 'x');
  std::map<std::string, std::string> all;
  all["long"] = MakeText(MakeMessage("offer", "\"" + megabyte + "\"", target, ""));
  all["foundation"] = MakeText(MakeCandidateMessage(target, "", 1, 1 << 20));
  all["foundation-60k"] = MakeText(MakeCandidateMessage(target, "", 1, 60'000));
  all["announced"] = MakeFrameHead(0x81, uint64_t{1} << 40) + "{";
  all["endless"] = MakeFrameHead(0x81, ~uint64_t{0}) + "{";
  all["deep"] = MakeText(MakeMessage("offer", Nested(15'000), target, ""));
  all["utf8"] = MakeText("{\"type\":\"offer\",\"payload\":\"\xff\xfe\xc3(\"}");
  all["binary"] = MakeFrame(0x82, std::string(1000, '\0') + megabyte.substr(0, 60'000));
  all["compressed"] = MakeFrame(0xc1, std::string(1000, '\x5a'));
  all["long-ping"] = MakeFrame(0x89, std::string(1000, 'p'));
  all["fragments"] = MakeFrame(0x01, "{");
  for (int at = 0; at < 200; ++at) all["fragments"] += MakeFrame(0x00, std::string(1000, ' '));
  all["reserved"] = MakeFrame(0x83, "?");
  all["duplicate"] = MakeText(R"({"type":"offer","type":"answer","sender_id":"bad"})");
  all["huge-id"] = MakeText(MakeMessage("hello", "", "", std::string(60'000, 'i')));
  all["no-json"] = MakeText(std::string(60'000, '{'));
  for (auto& [kind, bytes] : all) {
    if (kind != "huge-id") bytes.insert(0, hello);
  }
  return all;
}

void BadMessages(const Options& options, Report& report) {
  const auto kinds = BadMessages(options.Text("target"));
  size_t next = 0;
  Crowd::Script script;
  script.upgrade_lines = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  script.on_open = [&](Visitor& v) {
    auto kind = kinds.begin();
    std::advance(kind, next++ % kinds.size());
    v.Say(kind->second);
    report.Add("messages");
  };
  std::vector<Visitor*> refused;
  script.on_frame = [&](Visitor& v, const WsFrame& frame) {
    CountFrame(report, frame);
    if (frame.head == 0x88) refused.push_back(&v);
  };
  Crowd crowd(options.Address("server"), script, report);
  report.PrintStarted();
  KeepCrowd(crowd, options, [&] {
    for (Visitor* visitor : std::exchange(refused, {})) crowd.Drop(*visitor);
  });
}

// Pings as fast as the server takes them; half of the connections do not read the pongs.
void PingFlood(const Options& options, Report& report) {
  std::string pings;
  for (int at = 0; at < 100; ++at) pings += MakeFrame(0x89, std::string(125, 'p'));
  Crowd::Script script;
  script.on_open = [](Visitor& v) {
    v.Say(MakeText(MakeMessage("hello", "", "", IdOf("pinger", v.number))));
    v.reads = v.number % 2 == 0;
  };
  script.on_drained = [&](Visitor& v) {
    v.Say(pings);
    report.Add("pings", 100);
  };
  script.on_frame = [&report](Visitor&, const WsFrame& frame) { CountFrame(report, frame); };
  Crowd crowd(options.Address("server"), script, report);
  report.PrintStarted();
  KeepCrowd(crowd, options);
}

// Candidates for the target until `count` of them have left.
void Candidates(const Options& options, Report& report) {
  const std::string target = options.Text("target");
  const uint64_t count = options.Number("count");
  const size_t foundation = options.Number("foundation");
  uint64_t said = 0;
  Crowd::Script script;
  script.on_open = [](Visitor& v) {
    v.Say(MakeText(MakeMessage("hello", "", "", IdOf("trickler", v.number))));
  };
  script.on_drained = [&](Visitor& v) {
    for (int at = 0; at < 50 && said < count; ++at) {
      v.Say(MakeText(MakeCandidateMessage(target, IdOf("trickler", v.number), ++said, foundation)));
      report.Add("candidates");
    }
  };
  script.on_frame = [&report](Visitor&, const WsFrame& frame) { CountFrame(report, frame); };
  Crowd crowd(options.Address("server"), script, report);
  const size_t connections = options.Number("connections");
  report.PrintStarted();
  const auto end = Clock::now() + options.Seconds("seconds");
  const auto quiet = [&] {
    return said >= count && std::all_of(crowd.visitors().begin(), crowd.visitors().end(),
                                        [](const auto& v) { return v->out.empty(); });
  };
  while (Clock::now() < end && !quiet()) {
    while (crowd.open_count() < connections) crowd.Open();
    crowd.Turn(milliseconds(10));
  }
}

// Offers for the target, each of a peer connection that never comes to be: many of each client.
void Offers(const Options& options, Report& report) {
  const std::string target = options.Text("target");
  const uint64_t count = options.Number("count");
  const uint64_t each = options.Number("each");
  uint64_t said = 0;
  Generator random(2);
  Crowd::Script script;
  script.on_open = [](Visitor& v) {
    v.Say(MakeText(MakeMessage("hello", "", "", IdOf("offerer", v.number))));
  };
  script.on_drained = [&](Visitor& v) {
    if (said >= count || v.script_step >= each) return;
    ++v.script_step;
    ++said;
    const std::string own = IdOf("offerer", v.number);
    v.Say(MakeText(MakeOfferMessage(target, own, random)));
    v.Say(MakeText(MakeCandidateMessage(target, own, said)));
    report.Add("offers");
  };
  script.on_frame = [&report](Visitor&, const WsFrame& frame) { CountFrame(report, frame); };
  Crowd crowd(options.Address("server"), script, report);
  const size_t connections = options.Number("connections");
  report.PrintStarted();
  const auto end = Clock::now() + options.Seconds("seconds");
  while (Clock::now() < end) {
    for (int at = 0; at < 50 && said < count && crowd.open_count() < connections; ++at) {
      crowd.Open();
    }
    crowd.Turn(milliseconds(10));
    if (said >= count) continue;
    // Who has said all of its own makes room for the next client.
    for (const auto& v : crowd.visitors()) {
      if (!v->ended() && v->script_step >= each && v->out.empty() &&
          crowd.open_count() >= connections) {
        crowd.Drop(*v);
      }
    }
  }
}

// Not an attack: who comes as everybody does, ten times a second, asks for a host that does not
// exist, and leaves with the answer. How many were served, and how long the slowest waited, is what
// the attacks beside it are measured by.
void Visits(const Options& options, Report& report) {
  std::map<size_t, Clock::time_point> begun;
  Clock::duration slowest{0};
  Crowd::Script script;
  script.on_open = [](Visitor& v) {
    const std::string own = IdOf("visitor", v.number);
    v.Say(MakeText(MakeMessage("candidate", "{}", "nobody", own)));
  };
  std::vector<Visitor*> served;
  script.on_frame = [&](Visitor& v, const WsFrame& frame) {
    if (frame.payload.find("not found") == std::string::npos) return;
    slowest = std::max(slowest, Clock::now() - begun[v.number]);
    begun.erase(v.number);
    report.Add("served");
    served.push_back(&v);
  };
  Crowd crowd(options.Address("server"), script, report);
  report.PrintStarted();
  const auto end = Clock::now() + options.Seconds("seconds");
  for (auto next = Clock::now(); Clock::now() < end; crowd.Turn(milliseconds(10))) {
    for (Visitor* visitor : std::exchange(served, {})) crowd.Drop(*visitor);
    if (Clock::now() < next) continue;
    next += milliseconds(100);
    begun[crowd.visitors().size()] = Clock::now();
    crowd.Open();
    report.Add("visits");
  }
  report.Set("slowest_ms",
             static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(slowest).count()));
}

}  // namespace

std::vector<Attack> SignalingAttacks() {
  return {
      {"visits",
       "no attack: honest visitors, and how they are served",
       {kServer, kSeconds},
       Visits},
      {"half-open",
       "connections that say nothing",
       {kServer, kSeconds, Connections("3000")},
       HalfOpen},
      {"slow-heads",
       "requests a byte at a time",
       {kServer, kSeconds, Connections("3000")},
       SlowHeads},
      {"endless-heads",
       "requests without end",
       {kServer, kSeconds, Connections("50")},
       EndlessHeads},
      {"never-read",
       "clients that never read what is forwarded to them",
       {kServer, kSeconds, Connections("500")},
       NeverRead},
      {"registrations",
       "register, leave, again",
       {kServer,
        kSeconds,
        kTarget,
        Connections("100"),
        {"ids", "own", "own, or same: the target's"}},
       Registrations},
      {"spoof",
       "messages under the names of others",
       {kServer, kSeconds, kTarget, Connections("50")},
       Spoof},
      {"bad-messages",
       "frames and messages that break each rule",
       {kServer, kSeconds, kTarget, Connections("50")},
       BadMessages},
      {"ping-flood", "pings without end", {kServer, kSeconds, Connections("50")}, PingFlood},
      {"candidates",
       "candidates for the target",
       {kServer,
        kSeconds,
        kTarget,
        Connections("50"),
        Count("100000"),
        {"foundation", "4", "bytes of a foundation"}},
       Candidates},
      {"offers",
       "offers for the target, of peers that never come",
       {kServer,
        kSeconds,
        kTarget,
        Connections("200"),
        Count("5000"),
        {"each", "1", "offers of each client"}},
       Offers},
  };
}

}  // namespace ming::hostile
