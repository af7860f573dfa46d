// SctpStack: the usrsctp engine of this process. It owns its start and end, its timer, and the map
// from the ids the engine hands back to live associations.
#ifndef MING_SCTP_SCTP_STACK_H_
#define MING_SCTP_SCTP_STACK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "ming/base/bytes.h"
#include "ming/base/time.h"
#include "ming/link/timer_service.h"

namespace ming::sctp {

class SctpAssociation;

// At most one at a time in a process, used by one thread. Outlives its associations.
class SctpStack {
 public:
  // Starts one thread of the engine that sleeps for ever, with all signals blocked.
  explicit SctpStack(link::TimerService& timers);
  SctpStack(const SctpStack&) = delete;
  SctpStack& operator=(const SctpStack&) = delete;
  // No association may be left. What the engine still holds for associations that ended lately is
  // given up.
  ~SctpStack();

  link::TimerService& timers() { return timers_; }
  // Associations not yet destroyed. While 0 no alarm is armed.
  size_t association_count() const { return associations_.size(); }

 private:
  friend class SctpAssociation;

  // The engine knows an association by this number, which is never used again.
  uintptr_t Register(SctpAssociation& association);
  void Deregister(uintptr_t id);
  void OnTick();
  static int OnOutput(void* address, void* packet, size_t size, uint8_t tos, uint8_t set_df);

  link::TimerService& timers_;
  std::unique_ptr<link::Alarm> tick_;
  Timestamp last_tick_;
  uintptr_t next_id_ = 1;
  std::unordered_map<uintptr_t, SctpAssociation*> associations_;
};

}  // namespace ming::sctp

#endif  // MING_SCTP_SCTP_STACK_H_
