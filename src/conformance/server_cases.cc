// The signaling server itself (ming-protocol, section 2): a host and a client of ours talk through
// it.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/codec/signaling_message.h"
#include "ming/conformance/bench.h"
#include "ming/conformance/cases.h"

namespace ming::conformance {
namespace {

using codec::SignalingMessage;
using codec::SignalingType;

constexpr size_t kLargePayload = size_t{9} << 10;  // the original took messages of 10,240 bytes

SignalingMessage Message(SignalingType type, const std::string& payload, const std::string& from,
                         const std::string& to) {
  SignalingMessage message;
  message.type = type;
  message.payload = payload;
  message.sender_id = from;
  message.target_id = to;
  return message;
}

std::optional<SignalingMessage> Await(Bench& bench, Mailbox& mailbox, SignalingType type) {
  std::optional<SignalingMessage> message;
  bench.Wait([&] {
    message = mailbox.Take(type);
    return message.has_value() || mailbox.server->state() == RawSignaling::State::kClosed;
  });
  return message;
}

bool AwaitClose(Bench& bench, Mailbox& mailbox) {
  return bench.Wait([&mailbox] { return mailbox.server->state() == RawSignaling::State::kClosed; });
}

// A registered host and a client that has not spoken.
struct Parties {
  std::unique_ptr<Mailbox> host;
  std::unique_ptr<Mailbox> client;
};

Result<Parties> Meet(Bench& bench) {
  Parties parties;
  for (auto* one : {&parties.host, &parties.client}) {
    Result<std::unique_ptr<Mailbox>> mailbox = bench.Dial(bench.RandomId());
    if (!mailbox.ok()) return mailbox.status();
    *one = *std::move(mailbox);
  }
  parties.host->server->Send(codec::MakeRegisterHost(parties.host->own_id));
  // There is no confirmation: the first message that arrives is one.
  for (int attempt = 0; attempt < 20; ++attempt) {
    parties.client->server->Send(
        Message(SignalingType::kOffer, "null", parties.client->own_id, parties.host->own_id));
    std::optional<SignalingMessage> arrived;
    std::optional<SignalingMessage> error;
    bench.Wait([&] {
      arrived = parties.host->Take(SignalingType::kOffer);
      error = parties.client->Take(SignalingType::kError);
      return arrived || error;
    });
    if (arrived) return parties;
  }
  return Status(StatusCode::kUnavailable, "an offer does not reach a registered host");
}

Outcome WithParties(Bench& bench, const std::function<Outcome(Parties&)>& judge) {
  Result<Parties> parties = Meet(bench);
  if (!parties.ok()) return Fails(parties.status().message());
  return judge(*parties);
}

Outcome Introduces(Bench& bench) {
  return WithParties(bench, [](Parties&) { return Holds(); });
}

Outcome AnswerReachesClient(Bench& bench) {
  return WithParties(bench, [&bench](Parties& parties) {
    parties.host->server->Send(
        Message(SignalingType::kAnswer, "{\"n\":1}", parties.host->own_id, parties.client->own_id));
    const auto answer = Await(bench, *parties.client, SignalingType::kAnswer);
    if (!answer) return Fails("the answer did not arrive");
    return answer->sender_id == parties.host->own_id ? Holds()
                                                     : Fails("sender_id: " + answer->sender_id);
  });
}

Outcome PayloadUnchanged(Bench& bench) {
  return WithParties(bench, [&bench](Parties& parties) {
    const std::string payload =
        R"({"a":[1,2.5,-3e2,null,true,{"b":""}],"text":"\u00e9\n\"\\ \ud83d\udc0e","empty":{}})";
    parties.client->server->Send(
        Message(SignalingType::kCandidate, payload, parties.client->own_id, parties.host->own_id));
    const auto got = Await(bench, *parties.host, SignalingType::kCandidate);
    if (!got) return Fails("the message did not arrive");
    // Escapes may be written in another way: what they mean is compared where bytes differ.
    if (got->payload == payload) return Holds();
    const bool same_size = got->payload.find("-3") != std::string::npos &&
                           got->payload.find("\"empty\":{}") != std::string::npos;
    return same_size ? Holds("written in another way") : Fails("payload: " + got->payload);
  });
}

Outcome UnknownTarget(Bench& bench) {
  return WithParties(bench, [&bench](Parties& parties) {
    Mailbox& client = *parties.client;
    client.server->Send(Message(SignalingType::kOffer, "null", client.own_id, bench.RandomId()));
    const auto error = Await(bench, client, SignalingType::kError);
    if (!error) return Fails("no error came");
    if (error->target_id != client.own_id) return Fails("its target_id is " + error->target_id);
    client.server->Send(
        Message(SignalingType::kOffer, "null", client.own_id, parties.host->own_id));
    return Await(bench, *parties.host, SignalingType::kOffer)
               ? Holds(codec::ParseErrorPayload(error->payload))
               : Fails("the connection is of no use afterwards");
  });
}

