// A sender with endless data over Recovery, a path made of two lanes of the wire, and a model of a
// receiver of RFC 9260, in simulated time.
#ifndef MING_TESTS_SCTP_RECOVERY_WORLD_H_
#define MING_TESTS_SCTP_RECOVERY_WORLD_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "ming/base/byte_io.h"
#include "ming/base/bytes.h"
#include "ming/base/random.h"
#include "ming/base/time.h"
#include "ming/sctp/chunks.h"
#include "ming/sctp/recovery.h"
#include "ming/sctp/sack.h"
#include "ming/sctp/tsn.h"
#include "ming/wire/lane_core.h"

namespace ming::sctp {

constexpr uint32_t kFirstTsn = 0xFFFFFF00;  // wraps around soon
constexpr size_t kPayload = 1131;

inline ByteBuffer DataPacket(uint32_t tsn, size_t payload, size_t chunks = 1) {
  ByteBuffer packet = ByteBuffer::CopyOf(std::vector<uint8_t>(kCommonHeader, 7));
  ByteWriter writer(packet);
  for (size_t i = 0; i < chunks; ++i) {
    writer.WriteU8(static_cast<uint8_t>(ChunkType::kData));
    writer.WriteU8(3);
    writer.WriteU16(static_cast<uint16_t>(16 + payload));
    writer.WriteU32(tsn + static_cast<uint32_t>(i));
    writer.WriteU64(0);
    writer.WriteBytes(std::vector<uint8_t>(Padded(payload), 1));
  }
  return packet;
}

inline ByteBuffer SackPacket(uint32_t cumulative, uint32_t window,
                             const std::vector<TsnRange>& blocks,
                             const std::vector<uint32_t>& duplicates = {}) {
  ByteBuffer packet = ByteBuffer::CopyOf(std::vector<uint8_t>(kCommonHeader, 9));
  ByteWriter writer(packet);
  writer.WriteU8(static_cast<uint8_t>(ChunkType::kSack));
  writer.WriteU8(0);
  writer.WriteU16(static_cast<uint16_t>(16 + 4 * (blocks.size() + duplicates.size())));
  writer.WriteU32(cumulative);
  writer.WriteU32(window);
  writer.WriteU16(static_cast<uint16_t>(blocks.size()));
  writer.WriteU16(static_cast<uint16_t>(duplicates.size()));
  for (const TsnRange& block : blocks) {
    writer.WriteU16(static_cast<uint16_t>(block.first - cumulative));
    writer.WriteU16(static_cast<uint16_t>(block.last - cumulative));
  }
  for (const uint32_t tsn : duplicates) writer.WriteU32(tsn);
  return packet;
}

// TSNs count from the first here, so that they do not wrap around.
class ModelReceiver {
 public:
  void HandleData(Timestamp now, uint32_t tsn) {
    const uint64_t number = static_cast<uint32_t>(tsn - kFirstTsn);
    if (number < next_ || !Insert(number)) {
      duplicates_.push_back(tsn);
      at_once_ = true;
    }
    if (!above_.empty() && above_.begin()->first == next_) {
      next_ = above_.begin()->second + 1;
      above_.erase(above_.begin());
    }
    if (!above_.empty()) at_once_ = true;
    if (++unanswered_ >= 2) at_once_ = true;
    if (answer_at_ == Timestamp::Max()) answer_at_ = now + std::chrono::milliseconds(20);
    if (at_once_) answer_at_ = now;
  }
  Timestamp answer_at() const { return answer_at_; }
  ByteBuffer Answer() {
    std::vector<TsnRange> blocks;
    for (const auto& [first, last] : above_) {
      if (blocks.size() == kMostBlocks) break;
      blocks.push_back(
          {kFirstTsn + static_cast<uint32_t>(first), kFirstTsn + static_cast<uint32_t>(last)});
    }
    ByteBuffer sack =
        SackPacket(kFirstTsn + static_cast<uint32_t>(next_) - 1, 16 << 20, blocks, duplicates_);
    total_duplicates_ += duplicates_.size();
    duplicates_.clear();
    unanswered_ = 0;
    at_once_ = false;
    answer_at_ = Timestamp::Max();
    return sack;
  }
  uint64_t delivered() const { return next_; }
  uint64_t total_duplicates() const { return total_duplicates_; }

 private:
  static constexpr size_t kMostBlocks = 250;  // what fits into a packet

