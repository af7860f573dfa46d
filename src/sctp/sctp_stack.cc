#include "ming/sctp/sctp_stack.h"

#include <glog/logging.h>
#include <usrsctp.h>

#include <csignal>

#include "ming/base/bytes.h"
#include "ming/sctp/engine_socket.h"
#include "ming/sctp/sctp_association.h"

namespace ming::sctp {
namespace {

// The engine's timers are multiples of 10 ms.
constexpr Duration kBusyTick = std::chrono::milliseconds(10);
// With nothing on the way only heartbeats and retransmissions are left, of 100 ms and more.
constexpr Duration kIdleTick = std::chrono::milliseconds(50);
// Short ticks after a packet: much longer than a delayed acknowledgment.
constexpr int kBusyTicks = 30;
// A process that was stopped does not make the engine catch up on more than this.
constexpr Duration kMaxAdvance = std::chrono::seconds(1);

// Enough for several megabytes of small messages; the engine's default of 512 stalls a transfer.
constexpr uint32_t kMaxChunksOnQueue = 65536;

// Places in the table of associations of each socket. Ours have one association, and the engine's
// default of 256 places takes 2 KB.
constexpr uint32_t kAssociationTable = 1;

// The engine is one per process and its output callback carries no user pointer.
SctpStack* g_stack = nullptr;

// Ids go on counting over the stacks of a process: the engine may outlive a stack.
uintptr_t g_last_id = 0;

// The engine starts a thread that sleeps for ever; a signal must not land on it.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &all, &before_), 0);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { CHECK_EQ(pthread_sigmask(SIG_SETMASK, &before_, nullptr), 0); }

 private:
  sigset_t before_{};
};

// Packets that one acknowledgment may add to the engine's window: all that it acknowledges.
constexpr uint32_t kAllAcknowledged = 65536;

void ConfigureEngine() {
  // How much is on the way, and how much leaves at once, is up to Recovery: the engine's window
  // grows as fast as anything arrives. It begins small, so that a small message overtakes the
  // pieces of a large one.
  usrsctp_sysctl_set_sctp_initial_cwnd(EngineSocket::kFirstWindow);
  usrsctp_sysctl_set_sctp_L2_abc_variable(kAllAcknowledged);
  usrsctp_sysctl_set_sctp_max_burst_default(0);
  usrsctp_enable_crc32c_offload();           // ours is twenty times as fast
  usrsctp_sysctl_set_sctp_ecn_enable(0);     // DTLS hides the ECN bits
  usrsctp_sysctl_set_sctp_asconf_enable(0);  // one address for ever
  usrsctp_sysctl_set_sctp_auto_asconf(0);
  usrsctp_sysctl_set_sctp_auth_enable(0);  // DTLS authenticates
  usrsctp_sysctl_set_sctp_max_chunks_on_queue(kMaxChunksOnQueue);
  // By default a chunk that was sent 30 times ends the association, whatever its limits say.
  usrsctp_sysctl_set_sctp_max_retran_chunk(0);
}

}  // namespace

SctpStack::SctpStack(link::TimerService& timers) : timers_(timers) {
  CHECK(g_stack == nullptr) << "one SctpStack at a time";
  g_stack = this;
  tick_ = timers_.CreateAlarm([this] { OnTick(); });
  const SignalsBlocked blocked;
  // Only before the engine starts; where the last one stays, so does its setting.
  static_cast<void>(usrsctp_tunable_set_sctp_pcbtblsize(kAssociationTable));
  usrsctp_init_nothreads(0, &SctpStack::OnOutput, nullptr);
  ConfigureEngine();
}

SctpStack::~SctpStack() {
  CHECK(associations_.empty()) << associations_.size() << " associations left";
  // Not 0 while the engine still waits for something of an association that ended: then it stays,
  // and the next stack finds it.
  if (usrsctp_finish() != 0) VLOG(1) << "the SCTP engine stays until the process ends";
  g_stack = nullptr;
}

uintptr_t SctpStack::Register(SctpAssociation& association) {
  const uintptr_t id = ++g_last_id;
  associations_.emplace(id, &association);
  if (!tick_->armed()) {
    advanced_to_ = timers_.Now();
    tick_->ArmAt(timers_.Now() + kBusyTick);
  }
  return id;
}

void SctpStack::Deregister(uintptr_t id) {
  associations_.erase(id);
  if (associations_.empty()) tick_->Cancel();
}

SctpAssociation* SctpStack::Find(uintptr_t id) const {
  const auto it = associations_.find(id);
  return it == associations_.end() ? nullptr : it->second;
}

void SctpStack::NoteTraffic() {
  if (busy_ticks_ == 0 && !associations_.empty()) tick_->ArmAt(timers_.Now() + kBusyTick);
  busy_ticks_ = kBusyTicks;
}

void SctpStack::OnTick() {
  AdvanceEngine();
  due_.clear();
  for (const auto& [id, association] : associations_) {
    association->HoldEngineWindow();
    if (association->IsDue(timers_.Now())) due_.push_back(id);
  }
  // A callback may end any association, and begin others.
  for (const uintptr_t id : due_) {
    if (SctpAssociation* association = Find(id)) association->Settle();
  }
  if (associations_.empty()) return;
  tick_->ArmAt(timers_.Now() + (busy_ticks_ > 0 ? kBusyTick : kIdleTick));
  if (busy_ticks_ > 0) --busy_ticks_;
}

void SctpStack::AdvanceEngine() {
  const Timestamp now = timers_.Now();
  if (now - advanced_to_ > kMaxAdvance) advanced_to_ = now - kMaxAdvance;
  const auto elapsed = std::chrono::floor<std::chrono::milliseconds>(now - advanced_to_);
  if (elapsed.count() <= 0) return;
  advanced_to_ = advanced_to_ + elapsed;  // what is less than a millisecond counts next time
  usrsctp_handle_timers(static_cast<uint32_t>(elapsed.count()));
}

void SctpStack::OnUpcall(struct socket* /*socket*/, void* id, int /*flags*/) {
  SctpAssociation* association =
      g_stack == nullptr ? nullptr : g_stack->Find(reinterpret_cast<uintptr_t>(id));
  if (association != nullptr) association->attention_ = true;
}

int SctpStack::OnOutput(void* address, void* packet, size_t size, uint8_t /*tos*/,
                        uint8_t /*set_df*/) {
  SctpAssociation* association =
      g_stack == nullptr ? nullptr : g_stack->Find(reinterpret_cast<uintptr_t>(address));
  if (association == nullptr) return 0;
  association->OnOutput({static_cast<uint8_t*>(packet), size});
  return 0;
}

}  // namespace ming::sctp