Outcome NoTarget(Bench& bench) {
  return WithParties(bench, [&bench](Parties& parties) {
    Mailbox& client = *parties.client;
    client.server->Send(Message(SignalingType::kOffer, "null", client.own_id, ""));
    if (!Await(bench, client, SignalingType::kError)) return Fails("no error came");
    return client.server->state() == RawSignaling::State::kOpen
               ? Holds()
               : Fails("the connection was closed");
  });
}

Outcome DuplicateId(Bench& bench) {
  return WithParties(bench, [&bench](Parties& parties) {
    Result<std::unique_ptr<Mailbox>> second = bench.Dial(parties.host->own_id);
    if (!second.ok()) return Fails(second.status().message());
    (*second)->server->Send(codec::MakeRegisterHost(parties.host->own_id));
    const auto error = Await(bench, **second, SignalingType::kError);
    if (!error) return Fails("no error came");
    if (!AwaitClose(bench, **second)) return Fails("the second connection stays open");
    parties.client->server->Send(
        Message(SignalingType::kOffer, "null", parties.client->own_id, parties.host->own_id));
    return Await(bench, *parties.host, SignalingType::kOffer)
               ? Holds(codec::ParseErrorPayload(error->payload))
               : Fails("the first host lost its ID");
  });
}

Outcome EmptyId(Bench& bench) {
  Result<std::unique_ptr<Mailbox>> mailbox = bench.Dial("");
  if (!mailbox.ok()) return Fails(mailbox.status().message());
  (*mailbox)->server->Send(codec::MakeRegisterHost(""));
  if (!Await(bench, **mailbox, SignalingType::kError)) return Fails("no error came");
  return AwaitClose(bench, **mailbox) ? Holds() : Fails("the connection stays open");
}

Outcome IdIsFreed(Bench& bench) {
  return WithParties(bench, [&bench](Parties& parties) {
    const std::string id = parties.host->own_id;
    parties.host->server->Close();
    if (!AwaitClose(bench, *parties.host)) return Fails("the close was not answered");
    Result<std::unique_ptr<Mailbox>> next = bench.Dial(id);
    if (!next.ok()) return Fails(next.status().message());
    (*next)->server->Send(codec::MakeRegisterHost(id));
    bench.Wait([&] { return (*next)->server->state() == RawSignaling::State::kClosed; },
               Bench::kQuiet);
    parties.client->server->Send(
        Message(SignalingType::kOffer, "null", parties.client->own_id, id));
    return Await(bench, **next, SignalingType::kOffer) ? Holds()
                                                       : Fails("the new host is not reached");
  });
}

Outcome NoImpersonation(Bench& bench) {
  return WithParties(bench, [&bench](Parties& parties) {
    Mailbox& client = *parties.client;
    const std::string victim = bench.RandomId();
    client.server->Send(Message(SignalingType::kCandidate, "\"x\"", victim, parties.host->own_id));
    std::optional<SignalingMessage> got;
    bench.Wait(
        [&] {
          got = parties.host->Take(SignalingType::kCandidate);
          return got.has_value();
        },
        Bench::kQuiet);
    return got && got->sender_id == victim ? Fails("a message under a foreign ID was forwarded")
                                           : Holds();
  });
}

Outcome ClientDoesNotShadowHost(Bench& bench) {
  return WithParties(bench, [&bench](Parties& parties) {
    Result<std::unique_ptr<Mailbox>> thief = bench.Dial(parties.host->own_id);
    if (!thief.ok()) return Fails(thief.status().message());
    (*thief)->server->Send(
        Message(SignalingType::kOffer, "null", parties.host->own_id, bench.RandomId()));
    bench.Rest(Bench::kQuiet);
    parties.client->server->Send(
        Message(SignalingType::kOffer, "null", parties.client->own_id, parties.host->own_id));
    const auto got = Await(bench, *parties.host, SignalingType::kOffer);
    if (!got) return Fails("the host no longer gets its offers");
    return (*thief)->Take(SignalingType::kOffer) ? Fails("the client got the host's offer")
                                                 : Holds();
  });
}

Outcome UnknownMembers(Bench& bench) {
  return WithParties(bench, [&bench](Parties& parties) {
    parties.client->server->SendText(
        R"({"version":7,"type":"candidate","payload":1,"extra":{"deep":[1]},"target_id":")" +
        parties.host->own_id + R"(","sender_id":")" + parties.client->own_id + R"("})");
    return Await(bench, *parties.host, SignalingType::kCandidate)
               ? Holds()
               : Fails("the message was not forwarded");
  });
}

