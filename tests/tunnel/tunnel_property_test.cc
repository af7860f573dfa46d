// Seeded end-to-end runs: whatever the sizes, chunks, delays, credits and moments of failure are,
// an application gets the bytes the other one sent, in order, and an end only behind the last of
// them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "ming/base/random.h"
#include "ming/support/settle.h"

#include "tunnel_world.h"

namespace ming::tunnel {
namespace {

using support::StreamUser;
using support::StreamUserPlan;

constexpr uint64_t kSeeds = 100;

uint64_t FirstSeed() {
  const char* const text =
      std::getenv("MING_SIM_SEED");  // NOLINT(concurrency-mt-unsafe): one thread
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

size_t DrawSize(Random& random, size_t most) {
  // All magnitudes alike, so that 1 is as common as the maximum.
  size_t size = most;
  while (size > 1 && random.Below(3) != 0) size = (size + 3) / 4;
  return 1 + random.Below(size);
}

StreamUserPlan DrawPlan(Random& random) {
  StreamUserPlan plan;
  plan.send_bytes = random.Below(5) == 0 ? 0 : DrawSize(random, 200000);
  plan.write_chunk = DrawSize(random, 20000);
  plan.read_chunk = DrawSize(random, 65536);
  plan.answer_after_end = random.Below(4) == 0;
  const uint64_t end = random.Below(10);
  plan.end = end < 6   ? StreamUserPlan::End::kAfterSending
             : end < 8 ? StreamUserPlan::End::kAfterReading
             : end < 9 ? StreamUserPlan::End::kReset
                       : StreamUserPlan::End::kNever;
  return plan;
}

TunnelWorldOptions DrawWorld(Random& random) {
  TunnelWorldOptions options;
  options.seed = random.Next64();
  options.app = DrawPlan(random);
  options.target = DrawPlan(random);
  options.streams.capacity = DrawSize(random, 65536);
  options.streams.read_chunk = DrawSize(random, 65536);
  options.streams.write_chunk = DrawSize(random, 65536);
  options.channel.queue_bytes = DrawSize(random, 300000);
  options.channel.max_delay = std::chrono::milliseconds(random.Below(200));
  options.opener_terms.half_close = true;
  options.acceptor_terms.half_close = true;
  if (random.Below(4) != 0) {
    const auto ours = static_cast<uint32_t>(DrawSize(random, 1 << 20));
    const auto theirs = static_cast<uint32_t>(DrawSize(random, 1 << 20));
    options.opener_terms.credit = CreditTerms{theirs, ours};
    options.acceptor_terms.credit = CreditTerms{ours, theirs};
  }
  options.opener_terms.max_message_bytes = DrawSize(random, 16384);
  options.acceptor_terms.max_message_bytes = DrawSize(random, 16384);
  // One-byte steps of a large transfer say nothing new and take long.
  const size_t smallest =
      std::min({options.streams.capacity, options.streams.read_chunk, options.streams.write_chunk,
                options.channel.queue_bytes, options.opener_terms.max_message_bytes,
                options.acceptor_terms.max_message_bytes, options.app.write_chunk,
                options.target.write_chunk, options.app.read_chunk, options.target.read_chunk});
  const uint64_t most = smallest * uint64_t{2000};
  options.app.send_bytes = std::min(options.app.send_bytes, most);
  options.target.send_bytes = std::min(options.target.send_bytes, most);
  return options;
}

// What `receiver` may have seen of what `sender` did.
void CheckDirection(const StreamUser& sender, const StreamUserPlan& sender_plan,
                    const StreamUser& receiver) {
  EXPECT_TRUE(receiver.intact());
  EXPECT_LE(receiver.received(), sender.sent());
  if (!receiver.read_end()) return;
  EXPECT_EQ(receiver.received(), sender_plan.send_bytes) << "a clean end in the wrong place";
  EXPECT_EQ(sender.sent(), sender_plan.send_bytes);
}

// Whether each side ends without waiting for the other.
bool EndsByItself(const StreamUserPlan& plan) {
  return !plan.answer_after_end && (plan.end == StreamUserPlan::End::kAfterSending ||
                                    plan.end == StreamUserPlan::End::kReset);
}

enum class Fate { kUndisturbed, kRefused, kPathLost };

// Runs the world to its end; true when the target was there.
bool Play(TunnelWorld& world, Fate fate, Random& random) {
  const auto never = [] { return false; };
  world.timers().RunUntil(never, random.Below(30));
  // The application may have reset the connection by now.
  if (world.host() != nullptr && !world.host()->ended()) {
    if (fate == Fate::kRefused) {
      world.host()->Refuse(Status(StatusCode::kUnavailable, "connection refused"));
    } else {
      world.ConnectTarget();
    }
  }
  world.timers().RunUntil(never, random.Below(300));
  if (fate == Fate::kPathLost) world.FailPath();
  world.timers().Settle(3000000);
  return world.target() != nullptr;
}

void CheckConnected(TunnelWorld& world, const TunnelWorldOptions& options, Fate fate) {
  const StreamUser& app = world.app();
  const StreamUser& target = *world.target();
  CheckDirection(app, options.app, target);
  CheckDirection(target, options.target, app);
  const bool resets = options.app.end == StreamUserPlan::End::kReset ||
                      options.target.end == StreamUserPlan::End::kReset;
  if (fate == Fate::kPathLost || resets) return;
  EXPECT_FALSE(app.error()) << app.error()->ToString();
  EXPECT_FALSE(target.error()) << target.error()->ToString();
  EXPECT_EQ(target.received(), app.sent());
  EXPECT_EQ(app.received(), target.sent());
}

TEST(TunnelPropertyTest, EqualBytesOrAReset) {
  for (uint64_t seed = FirstSeed(); seed < FirstSeed() + kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    const TunnelWorldOptions options = DrawWorld(random);
    TunnelWorld world(options);
    const uint64_t draw = random.Below(10);
    const Fate fate = draw == 0 ? Fate::kRefused : draw == 1 ? Fate::kPathLost : Fate::kUndisturbed;
    const bool connected = Play(world, fate, random);
    if (connected) CheckConnected(world, options, fate);
    if (fate != Fate::kUndisturbed || (EndsByItself(options.app) && EndsByItself(options.target))) {
      EXPECT_TRUE(world.app().done()) << "the application waits for ever";
      EXPECT_TRUE(!connected || world.target()->done()) << "the target waits for ever";
    }
    world.app().ResetNow();
    if (connected) world.target()->ResetNow();
    world.ExpectNothingLeft();
    if (::testing::Test::HasFailure()) return;
  }
}

// Toward a foreign peer no reset can be carried, but while nothing is reset the same holds, as long
// as nobody is silent for longer than the grace.
TEST(TunnelPropertyTest, ForeignPeersGetEqualBytesWithoutResets) {
  for (uint64_t seed = FirstSeed(); seed < FirstSeed() + kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    TunnelWorldOptions options = DrawWorld(random);
    for (ChannelTerms* const terms : {&options.opener_terms, &options.acceptor_terms}) {
      terms->half_close = false;
      terms->credit.reset();
    }
    for (StreamUserPlan* const plan : {&options.app, &options.target}) {
      plan->end = StreamUserPlan::End::kAfterSending;
      plan->answer_after_end = false;
    }
    // The opener takes a silent close for a refusal.
    if (options.target.send_bytes == 0) options.target.send_bytes = 1;
    options.close_grace = std::chrono::minutes(10);
    TunnelWorld world(options);
    // Dialing takes a few steps, but less than the grace.
    world.timers().RunUntil([] { return false; }, random.Below(30),
                            world.timers().Now() + std::chrono::minutes(1));
    world.ConnectTarget();
    world.timers().Settle(3000000);
    CheckDirection(world.app(), options.app, *world.target());
    CheckDirection(*world.target(), options.target, world.app());
    EXPECT_TRUE(world.app().read_end() && world.target()->read_end());
    ASSERT_TRUE(world.client_ended() && world.host_ended());
    EXPECT_TRUE(world.client_ended()->ok()) << world.client_ended()->ToString();
    EXPECT_TRUE(world.host_ended()->ok()) << world.host_ended()->ToString();
    world.ExpectNothingLeft();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace ming::tunnel
