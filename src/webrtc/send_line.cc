#include "ming/webrtc/send_line.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

namespace ming::webrtc {

void SendLine::Add(Member& member) {
  if (std::exchange(member.waits_, true)) return;
  if (turn_ == &member) {
    again_ = true;
  } else {
    LineOf(member).push_back(&member);
  }
}

void SendLine::Remove(Member& member) {
  if (turn_ == &member) {
    turn_ = nullptr;
    again_ = false;
  } else if (member.waits_) {
    std::list<Member*>& line = LineOf(member);
    line.erase(std::find(line.begin(), line.end(), &member));
  }
  member.waits_ = false;
}

void SendLine::Clear() {
  for (std::list<Member*>* line : {&light_, &heavy_}) {
    for (Member* member : *line) member->waits_ = false;
    line->clear();
  }
  if (std::exchange(again_, false)) turn_->waits_ = false;
}

SendLine::Member& SendLine::BeginTurn() {
  DCHECK(turn_ == nullptr && !empty());
  // Light ones take half of what there is at most.
  const bool heavy = light_.empty() || (!heavy_.empty() && light_bytes_ >= kTurnBytes);
  std::list<Member*>& line = heavy ? heavy_ : light_;
  turn_ = line.front();
  line.pop_front();
  turn_->waits_ = false;
  left_ = heavy ? kTurnBytes : kLightBytes;
  sent_ = 0;
  if (heavy) light_bytes_ = 0;
  return *turn_;
}

void SendLine::NoteSent(const Member& member, size_t bytes) {
  if (turn_ != &member) return;
  left_ -= std::min(left_, bytes);
  sent_ += bytes;
  if (member.weight_ == Member::Weight::kLight) light_bytes_ += bytes;
}

void SendLine::EndTurn(Room room) {
  if (turn_ == nullptr) return;
  Member& member = *std::exchange(turn_, nullptr);
  const bool again = std::exchange(again_, false);
  if (again && sent_ == 0 && room == Room::kUsedUp) {
    LineOf(member).push_front(&member);
    return;
  }
  member.weight_ = again || sent_ > kLightBytes ? Member::Weight::kHeavy : Member::Weight::kLight;
  if (again) heavy_.push_back(&member);
}

}  // namespace ming::webrtc
