// What the peer under test makes of signaling messages (ming-protocol, sections 2 and 3).
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ming/codec/signaling_message.h"
#include "ming/conformance/bench.h"
#include "ming/conformance/cases.h"
#include "ming/conformance/probe_session.h"

namespace ming::conformance {
namespace {

using codec::SignalingMessage;
using codec::SignalingType;

Outcome UpWith(Bench& bench, const Plan& plan) {
  const Result<std::unique_ptr<Session>> session = bench.Connect(plan);
  if (!session.ok()) return bench.Missing(session.status());
  return OutcomeOf((*session)->CheckAlive());
}

Outcome Description(Bench& bench) {
  Exchange& talk = bench.session().exchange();
  for (const SignalingMessage& message : talk.messages()) {
    if (message.type == SignalingType::kCandidate) continue;
    const auto payload = codec::ParseDescriptionPayload(message.payload);
    if (!payload.ok()) return Fails(payload.status().message());
    const bool offer = message.type == SignalingType::kOffer;
    if ((payload->kind == codec::SdpKind::kOffer) != offer) {
      return Fails("the type in the payload is not that of the message");
    }
    if (message.target_id != talk.own_id()) return Fails("target_id: " + message.target_id);
    if (message.sender_id != talk.peer_id()) return Fails("sender_id: " + message.sender_id);
  }
  return Holds();
}

Outcome CandidateMessages(Bench& bench) {
  size_t count = 0;
  for (const SignalingMessage& message : bench.session().exchange().messages()) {
    if (message.type != SignalingType::kCandidate) continue;
    const auto payload = codec::ParseCandidatePayload(message.payload);
    if (!payload.ok()) return Fails(payload.status().message() + ": " + message.payload);
    if (payload->mline_index.value_or(0) != 0) return Fails("sdpMLineIndex of another section");
    ++count;
  }
  return Holds(std::to_string(count) + " messages");
}

// Our candidates in another form are used: a check comes although we send none.
Outcome CandidatesAs(Bench& bench, const std::function<std::string(const std::string&)>& payload,
                     bool early) {
  ProbePlan plan;
  plan.candidates = OurCandidates::kTrickled;
  plan.payload = payload;
  plan.early = early;
  Result<std::unique_ptr<ProbeSession>> session = ProbeSession::Open(bench, plan);
  if (!session.ok()) return bench.Missing(session.status());
  return (*session)->AwaitCheck() ? Holds() : Fails("no check came to the candidate");
}

std::string Quoted(const std::string& line) { return "\"" + line + "\""; }

Outcome PionForm(Bench& bench) {
  return CandidatesAs(
      bench,
      [](const std::string& line) {
        return R"({"candidate":{"candidate":)" + Quoted(line) +
               R"(,"sdpMid":"","sdpMLineIndex":0,"usernameFragment":null}})";
      },
      false);
}

Outcome NullMid(Bench& bench) {
  return CandidatesAs(
      bench,
      [](const std::string& line) {
        return R"({"candidate":{"candidate":)" + Quoted(line) +
               R"(,"sdpMid":null,"sdpMLineIndex":null,"usernameFragment":null}})";
      },
      false);
}

Outcome BareCandidate(Bench& bench) {
  return CandidatesAs(
      bench,
      [](const std::string& line) {
        return R"({"candidate":{"candidate":)" + Quoted(line) + R"(},"more":[1]})";
      },
      false);
}

Outcome EarlyCandidates(Bench& bench) { return CandidatesAs(bench, nullptr, true); }

Outcome EndForms(Bench& bench) {
  Plan plan;
  plan.behind = [](Exchange& exchange) {
    for (const char* payload :
         {R"({"candidate":{"candidate":"","sdpMid":"0","sdpMLineIndex":0}})",
          R"({"candidate":{"candidate":""}})", R"({"candidate":null})", "null"}) {
      exchange.SendPayload(SignalingType::kCandidate, payload);
    }
  };
  return UpWith(bench, plan);
}

Outcome UnknownMembers(Bench& bench) {
  Plan plan;
  plan.wrap = [](const SignalingMessage& message) {
    std::string text = codec::SerializeSignalingMessage(message);
    text.insert(1, R"("version":3,"trace":{"id":[1,2]},)");
    const std::string inner = R"({"sdp":{)";
    return text.insert(text.find(inner) + inner.size(), R"("comment":"x",)");
  };
  return UpWith(bench, plan);
}

Outcome UnknownType(Bench& bench) {
  Plan plan;
  plan.before = [](Exchange& exchange) {
    SignalingMessage message;
    message.type = SignalingType::kUnknown;
    message.unknown_type = "weather";
    message.payload = R"({"rain":true})";
    message.target_id = exchange.peer_id();
    message.sender_id = exchange.own_id();
    exchange.SendText(codec::SerializeSignalingMessage(message));
  };
  return UpWith(bench, plan);
}

Outcome BadPayloads(Bench& bench) {
  Plan plan;
  plan.behind = [](Exchange& exchange) {
    for (const char* payload :
         {"17", "\"text\"", "[]", "{}", "{\"candidate\":17}", "{\"candidate\":{\"candidate\":{}}}",
          "{\"candidate\":{\"candidate\":\"\",\"sdpMLineIndex\":\"x\"}}"}) {
      exchange.SendPayload(SignalingType::kCandidate, payload);
    }
  };
  return UpWith(bench, plan);
}

// A description that cannot be used; the next one can.
Outcome Outlives(Bench& bench, const std::function<void(Exchange&)>& send) {
  Result<std::unique_ptr<Exchange>> talk = bench.Open();
  if (!talk.ok()) return bench.Missing(talk.status());
  send(**talk);
  bench.Rest(Bench::kQuiet);
  (*talk)->Collect();
  const bool said = !(*talk)->error().empty();
  const std::string detail = said ? "it said: " + (*talk)->error() : "";
  const Result<std::unique_ptr<Session>> session = bench.Connect();
  if (!session.ok()) return bench.Missing(session.status());
  return Holds(detail);
}

SignalingType OurDescription(Bench& bench) {
  return bench.host_under_test() ? SignalingType::kOffer : SignalingType::kAnswer;
}

Outcome BadSdp(Bench& bench) {
  return Outlives(bench, [&bench](Exchange& talk) {
    const char* kind = bench.host_under_test() ? "offer" : "answer";
    talk.SendPayload(OurDescription(bench),
                     std::string(R"({"sdp":{"type":")") + kind + R"(","sdp":"not sdp at all"}})");
  });
}

Outcome NoSdp(Bench& bench) {
  Plan plan;
  plan.before = [&bench](Exchange& talk) {
    talk.SendPayload(OurDescription(bench), "null");
    talk.SendPayload(OurDescription(bench), R"({"sdp":null})");
  };
  return UpWith(bench, plan);
}

// A client whose offer is followed by another one: the second one counts.
Outcome SecondOffer(Bench& bench) {
  Result<std::unique_ptr<Session>> first = bench.Connect();
  if (!first.ok()) return bench.Missing(first.status());
  Exchange& talk = (*first)->exchange();
  // Under the same ID, as a client does that lost its connection.
  RawPeerOptions options;
  options.ice = bench.options().ice;
  RawPeer second(bench.services(), options);
  if (const Status started = second.Start(); !started.ok()) return Fails(started.message());
  talk.ForgetRemote();
  talk.SendDescription(codec::SdpKind::kOffer, codec::SerializeSessionDescription(
                                                   second.Describe(codec::SdpSetup::kActpass)));
  bench.Wait([&talk] { return !talk.remote_text().empty() || !talk.error().empty(); });
  const Result<codec::SessionDescription> answer = talk.Remote();
  if (!answer.ok()) return Fails("the second offer: " + answer.status().message());
  second.Adopt(*answer, answer->setup == codec::SdpSetup::kActive ? tls::DtlsRole::kServer
                                                                  : tls::DtlsRole::kClient);
  bench.Wait([&] {
    for (const std::string& line : talk.TakeCandidates()) (void)second.AddRemoteCandidate(line);
    return second.up() || second.ended();
  });
  return second.up() ? Holds() : Fails("the second offer leads to no connection");
}

Case Talk(std::string_view id, std::string_view section, std::string_view sentence,
          Outcome (*run)(Bench&)) {
  return {id, section, sentence, ForRole::kAny, ForTunnel::kAny, Need::kNothing, Manner::kOrdinary,
          run};
}

Case OnSession(Case one) {
  one.need = Need::kSession;
  return one;
}

Case OfHost(Case one) {
  one.role = ForRole::kHost;
  return one;
}

Case Rudely(Case one) {
  one.manner = Manner::kRude;
  return one;
}

}  // namespace

std::vector<Case> SignalingCases() {
  return {
      OnSession(Talk("signaling/description", "ming-protocol 2",
                     "offer or answer: payload and addresses", Description)),
      OnSession(Talk("signaling/candidates", "ming-protocol 2",
                     "candidate messages have their form", CandidateMessages)),
      Talk("signaling/pion-form", "ming-protocol 2", "candidates as Pion writes them are used",
           PionForm),
      Talk("signaling/null-mid", "ming-protocol 2", "sdpMid and the others may be null", NullMid),
      Talk("signaling/bare", "ming-protocol 2", "sdpMid and the others may be missing",
           BareCandidate),
      Talk("signaling/early", "ming-protocol 3.2", "candidates before the description are kept",
           EarlyCandidates),
      Talk("signaling/end-forms", "ming-protocol 2", "the end of candidates in all its forms",
           EndForms),
      Talk("signaling/unknown-members", "ming-protocol 2", "unknown members are ignored",
           UnknownMembers),
      Talk("signaling/unknown-type", "ming-protocol 2", "messages of unknown types are ignored",
           UnknownType),
      OfHost(Talk("signaling/second-offer", "ming-protocol 3.4", "a client may offer anew",
                  SecondOffer)),
      Rudely(Talk("signaling/bad-payloads", "ming-protocol 2",
                  "candidates of a wrong shape do no harm", BadPayloads)),
      Rudely(Talk("signaling/bad-sdp", "ming-protocol 2", "a description that is none does no harm",
                  BadSdp)),
      Rudely(Talk("signaling/no-sdp", "ming-protocol 2",
                  "a message without description does no harm", NoSdp)),
  };
}

}  // namespace ming::conformance