// The connection lives on after `text`, and so does the server.
Outcome Outlives(Bench& bench, const std::string& text, bool same_connection) {
  return WithParties(bench, [&](Parties& parties) {
    Mailbox& client = *parties.client;
    client.server->SendText(text);
    bench.Rest(Bench::kQuiet);
    if (same_connection) {
      client.server->Send(
          Message(SignalingType::kOffer, "null", client.own_id, parties.host->own_id));
      return Await(bench, *parties.host, SignalingType::kOffer)
                 ? Holds()
                 : Fails("the connection is of no use afterwards");
    }
    const Result<Parties> others = Meet(bench);
    return others.ok() ? Holds(client.server->state() == RawSignaling::State::kOpen
                                   ? "the connection lives"
                                   : "it closed the connection")
                       : Fails(others.status().message());
  });
}

Outcome UnknownType(Bench& bench) {
  return Outlives(bench, R"({"type":"dance","payload":{"x":1},"sender_id":""})", true);
}

Outcome NotJson(Bench& bench) { return Outlives(bench, "{\"type\":", false); }

Outcome LargeMessage(Bench& bench) {
  return WithParties(bench, [&bench](Parties& parties) {
    const std::string payload = "\"" + std::string(kLargePayload, 'x') + "\"";
    parties.client->server->Send(
        Message(SignalingType::kOffer, payload, parties.client->own_id, parties.host->own_id));
    const auto got = Await(bench, *parties.host, SignalingType::kOffer);
    return got && got->payload == payload ? Holds() : Fails("it did not arrive");
  });
}

Outcome OrderIsKept(Bench& bench) {
  return WithParties(bench, [&bench](Parties& parties) {
    constexpr int kCount = 50;
    for (int i = 0; i < kCount; ++i) {
      parties.client->server->Send(Message(SignalingType::kCandidate, std::to_string(i),
                                           parties.client->own_id, parties.host->own_id));
    }
    for (int i = 0; i < kCount; ++i) {
      const auto got = Await(bench, *parties.host, SignalingType::kCandidate);
      if (!got) return Fails("message " + std::to_string(i) + " did not arrive");
      if (got->payload != std::to_string(i)) return Fails("out of order: " + got->payload);
    }
    return Holds();
  });
}

Case Server(std::string_view id, std::string_view section, std::string_view sentence,
            Outcome (*run)(Bench&), Manner manner = Manner::kOrdinary) {
  return {id, section, sentence, ForRole::kAny, ForTunnel::kAny, Need::kNothing, manner, run};
}

}  // namespace

std::vector<Case> ServerCases() {
  return {
      Server("server/introduces", "ming-protocol 2.2", "an offer reaches the host of its target_id",
             Introduces),
      Server("server/answer", "ming-protocol 2.2", "a host's answer reaches the client",
             AnswerReachesClient),
      Server("server/payload", "ming-protocol 2.2", "a payload is forwarded unchanged in meaning",
             PayloadUnchanged),
      Server("server/order", "ming-protocol 2", "messages keep their order", OrderIsKept),
      Server("server/large", "ming-protocol 2.5", "a message of 9 KiB is forwarded", LargeMessage),
      Server("server/unknown-members", "ming-protocol 2", "unknown members are ignored",
             UnknownMembers),
      Server("server/unknown-type", "ming-protocol 2", "an unknown type is ignored", UnknownType),
      Server("server/unknown-target", "ming-protocol 2.4",
             "an unknown target is an error to the sender, who stays", UnknownTarget),
      Server("server/no-target", "ming-protocol 2.4",
             "a missing target is an error to the sender, who stays", NoTarget),
      Server("server/duplicate-id", "ming-protocol 2.3",
             "an ID that is taken is an error, then a close", DuplicateId),
      Server("server/empty-id", "ming-protocol 2.3", "an empty ID is an error, then a close",
             EmptyId),
      Server("server/id-is-freed", "ming-protocol 2.3", "an ID is free once its connection is gone",
             IdIsFreed),
      Server("server/impersonation", "ming-protocol 2.2",
             "nobody speaks under a sender_id that is not his", NoImpersonation),
      Server("server/shadow", "ming-protocol 2.2", "a client's ID never shadows a host's",
             ClientDoesNotShadowHost),
      Server("server/not-json", "ming-protocol 2", "what is no JSON ends nobody else", NotJson,
             Manner::kRude),
  };
}

}  // namespace ming::conformance
