// SctpStack: the usrsctp engine of this process. It owns its start and end, its timer, and the map
// from the ids the engine hands back to live associations.
#ifndef MING_SCTP_SCTP_STACK_H_
#define MING_SCTP_SCTP_STACK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "ming/base/time.h"
#include "ming/link/timer_service.h"

struct socket;

namespace ming::sctp {

class SctpAssociation;

// At most one at a time in a process, used by one thread. Outlives its associations.
class SctpStack {
 public:
  // Starts one thread of the engine that sleeps for ever, with all signals blocked.
  explicit SctpStack(link::TimerService& timers);
  SctpStack(const SctpStack&) = delete;
  SctpStack& operator=(const SctpStack&) = delete;
  // No association may be left.
  ~SctpStack();

  link::TimerService& timers() { return timers_; }
  // Associations that have not ended. While there is none no alarm is armed.
  size_t association_count() const { return associations_.size(); }

 private:
  friend class SctpAssociation;

  // The engine knows an association by this number, which is never used again: packets that the
  // engine still has for an association that is gone find nobody.
  uintptr_t Register(SctpAssociation& association);
  void Deregister(uintptr_t id);
  SctpAssociation* Find(uintptr_t id) const;
  // A packet moved: timers have to be precise for a while.
  void NoteTraffic();

  void OnTick();
  void AdvanceEngine();
  // The engine's callbacks: a packet to send, and a socket that needs attention.
  static void OnUpcall(struct socket* socket, void* id, int flags);
  static int OnOutput(void* address, void* packet, size_t size, uint8_t tos, uint8_t set_df);

  link::TimerService& timers_;
  std::unique_ptr<link::Alarm> tick_;
  Timestamp advanced_to_;
  int busy_ticks_ = 0;  // how many more ticks come at the short interval
  std::unordered_map<uintptr_t, SctpAssociation*> associations_;
  std::vector<uintptr_t> due_;  // scratch of OnTick
};

}  // namespace ming::sctp

#endif  // MING_SCTP_SCTP_STACK_H_