  // False: it was there.
  bool Insert(uint64_t number) {
    auto behind = above_.upper_bound(number);
    const auto before = behind == above_.begin() ? above_.end() : std::prev(behind);
    if (before != above_.end() && number <= before->second) return false;
    uint64_t first = number;
    uint64_t last = number;
    if (before != above_.end() && before->second + 1 == number) first = before->first;
    if (behind != above_.end() && behind->first == number + 1) {
      last = behind->second;
      above_.erase(behind);
    }
    above_[first] = last;
    return true;
  }

  uint64_t next_ = 0;
  std::map<uint64_t, uint64_t> above_;  // runs: first to last
  std::vector<uint32_t> duplicates_;
  uint64_t total_duplicates_ = 0;
  int unanswered_ = 0;
  bool at_once_ = false;
  Timestamp answer_at_ = Timestamp::Max();
};

class RecoveryWorld {
 public:
  explicit RecoveryWorld(const std::string& settings, uint64_t seed = 1) : random_(seed) {
    Set(settings);
  }

  void Set(const std::string& settings) {
    EXPECT_TRUE(wire::ApplySettings(settings, forth_.impairment()).ok());
    back_.impairment() = forth_.impairment();
    back_.impairment().rate.reset();
  }
  // The engine hands over what a sender without end would, or `limit` packets.
  void Run(Duration duration, uint64_t limit = UINT64_MAX) {
    const Timestamp end = now_ + duration;
    while (now_ < end) {
      Offer(limit);
      Timestamp next = std::min({end, recovery.NextTimeout(), forth_.NextTimeout(),
                                 back_.NextTimeout(), receiver.answer_at()});
      now_ = std::max(next, now_ + std::chrono::microseconds(1));
      Deliver();
      recovery.HandleTimeout(now_);
      Drain();
    }
    EXPECT_TRUE(recovery.IsConsistent());
  }
  double MegabitsSince(uint64_t delivered, Duration duration) const {
    return static_cast<double>((receiver.delivered() - delivered) * kPayload * 8) /
           std::chrono::duration<double>(duration).count() / 1e6;
  }
  // Over `duration`.
  double Megabits(Duration duration) {
    const uint64_t before = receiver.delivered();
    Run(duration);
    return MegabitsSince(before, duration);
  }

  Recovery recovery{RecoveryOptions()};
  ModelReceiver receiver;
  uint64_t offered = 0;
  uint64_t transmitted = 0;

 private:
  void Offer(uint64_t limit) {
    constexpr uint64_t kWindow = 14000;  // packets of the receiver's window
    while (offered < limit && offered - receiver.delivered() < kWindow &&
           recovery.unsent_bytes() < recovery.wanted_unsent()) {
      const ByteBuffer packet = DataPacket(kFirstTsn + static_cast<uint32_t>(offered++), kPayload);
      const size_t passing = recovery.HandleOutbound(now_, packet);
      if (passing > kCommonHeader) forth_.HandleFrame(now_, packet);
      Drain();
    }
  }
  void Drain() {
    while (const std::optional<MutableByteSpan> packet = recovery.PollPacket(now_)) {
      ++transmitted;
      forth_.HandleFrame(now_, *packet);
    }
  }
  void Deliver() {
    while (const std::optional<ByteBuffer> packet = forth_.PollFrame(now_)) {
      ByteSpan rest = packet->span().Skip(kCommonHeader);
      while (const std::optional<Chunk> chunk = NextChunk(rest)) {
        receiver.HandleData(now_, *ByteReader(chunk->value).ReadU32());
      }
    }
    if (receiver.answer_at() <= now_) back_.HandleFrame(now_, receiver.Answer());
    while (const std::optional<ByteBuffer> packet = back_.PollFrame(now_)) {
      const ByteSpan told = recovery.HandleInbound(now_, *packet);
      ByteSpan rest = told.Skip(kCommonHeader);
      const std::optional<Chunk> chunk = NextChunk(rest);
      // What the engine may know of.
      const std::optional<Sack> sack = chunk ? ParseSack(*chunk) : std::nullopt;
      ASSERT_TRUE(sack.has_value());
      // Of what comes late the engine takes no notice.
      const bool late = IsAfter(told_tsn_, sack->cumulative_tsn);
      if (recovery.kept_bytes() > 0 && !late) {
        EXPECT_EQ(sack->block_count(), 0u);
      }
      if (!late) told_tsn_ = sack->cumulative_tsn;
      Drain();
    }
  }

  Timestamp now_{std::chrono::seconds(1)};
  uint32_t told_tsn_ = kFirstTsn - 1;
  SeededRandom random_;
  wire::LaneCore forth_{random_};
  wire::LaneCore back_{random_};
};

}  // namespace ming::sctp

#endif  // MING_TESTS_SCTP_RECOVERY_WORLD_H_
