#include "ming/ice/socket_filter.h"

#include <glog/logging.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ming/base/checked_cast.h"

namespace ming::ice {
namespace {

// The filter of a UDP socket sees the packet from the UDP header on.
constexpr uint32_t kPayload = 8;
constexpr uint32_t kStunHeader = 20;
constexpr uint32_t kBindingRequest = 0x0001;
constexpr uint32_t kUsername = 0x0006;
// Other implementations put at most two or three in front of it.
constexpr int kMaxAttributes = 8;
constexpr size_t kComparedBytes = 4;
constexpr uint32_t kWhole = 0xffffffff;
constexpr uint32_t kNothing = 0;

// A program of the kernel's packet filter. A load behind the end of the packet drops it.
class Program {
 public:
  void Do(unsigned code, uint32_t value) { Add(code, 0, 0, value); }
  // Goes on with the next instruction where the accumulator compares so, else skips `count`.
  void Require(unsigned comparison, uint32_t value, uint8_t count) {
    Add(BPF_JMP | comparison | BPF_K, 0, count, value);
  }
  // The other way round.
  void SkipIf(unsigned comparison, uint32_t value, uint8_t count) {
    Add(BPF_JMP | comparison | BPF_K, count, 0, value);
  }
  void Return(uint32_t bytes) { Do(BPF_RET | BPF_K, bytes); }

  Status Attach(int fd) {
    sock_fprog program{};
    program.len = base::CheckedCast<decltype(program.len)>(code_.size());
    program.filter = code_.data();
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0) {
      return Status::Ok();
    }
    return Status::FromErrno("filter of an ICE socket", errno);
  }

 private:
  void Add(unsigned code, uint8_t if_true, uint8_t if_false, uint32_t value) {
    code_.push_back(
        {base::CheckedCast<decltype(sock_filter::code)>(code), if_true, if_false, value});
  }

  std::vector<sock_filter> code_;
};

uint32_t FirstBytes(std::string_view text) {
  uint32_t value = 0;
  for (const char c : text.substr(0, kComparedBytes)) {
    value = value << 8 | static_cast<uint8_t>(c);
  }
  return value;
}

// The accumulator holds the first byte, above 3.
void AppendOtherKinds(Program& program) {
  program.Require(BPF_JGE, 20, 2);  // below: ZRTP
  program.SkipIf(BPF_JGE, 80, 1);   // above: RTP and nothing known
  program.Return(kWhole);           // DTLS 20 to 63, TURN channel data 64 to 79
  program.Return(kNothing);
}

// The index register walks from attribute to attribute and stops at the USERNAME.
void AppendSearch(Program& program) {
  constexpr int kInstructions = 7;  // of one step
  program.Do(BPF_LDX | BPF_W | BPF_IMM, kPayload + kStunHeader);
  for (int step = 0; step < kMaxAttributes; ++step) {
    const int left = (kMaxAttributes - 1 - step) * kInstructions;
    program.Do(BPF_LD | BPF_H | BPF_IND, 0);
    // Behind this step's rest, all further steps and the refusal.
    program.SkipIf(BPF_JEQ, kUsername, base::CheckedCast<uint8_t>(kInstructions - 2 + left + 1));
    program.Do(BPF_LD | BPF_H | BPF_IND, 2);
    program.Do(BPF_ALU | BPF_ADD | BPF_K, 4 + 3);  // its header, and room to round up
    program.Do(BPF_ALU | BPF_AND | BPF_K, ~uint32_t{3});
    program.Do(BPF_ALU | BPF_ADD | BPF_X, 0);
    program.Do(BPF_MISC | BPF_TAX, 0);
  }
  program.Return(kNothing);
}

}  // namespace

Status FilterJunk(int fd, std::string_view username_fragment) {
  CHECK_GE(username_fragment.size(), kComparedBytes);
  Program program;
  program.Do(BPF_LD | BPF_B | BPF_ABS, kPayload);
  program.Require(BPF_JGE, 4, 4);  // below: STUN
  AppendOtherKinds(program);
  program.Do(BPF_LD | BPF_H | BPF_ABS, kPayload);
  program.SkipIf(BPF_JEQ, kBindingRequest, 1);
  program.Return(kWhole);
  AppendSearch(program);
  program.Do(BPF_LD | BPF_W | BPF_IND, 4);
  program.Require(BPF_JEQ, FirstBytes(username_fragment), 1);
  program.Return(kWhole);
  program.Return(kNothing);
  return program.Attach(fd);
}

}  // namespace ming::ice
