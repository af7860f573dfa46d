// SendLine: the order in which channels send while there is not room for all. Pure.
//
// Channels that send little go first, so that a request does not wait for a turn of every bulk
// transfer; the others take long turns one after the other. A long turn costs less for each byte:
// what belongs to one stream, here, in the kernel and at its application, is fetched into the
// caches once a turn, and its application is woken once.
#ifndef MING_WEBRTC_SEND_LINE_H_
#define MING_WEBRTC_SEND_LINE_H_

#include <cstddef>
#include <cstdint>
#include <list>

namespace ming::webrtc {

class SendLine {
 public:
  // What a channel may send in its turn; the last message of a turn may go beyond it.
  static constexpr size_t kTurnBytes = size_t{128} << 10;
  // Whoever sent no more in its last turn goes ahead of the others when it comes again, as does a
  // new one, and gets a turn of so many bytes.
  static constexpr size_t kLightBytes = size_t{16} << 10;

  // The place of one channel. Removed from the line before it dies.
  class Member {
   private:
    friend class SendLine;
    enum class Weight : uint8_t { kLight, kHeavy };
    Weight weight_ = Weight::kLight;
    bool waits_ = false;
  };

  enum class Room { kLeft, kUsedUp };

  bool empty() const { return light_.empty() && heavy_.empty() && !again_; }
  // Lines a member up, once.
  void Add(Member& member);
  void Remove(Member& member);
  void Clear();

  // Takes out who is next and begins its turn. Not while empty or in a turn.
  Member& BeginTurn();
  // Whether it is this member's turn and something of it is left.
  bool MaySend(const Member& member) const { return turn_ == &member && left_ > 0; }
  void NoteSent(const Member& member, size_t bytes);
  // Who added itself again meanwhile waits for another turn. Where those before it had used up the
  // room it keeps its place, or they might do so every time. Harmless when its member is gone.
  void EndTurn(Room room);

 private:
  std::list<Member*>& LineOf(const Member& member) {
    return member.weight_ == Member::Weight::kLight ? light_ : heavy_;
  }

  std::list<Member*> light_;
  std::list<Member*> heavy_;
  Member* turn_ = nullptr;
  size_t left_ = 0;
  size_t sent_ = 0;         // in this turn
  bool again_ = false;      // the member whose turn it is wants another one
  size_t light_bytes_ = 0;  // sent by light ones since the last turn of a heavy one
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_SEND_LINE_H_
