#include "ming/support/fake_channels.h"

#include <glog/logging.h>

#include <algorithm>
#include <deque>
#include <optional>

namespace ming::support {

// One direction of a pair: what its sender queued and its receiver did not get.
struct FakeChannels::Pipe {
  struct Message {
    Timestamp due;
    link::MessageKind kind = link::MessageKind::kBinary;
    ByteBuffer bytes;
  };
  struct Side {
    End* end = nullptr;  // null: destroyed
    link::MessageChannel::Observer* observer = nullptr;
    std::deque<Message> inbox;  // ordered by `due`
    size_t inbox_bytes = 0;
    std::optional<Status> closing;  // the inbox ends with OnChannelClosed(*closing)
    bool closed = false;            // that was told
    bool sealed = false;            // this side sends nothing more
    bool paused = false;
    bool wants_ready = false;
    std::unique_ptr<link::Alarm> alarm;
  };

  uint64_t id = 0;
  link::ChannelTraits traits;
  Side sides[2];
};

class FakeChannels::End final : public link::MessageChannel {
 public:
  End(FakeChannels& owner, Pipe& pipe, size_t index) : owner_(owner), pipe_(pipe), index_(index) {
    self().end = this;
    self().alarm = owner_.timers_.CreateAlarm([this] { Deliver(); });
  }
  ~End() override {
    self().end = nullptr;
    self().observer = nullptr;
    self().alarm.reset();
    if (peer().end == nullptr) {
      owner_.pipes_.erase(pipe_.id);
      return;
    }
    // Aborted: what the peer has not got is lost, and to the peer it looks like a close.
    if (!self().closed) {
      peer().inbox.clear();
      peer().inbox_bytes = 0;
    }
    if (!peer().closing) peer().closing = Status::Ok();
    peer().end->Wake();
  }

  void SetObserver(Observer* observer) override {
    self().observer = observer;
    if (observer != nullptr) Wake();
  }
  const link::ChannelTraits& traits() const override { return pipe_.traits; }
  size_t max_message_size() const override { return owner_.options_.max_message_size; }

  link::SendResult Send(link::MessageKind kind, ByteSpan message) override {
    if (self().sealed || self().closed) return link::SendResult::kClosed;
    if (message.size() > max_message_size()) return link::SendResult::kTooLarge;
    if (SendableBytes() == 0) return link::SendResult::kWouldBlock;
    if (pipe_.traits.max_retransmits && owner_.random_.Fraction() < owner_.options_.loss) {
      return link::SendResult::kAccepted;
    }
    Pipe::Side& to = peer();
    Timestamp due = owner_.timers_.Now() + DrawDelay();
    auto position = to.inbox.end();
    if (pipe_.traits.ordering == link::Ordering::kOrdered) {
      if (!to.inbox.empty()) due = std::max(due, to.inbox.back().due);
    } else {
      position = std::upper_bound(
          to.inbox.begin(), to.inbox.end(), due,
          [](Timestamp when, const Pipe::Message& other) { return when < other.due; });
    }
    to.inbox_bytes += message.size() + 1;
    to.inbox.insert(position, Pipe::Message{due, kind, ByteBuffer::CopyOf(message)});
    if (to.end != nullptr) to.end->Wake();
    return link::SendResult::kAccepted;
  }
  size_t SendableBytes() const override {
    const size_t used = pipe_.sides[1 - index_].inbox_bytes;
    const size_t room = used < owner_.options_.queue_bytes ? owner_.options_.queue_bytes - used : 0;
    if (room == 0) pipe_.sides[index_].wants_ready = true;
    return std::min(room, max_message_size());
  }
  size_t message_step() const override { return owner_.options_.message_step; }
  void PauseReceiving() override { self().paused = true; }
  void ResumeReceiving() override {
    self().paused = false;
    Wake();
  }
  void Close() override {
    if (std::exchange(self().sealed, true)) return;
    if (peer().end == nullptr) {
      if (!self().closing) self().closing = Status::Ok();
      return Wake();
    }
    if (!peer().closing) peer().closing = Status::Ok();
    peer().end->Wake();
  }

  void Fail(const Status& why) {
    self().inbox.clear();
    self().inbox_bytes = 0;
    self().sealed = true;
    self().closing = why;
    Wake();
  }

 private:
  Pipe::Side& self() { return pipe_.sides[index_]; }
  Pipe::Side& peer() { return pipe_.sides[1 - index_]; }

  Duration DrawDelay() {
    const auto spread = (owner_.options_.max_delay - owner_.options_.min_delay).count();
    if (spread <= 0) return owner_.options_.min_delay;
    return owner_.options_.min_delay +
           Duration(owner_.random_.Below(static_cast<uint64_t>(spread) + 1));
  }

