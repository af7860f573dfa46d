#include "ming/wire/tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ming::wire {
namespace {

constexpr int kFirstMtu = 1500;
// Frames that wait in the kernel for this process; beyond, it drops them. 1000 are too few for
// 1 Gbit/s when the machine is busy.
constexpr int kKernelQueue = 10'000;

ifreq RequestFor(const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

Status Failed(std::string_view what) { return Status::FromErrno(what, errno); }

Status EnterNamespace(const std::string& name) {
  const std::string path = "/run/netns/" + name;
  const int target = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (target < 0) return Failed(path);
  Status status = setns(target, CLONE_NEWNET) == 0 ? Status::Ok() : Failed("setns");
  close(target);
  return status;
}

}  // namespace

Result<TapPlace> ParseTapPlace(std::string_view text) {
  const size_t slash = text.find('/');
  const size_t behind = slash == std::string_view::npos ? 0 : text.size() - slash - 1;
  if (slash == 0 || behind == 0 || behind >= IFNAMSIZ) {
    return Status(StatusCode::kInvalidArgument,
                  "'" + std::string(text) + "' is no place (want NAMESPACE/INTERFACE)");
  }
  return TapPlace{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

Tap::Tap(int frames, int control, std::string interface)
    : frames_(frames), control_(control), interface_(std::move(interface)) {}

Tap::Tap(Tap&& other) noexcept
    : frames_(std::exchange(other.frames_, -1)),
      control_(std::exchange(other.control_, -1)),
      interface_(std::move(other.interface_)) {}

Tap::~Tap() {
  if (frames_ >= 0) close(frames_);
  if (control_ >= 0) close(control_);
}

Result<Tap> Tap::Open(const TapPlace& place) {
  Status entered = EnterNamespace(place.network_namespace);
  if (!entered.ok()) return entered;
  // Both belong to the namespace the thread is in while they are opened.
  Tap tap(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC),
          socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), place.interface);
  if (tap.frames_ < 0) return Failed("/dev/net/tun");
  if (tap.control_ < 0) return Failed("socket");
  ifreq request = RequestFor(place.interface);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(tap.frames_, TUNSETIFF, &request) != 0) return Failed(place.interface);
  Status up = tap.Bring(kFirstMtu);
  if (!up.ok()) return up;
  return tap;
}

Status Tap::Bring(int mtu) {
  ifreq request = RequestFor(interface_);
  request.ifr_qlen = kKernelQueue;
  if (ioctl(control_, SIOCSIFTXQLEN, &request) != 0) return Failed("queue length");
  Status set = SetMtu(mtu);
  if (!set.ok()) return set;
  request = RequestFor(interface_);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ioctl(control_, SIOCSIFFLAGS, &request) == 0 ? Status::Ok() : Failed("up");
}

Status Tap::SetMtu(int mtu) {
  ifreq request = RequestFor(interface_);
  request.ifr_mtu = mtu;
  return ioctl(control_, SIOCSIFMTU, &request) == 0 ? Status::Ok() : Failed("mtu");
}

Result<std::optional<size_t>> Tap::Read(MutableByteSpan buffer) {
  const ssize_t size = read(frames_, buffer.data(), buffer.size());
  if (size >= 0) return std::optional<size_t>(static_cast<size_t>(size));
  if (errno == EAGAIN || errno == EINTR) return std::optional<size_t>();
  return Failed("read " + interface_);
}

bool Tap::Write(ByteSpan frame) {
  return write(frames_, frame.data(), frame.size()) == static_cast<ssize_t>(frame.size());
}

}  // namespace ming::wire
