#include "ming/wire/wire.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>

namespace ming::wire {
namespace {

constexpr int kFramesPerWakeup = 64;
constexpr std::string_view kNames[] = {"a-b", "b-a"};

Timestamp Now() { return Timestamp(std::chrono::steady_clock::now().time_since_epoch()); }

// What ppoll takes for "until `due`"; nothing for ever.
std::optional<timespec> TimeoutUntil(Timestamp due) {
  if (due == Timestamp::Max()) return std::nullopt;
  const Duration left = std::max(Duration(0), due - Now());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return timespec{seconds.count(), (left - seconds).count()};
}

std::string_view TakeWord(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

std::string CountersOf(const LaneCounters& counters, uint64_t refused) {
  const std::pair<const char*, uint64_t> fields[] = {{"carried", counters.carried},
                                                     {"carried_bytes", counters.carried_bytes},
                                                     {"lost", counters.lost},
                                                     {"too_large", counters.too_large},
                                                     {"queue_full", counters.queue_full},
                                                     {"reordered", counters.reordered},
                                                     {"duplicated", counters.duplicated},
                                                     {"refused", refused}};
  std::string text;
  for (const auto& [name, value] : fields) {
    text += (text.empty() ? "{\"" : ", \"") + std::string(name) + "\": " + std::to_string(value);
  }
  return text + "}";
}

}  // namespace

Wire::Wire(Tap a, Tap b, uint64_t seed)
    : random_(seed),
      taps_{std::move(a), std::move(b)},
      lanes_{LaneCore(random_), LaneCore(random_)},
      buffer_(Tap::kMaxFrame) {}

Status Wire::Run() {
  for (;;) {
    DeliverDue();
    pollfd ready[] = {{taps_[kAToB].descriptor(), POLLIN, 0},
                      {taps_[kBToA].descriptor(), POLLIN, 0},
                      {STDIN_FILENO, POLLIN, 0}};
    const auto timeout =
        TimeoutUntil(std::min(lanes_[kAToB].NextTimeout(), lanes_[kBToA].NextTimeout()));
    if (ppoll(ready, std::size(ready), timeout ? &*timeout : nullptr, nullptr) < 0) continue;
    for (const size_t from : {kAToB, kBToA}) {
      if (ready[from].revents == 0) continue;
      Status status = ReadFrames(from);
      if (!status.ok()) return status;
    }
    if (ready[2].revents != 0 && !ReadCommands()) return Status::Ok();
  }
}

Status Wire::ReadFrames(size_t from) {
  const Timestamp now = Now();
  for (int count = 0; count < kFramesPerWakeup; ++count) {
    const auto size = taps_[from].Read(MutableByteSpan(buffer_.data(), buffer_.size()));
    if (!size.ok()) return size.status();
    if (!*size) break;
    lanes_[from].HandleFrame(now, ByteSpan(buffer_.data(), **size));
  }
  return Status::Ok();
}

void Wire::DeliverDue() {
  const Timestamp now = Now();
  for (const size_t from : {kAToB, kBToA}) {
    while (const auto frame = lanes_[from].PollFrame(now)) {
      if (!taps_[1 - from].Write(*frame)) ++refused_[from];
    }
  }
}

bool Wire::ReadCommands() {
  char bytes[4096];
  const ssize_t size = read(STDIN_FILENO, bytes, sizeof(bytes));
  if (size <= 0) return false;
  input_.append(bytes, static_cast<size_t>(size));
  for (size_t end = 0; (end = input_.find('\n')) != std::string::npos;) {
    std::printf("%s\n", Answer(input_.substr(0, end)).c_str());
    input_.erase(0, end + 1);
  }
  std::fflush(stdout);
  return true;
}

std::string Wire::Answer(std::string_view line) {
  const std::string_view command = TakeWord(line);
  if (command == "set") return Set(line, false);
  if (command == "clear") return Set(line, true);
  if (command == "mtu") return SetMtu(line);
  if (command == "count") return Counters();
  return "error: '" + std::string(command) + "' is no command (set, clear, mtu, count)";
}

std::string Wire::Set(std::string_view arguments, bool clear) {
  const std::string_view which = TakeWord(arguments);
  bool found = false;
  for (const size_t from : {kAToB, kBToA}) {
    if (which != kNames[from] && which != "both") continue;
    found = true;
    Impairment changed = clear ? Impairment() : lanes_[from].impairment();
    const Status status = ApplySettings(arguments, changed);
    if (!status.ok()) return "error: " + status.message();
    lanes_[from].impairment() = changed;
  }
  return found ? "ok" : "error: '" + std::string(which) + "' is no direction (a-b, b-a, both)";
}

std::string Wire::SetMtu(std::string_view argument) {
  int mtu = 0;
  const auto [end, error] =
      std::from_chars(argument.data(), argument.data() + argument.size(), mtu);
  if (error != std::errc() || end != argument.data() + argument.size()) {
    return "error: '" + std::string(argument) + "' is no MTU";
  }
  for (Tap& tap : taps_) {
    const Status status = tap.SetMtu(mtu);
    if (!status.ok()) return "error: " + status.message();
  }
  return "ok";
}

std::string Wire::Counters() const {
  std::string text;
  for (const size_t from : {kAToB, kBToA}) {
    text += (text.empty() ? "{\"" : ", \"") + std::string(kNames[from]) +
            "\": " + CountersOf(lanes_[from].counters(), refused_[from]);
  }
  return text + "}";
}

}  // namespace ming::wire