  void Wake() {
    Pipe::Side& side = self();
    if (side.observer == nullptr || side.closed) return;
    if (side.wants_ready && SendableBytes() > 0) return side.alarm->ArmAt(owner_.timers_.Now());
    if (!side.inbox.empty()) {
      if (!side.paused) side.alarm->ArmAt(side.inbox.front().due);
    } else if (side.closing) {
      side.alarm->ArmAt(owner_.timers_.Now());
    }
  }

  // At most this many messages a turn, so that others get theirs.
  static constexpr int kMessagesPerTurn = 16;

  // Observers destroy us through DeferDelete only, so `this` outlives the loop.
  void Deliver() {
    Pipe::Side& side = self();
    if (side.wants_ready && SendableBytes() > 0 && side.observer != nullptr) {
      side.wants_ready = false;
      side.observer->OnSendReady();
    }
    for (int i = 0; i < kMessagesPerTurn; ++i) {
      if (side.observer == nullptr || side.closed || side.paused || side.inbox.empty()) break;
      if (side.inbox.front().due > owner_.timers_.Now()) break;
      Pipe::Message message = std::move(side.inbox.front());
      side.inbox.pop_front();
      side.inbox_bytes -= message.bytes.size() + 1;
      side.observer->OnMessage(message.kind, std::move(message.bytes));
      if (peer().end != nullptr && peer().wants_ready) peer().end->Wake();
    }
    if (side.observer != nullptr && !side.closed && side.inbox.empty() && side.closing) {
      TellClosed();
    }
    Wake();
  }

  void TellClosed() {
    Pipe::Side& side = self();
    side.closed = true;
    // A channel closes both ways: our direction ends behind what we sent.
    if (peer().end != nullptr && !peer().closing) peer().closing = side.closing;
    side.sealed = true;
    if (peer().end != nullptr) peer().end->Wake();
    side.observer->OnChannelClosed(*side.closing);
  }

  FakeChannels& owner_;
  Pipe& pipe_;
  const size_t index_;
};

FakeChannels::FakeChannels(link::TimerService& timers, uint64_t seed,
                           const FakeChannelOptions& options)
    : timers_(timers), random_(seed), options_(options) {}

FakeChannels::~FakeChannels() { CHECK(pipes_.empty()) << "channels outlive their network"; }

FakeChannels::Pair FakeChannels::CreatePair(const link::ChannelTraits& traits) {
  auto pipe = std::make_unique<Pipe>();
  pipe->id = ++last_id_;
  pipe->traits = traits;
  Pair pair(std::make_unique<End>(*this, *pipe, 0), std::make_unique<End>(*this, *pipe, 1));
  pipes_.emplace(pipe->id, std::move(pipe));
  return pair;
}

void FakeChannels::FailAll(const Status& why) {
  for (const auto& [id, pipe] : pipes_) {
    for (Pipe::Side& side : pipe->sides) {
      if (side.end != nullptr && !side.closed) side.end->Fail(why);
    }
  }
}

size_t FakeChannels::queued_bytes() const {
  size_t bytes = 0;
  for (const auto& [id, pipe] : pipes_) {
    for (const Pipe::Side& side : pipe->sides) bytes += side.inbox_bytes;
  }
  return bytes;
}

struct FakeChannelOpener::Arrival {
  std::unique_ptr<link::MessageChannel> channel;
  std::string label;
  std::unique_ptr<link::Alarm> alarm;
};

FakeChannelOpener::FakeChannelOpener(link::TimerService& timers, FakeChannels& channels,
                                     ArrivalCallback on_arrival)
    : timers_(timers), channels_(channels), on_arrival_(std::move(on_arrival)) {}

FakeChannelOpener::~FakeChannelOpener() = default;

Result<std::unique_ptr<link::MessageChannel>> FakeChannelOpener::OpenChannel(
    const std::string& label, const link::ChannelTraits& traits) {
  if (!failure_.ok()) return failure_;
  FakeChannels::Pair pair = channels_.CreatePair(traits);
  const uint64_t id = ++last_id_;
  Arrival& arrival = arrivals_[id];
  arrival.channel = std::move(pair.second);
  arrival.label = label;
  arrival.alarm = timers_.CreateAlarm([this, id] {
    Arrival arrived = std::move(arrivals_.at(id));
    arrivals_.erase(id);
    on_arrival_(std::move(arrived.channel), arrived.label);
    timers_.DeferDelete(std::move(arrived.alarm));
  });
  arrival.alarm->ArmAt(timers_.Now());
  return std::move(pair.first);
}

}  // namespace ming::support
