// What two ming agree on beyond the original protocol (ming-protocol, section 5; docs/ming.md,
// "Between two ming"). A peer that announces nothing is not judged.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/codec/dcep.h"
#include "ming/codec/ming_features.h"
#include "ming/codec/tunnel_control.h"
#include "ming/conformance/bench.h"
#include "ming/conformance/cases.h"
#include "ming/conformance/sdp_text.h"

namespace ming::conformance {
namespace {

constexpr uint32_t kString = static_cast<uint32_t>(codec::Ppid::kString);
constexpr uint32_t kBinary = static_cast<uint32_t>(codec::Ppid::kBinary);
constexpr uint32_t kSmallCredit = 20000;
constexpr uint32_t kAmpleCredit = 1 << 20;

codec::MingFeatures OurFeatures(uint32_t credit) {
  codec::MingFeatures features;
  features.half_close = true;
  features.max_message_bytes = uint32_t{1} << 18;
  features.credit_bytes = credit;
  return features;
}

// One channel with its far end, and what came on it: data in one place, words in another.
class Talk {
 public:
  Talk(Bench& bench, Session& session) : bench_(bench), session_(session) {}

  // Ok: the channel is open, and the host has said so.
  Status Open() {
    const size_t before = bench_.target() != nullptr ? bench_.target()->connections().size() : 0;
    Result<Channel> channel = session_.OpenChannel();
    if (!channel.ok()) return channel.status();
    channel_ = *std::move(channel);
    if (bench_.host_under_test()) {
      if (NextWord() != "open") return Status(StatusCode::kTimeout, "it does not say \"open\"");
      if (!data_.empty()) return Status(StatusCode::kProtocolViolation, "data before \"open\"");
      const auto& connections = bench_.target()->connections();
      if (connections.size() <= before) return Status(StatusCode::kTimeout, "no connection");
      far_ = connections.back().get();
    } else {
      Say("open");
      far_ = channel_.app.get();
    }
    return Status::Ok();
  }

  void Say(const std::string& word) {
    session_.peer().Send(channel_.stream, kString, ByteSpan(word));
  }
  bool Send(ByteSpan bytes) {
    return session_.peer().Send(channel_.stream, kBinary, bytes) == link::SendResult::kAccepted;
  }
  // The next text message; empty: none within the limit.
  std::string NextWord() {
    bench_.Wait([this] {
      Collect();
      return !words_.empty() || session_.WasReset(channel_.stream);
    });
    if (words_.empty()) return "";
    std::string word = std::move(words_.front());
    words_.erase(words_.begin());
    return word;
  }
  // Until there are so many bytes of data.
  bool AwaitData(size_t size, Duration limit) {
    return bench_.Wait(
        [this, size] {
          Collect();
          return data_.size() >= size;
        },
        limit);
  }
  void Collect() {
    while (auto message = session_.peer().TakeMessage(channel_.stream)) {
      if (message->ppid.value() == kString) words_.emplace_back(message->bytes.AsText());
      if (message->ppid.value() == kBinary) data_.Append(message->bytes);
    }
  }
  bool AwaitReset() { return session_.WaitForReset(channel_.stream); }

  const ByteBuffer& data() const { return data_; }
  const std::vector<std::string>& words() const { return words_; }
  TcpEnd& far() { return *far_; }
  sctp::StreamId stream() const { return channel_.stream; }

