// FakeChannels: pairs of message channels in memory, with delay, bounded queues, and loss and
// reordering where the traits allow them. Everything random comes from the seed.
#ifndef MING_SUPPORT_FAKE_CHANNELS_H_
#define MING_SUPPORT_FAKE_CHANNELS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "ming/base/random.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"

namespace ming::support {

struct FakeChannelOptions {
  size_t max_message_size = 65536;
  size_t message_step = 1;
  // Bytes of one direction that were sent and not delivered, before Send says kWouldBlock; a
  // message counts one byte more than it has.
  size_t queue_bytes = size_t{256} << 10;
  // Each message takes a time drawn from [min_delay, max_delay]; an ordered channel keeps the
  // order.
  Duration min_delay{0};
  Duration max_delay{0};
  // For channels with max_retransmits only: the share of messages lost.
  double loss = 0;
};

class FakeChannels {
 public:
  using Pair =
      std::pair<std::unique_ptr<link::MessageChannel>, std::unique_ptr<link::MessageChannel>>;

  // `timers` outlives the channels, and this object outlives them too.
  FakeChannels(link::TimerService& timers, uint64_t seed, const FakeChannelOptions& options = {});
  ~FakeChannels();
  FakeChannels(const FakeChannels&) = delete;
  FakeChannels& operator=(const FakeChannels&) = delete;

  Pair CreatePair(const link::ChannelTraits& traits = {});
  // Every open channel ends with `why` at both ends, what is under way is lost: the path is gone.
  void FailAll(const Status& why);

  void set_options(const FakeChannelOptions& options) { options_ = options; }
  // Pairs of which at least one end exists.
  size_t pair_count() const { return pipes_.size(); }
  // Sent and not delivered, all channels.
  size_t queued_bytes() const;

 private:
  class End;
  struct Pipe;

  link::TimerService& timers_;
  SeededRandom random_;
  FakeChannelOptions options_;
  uint64_t last_id_ = 0;
  std::map<uint64_t, std::unique_ptr<Pipe>> pipes_;
};

// Opens pairs and hands the far end to the other side, from the loop.
class FakeChannelOpener final : public link::ChannelOpener {
 public:
  using ArrivalCallback =
      std::function<void(std::unique_ptr<link::MessageChannel> channel, const std::string& label)>;

  FakeChannelOpener(link::TimerService& timers, FakeChannels& channels, ArrivalCallback on_arrival);
  ~FakeChannelOpener() override;

  Result<std::unique_ptr<link::MessageChannel>> OpenChannel(
      const std::string& label, const link::ChannelTraits& traits) override;
  // While set, OpenChannel fails with it.
  void set_failure(const Status& failure) { failure_ = failure; }

 private:
  struct Arrival;

  link::TimerService& timers_;
  FakeChannels& channels_;
  ArrivalCallback on_arrival_;
  Status failure_;
  uint64_t last_id_ = 0;
  std::map<uint64_t, Arrival> arrivals_;
};

}  // namespace ming::support

#endif  // MING_SUPPORT_FAKE_CHANNELS_H_