 private:
  Bench& bench_;
  Session& session_;
  Channel channel_;
  TcpEnd* far_ = nullptr;
  ByteBuffer data_;
  std::vector<std::string> words_;
};

struct WithCredit {
  uint32_t bytes = kAmpleCredit;
  TcpEnd::Use far = TcpEnd::Use::kCollect;
  // Behind a=x-ming: of ours.
  std::string more;
};

// A session with our features, and on it what `judge` looks at.
Outcome Agreed(Bench& bench, const WithCredit& how, const std::function<Outcome(Session&)>& judge) {
  if (bench.host_under_test() && bench.target() == nullptr) {
    return Skipped("the target behind the host is not ours (--target)");
  }
  // It announces to everybody, or not at all.
  const std::optional<codec::MingFeatures> theirs = bench.session().remote().ming;
  if (!theirs) return Skipped("the peer announces no a=x-ming");
  if (!theirs->half_close || !theirs->credit_bytes) {
    return Skipped("the peer announces neither half-close nor credit");
  }
  Plan plan;
  plan.features = OurFeatures(how.bytes);
  if (!how.more.empty()) {
    plan.edit = [&how](const std::string& text) {
      const std::string ours = SdpValues(text, "a=x-ming:").front();
      return WithSdpLine(text, "a=x-ming:", "a=x-ming:" + ours + how.more);
    };
  }
  const Result<std::unique_ptr<Session>> session = bench.Connect(plan);
  if (!session.ok()) return bench.Missing(session.status());
  if (bench.target() != nullptr) bench.target()->SetUse(how.far);
  Outcome outcome = judge(**session);
  if (bench.target() != nullptr) bench.target()->SetUse(TcpEnd::Use::kEcho);
  return outcome;
}

Outcome OnChannel(Bench& bench, const WithCredit& how,
                  const std::function<Outcome(Session&, Talk&)>& judge) {
  return Agreed(bench, how, [&](Session& session) {
    Talk talk(bench, session);
    const Status open = talk.Open();
    return open.ok() ? judge(session, talk) : Fails(open.message());
  });
}

Outcome Announced(Bench& bench) {
  return Agreed(bench, {}, [](Session& session) {
    return Holds(codec::SerializeMingFeatures(*session.remote().ming));
  });
}

Outcome HalfClose(Bench& bench) {
  return OnChannel(bench, {}, [&bench](Session&, Talk& talk) {
    const std::vector<uint8_t> out = Pattern(5000, 60);
    talk.Send(out);
    talk.Say("end");
    bench.Wait([&talk] { return talk.far().over(); });
    if (!talk.far().ended()) return Fails("the far end does not see our end");
    if (talk.far().received().span() != ByteSpan(out))
      return Fails("other bytes came to the far end");
    // Its own direction goes on.
    const std::vector<uint8_t> back = Pattern(7000, 61);
    talk.far().Write(back);
    talk.far().CloseWrite();
    const std::string word = talk.NextWord();
    talk.Collect();
    if (talk.data().span() != ByteSpan(back)) return Fails("not all bytes came before the end");
    if (word != "end") return Fails("it says \"" + word + "\" instead of \"end\"");
    return talk.AwaitReset() ? Holds() : Fails("the channel stays open behind both ends");
  });
}

Outcome FarReset(Bench& bench) {
  return OnChannel(bench, {}, [&bench](Session&, Talk& talk) {
    bench.Rest(std::chrono::milliseconds(50));
    talk.far().Reset();
    const std::string word = talk.NextWord();
    return word.rfind("reset ", 0) == 0 ? Holds(word) : Fails("it says \"" + word + "\"");
  });
}

Outcome OurReset(Bench& bench) {
  return OnChannel(bench, {}, [&bench](Session&, Talk& talk) {
    talk.Say("reset conformance");
    bench.Wait([&talk] { return talk.far().over(); });
    return talk.far().failed() ? Holds() : Fails("the far end sees no reset");
  });
}

Outcome Refuse(Bench& bench) {
  return Agreed(bench, {}, [&bench](Session& session) {
    bench.target()->StopListening();
    const sctp::StreamId stream = session.NextStream();
    codec::DataChannelOpen open;
    open.label = "tunnel-tcp";
    session.SendOpen(stream, open);
    std::string word;
    bench.Wait([&] {
      while (auto message = session.peer().TakeMessage(stream)) {
        if (message->ppid.value() == kString) word = std::string(message->bytes.AsText());
      }
      return !word.empty() || session.WasReset(stream);
    });
    const Status again = bench.target()->ListenAgain();
    if (!again.ok()) return Skipped(again.message());
    return word.rfind("refuse ", 0) == 0 ? Holds(word) : Fails("it says \"" + word + "\"");
  });
}

Outcome KeepsToCredit(Bench& bench) {
  WithCredit how;
  how.bytes = kSmallCredit;
  return OnChannel(bench, how, [](Session&, Talk& talk) {
    talk.far().Write(Pattern(200000, 62));
    if (talk.AwaitData(kSmallCredit + 1, Bench::kQuiet)) return Fails("it sends more than credit");
    if (talk.data().size() != kSmallCredit) {
      return Fails("it sent " + std::to_string(talk.data().size()) + " of " +
                   std::to_string(kSmallCredit) + " bytes");
    }
    talk.Say("credit 5000");
    if (talk.AwaitData(kSmallCredit + 5001, Bench::kQuiet)) return Fails("more than the grant");
    return talk.data().size() == kSmallCredit + 5000
               ? Holds()
               : Fails("of a grant of 5000 bytes it used " +
                       std::to_string(talk.data().size() - kSmallCredit));
  });
}

Outcome GrantsCredit(Bench& bench) {
  return OnChannel(bench, {}, [&bench](Session& session, Talk& talk) {
    const size_t window = *session.remote().ming->credit_bytes;
    size_t left = window;
    // What was granted is read by the far end: grants must follow.
    while (left > 0) {
      const std::vector<uint8_t> piece = Pattern(std::min<size_t>(left, 16384), 63);
      bool sent = false;
      bench.Wait([&] { return sent = talk.Send(piece); });
      if (!sent) return Fails("the channel does not take " + std::to_string(window) + " bytes");
      left -= piece.size();
    }
    const std::string word = talk.NextWord();
    return word.rfind("credit ", 0) == 0 ? Holds(word) : Fails("it says \"" + word + "\"");
  });
}

Outcome UnknownFeature(Bench& bench) {
  WithCredit how;
  how.more = " teleport=9 fly";
  return OnChannel(bench, how, [&bench](Session&, Talk& talk) {
    talk.Send(Pattern(100, 64));
    talk.Say("end");
    bench.Wait([&talk] { return talk.far().over(); });
    return talk.far().ended() && talk.far().received().size() == 100
               ? Holds()
               : Fails("half-close no longer works");
  });
}

Outcome UnknownWord(Bench& bench) {
  return OnChannel(bench, {}, [&bench](Session&, Talk& talk) {
    talk.Say("levitate 7");
    talk.Send(Pattern(100, 65));
    bench.Wait([&talk] { return talk.far().received().size() >= 100 || talk.far().over(); });
    return talk.far().received().span() == ByteSpan(Pattern(100, 65))
               ? Holds()
               : Fails("the bytes behind it did not arrive alone");
  });
}

// Anything that breaks the rules resets the connection, and nothing else.
Outcome ResetsOn(Bench& bench, const std::function<void(Talk&)>& misbehave) {
  return OnChannel(bench, {}, [&](Session& session, Talk& talk) {
    misbehave(talk);
    bench.Wait([&talk] { return talk.far().failed(); });
    if (!talk.far().failed()) return Fails("the far end sees no reset");
    return OutcomeOf(session.CheckAlive());
  });
}

Outcome DataBehindEnd(Bench& bench) {
  return ResetsOn(bench, [&bench](Talk& talk) {
    talk.Say("end");
    bench.Wait([&talk] { return talk.far().over(); }, Bench::kQuiet);
    talk.Send(Pattern(10));
  });
}

Outcome MalformedWord(Bench& bench) {
  return ResetsOn(bench, [](Talk& talk) { talk.Say("credit 007"); });
}

}  // namespace

std::vector<Case> ExtensionCases() {
  const auto any = ForRole::kAny;
  const auto host = ForRole::kHost;
  const auto tcp = ForTunnel::kTcp;
  const auto ends = Need::kOurEnd;
  const auto plain = Manner::kOrdinary;
  const auto rude = Manner::kRude;
  return {
      {"x-ming/announced", "ming-protocol 5", "a=x-ming announces half-close and credit", any, tcp,
       ends, plain, Announced},
      {"x-ming/half-close", "ming-protocol 5", "one direction ends, the other goes on", any, tcp,
       ends, plain, HalfClose},
      {"x-ming/far-reset", "docs/ming.md", "a reset of the far end arrives as \"reset\"", any, tcp,
       ends, plain, FarReset},
      {"x-ming/our-reset", "docs/ming.md", "our \"reset\" resets the far end", any, tcp, ends,
       plain, OurReset},
      {"x-ming/refuse", "docs/ming.md", "without a target the host says \"refuse\"", host, tcp,
       ends, plain, Refuse},
      {"x-ming/keeps-credit", "docs/ming.md", "the peer sends no more than our credit", any, tcp,
       ends, plain, KeepsToCredit},
      {"x-ming/grants-credit", "docs/ming.md", "what was consumed is granted again", any, tcp, ends,
       plain, GrantsCredit},
      {"x-ming/unknown-feature", "ming-protocol 5", "unknown features are ignored", any, tcp, ends,
       plain, UnknownFeature},
      {"x-ming/unknown-word", "docs/ming.md", "unknown words are ignored", any, tcp, ends, plain,
       UnknownWord},
      {"x-ming/data-behind-end", "docs/ming.md", "data behind \"end\" resets the connection", any,
       tcp, ends, rude, DataBehindEnd},
      {"x-ming/malformed-word", "docs/ming.md", "a malformed word resets the connection", any, tcp,
       ends, rude, MalformedWord},
  };
}

}  // namespace ming::conformance
