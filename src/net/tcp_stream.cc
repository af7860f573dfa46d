#include "ming/net/tcp_stream.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace ming::net {
namespace {

using link::ReadChunk;
using link::ReadState;

// What WritableBytes says while nothing shows that the kernel's buffer is full.
constexpr size_t kWriteHint = size_t{64} * 1024;
// How much unread data a closing stream discards, so that the kernel ends it with FIN. A peer that
// goes on sending gets a reset, which is right.
constexpr size_t kMaxDiscardOnClose = size_t{16} << 20;

bool IsWouldBlock(int error_number) {
  return error_number == EAGAIN || error_number == EWOULDBLOCK;
}

void SetOption(int fd, int level, int name, int value) {
  // Refused by sockets that are not TCP (a test's socket pair), where the option has no meaning.
  static_cast<void>(::setsockopt(fd, level, name, &value, sizeof(value)));
}

void SetKeepalive(int fd, Duration idle) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(idle);
  const int idle_s = static_cast<int>(std::clamp<int64_t>(seconds.count(), 1, 32767));
  SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(idle_s / 3, 1));
  SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

enum class OnClose { kReset, kEndInOrder };

// What the kernel tells the peer when the descriptor is closed, by us or by the death of the
// process.
void SetOnClose(int fd, OnClose what) {
  const linger value{what == OnClose::kReset ? 1 : 0, 0};
  static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof(value)));
}

Status TakeSocketError(int fd) {
  int error_number = 0;
  socklen_t size = sizeof(error_number);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) error_number = errno;
  return Status::FromErrno("connection lost", error_number == 0 ? ECONNRESET : error_number);
}

void DiscardInput(int fd) {
  std::array<uint8_t, size_t{16} * 1024> buffer;
  for (size_t discarded = 0; discarded < kMaxDiscardOnClose;) {
    const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count <= 0) return;
    discarded += static_cast<size_t>(count);
  }
}

}  // namespace

std::unique_ptr<TcpStream> TcpStream::Adopt(Reactor& reactor, UniqueFd fd,
                                            const TcpOptions& options) {
  CHECK(fd.valid());
  const int flags = ::fcntl(fd.get(), F_GETFL);
  PCHECK(flags >= 0) << "fcntl";
  if ((flags & O_NONBLOCK) == 0) {
    PCHECK(::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) == 0) << "fcntl";
  }
  SetOption(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  // Until CloseWrite has said otherwise: a killed process must not look like one that had finished.
  SetOnClose(fd.get(), OnClose::kReset);
  if (options.keepalive) SetKeepalive(fd.get(), *options.keepalive);
  return std::unique_ptr<TcpStream>(new TcpStream(reactor, std::move(fd)));
}

TcpStream::TcpStream(Reactor& reactor, UniqueFd fd) : reactor_(reactor), fd_(std::move(fd)) {
  watch_.emplace(reactor_, fd_.get(), [this](uint32_t events) { OnEvents(events); });
  UpdateInterest();
}

TcpStream::~TcpStream() {
  if (!fd_.valid()) return;
  if (!write_closed_) {
    CloseWithReset();
  } else if (!read_ended_) {
    DiscardInput(fd_.get());
  }
}

void TcpStream::SetObserver(Observer* observer) {
  observer_ = observer;
  if (observer_ != nullptr && state_ == State::kFailed && failure_) ReportFailureLater();
}

ReadChunk TcpStream::Peek(size_t max) {
  DCHECK_GT(max, 0u);
  if (!residue_.empty()) return {ReadState::kData, residue_.span().First(max)};
  if (!shown_.empty()) {
    CHECK_EQ(reactor_.read_scratch_user(), this) << "Peek without Consume";
    return {ReadState::kData, shown_.First(max)};
  }
  if (read_ended_) return {ReadState::kEnd, {}};
  if (!fd_.valid()) return {ReadState::kWouldBlock, {}};
  return ReadFromSocket(max);
}

ReadChunk TcpStream::ReadFromSocket(size_t max) {
  if (budget_turn_ != reactor_.turn()) {
    budget_turn_ = reactor_.turn();
    budget_left_ = kReadBytesPerTurn;
  }
  if (budget_left_ == 0) {
    WaitForData();
    return {ReadState::kWouldBlock, {}};
  }
  const MutableByteSpan scratch = reactor_.BorrowReadScratch(this);
  const size_t size = std::min({max, budget_left_, scratch.size()});
  const ssize_t count = ::recv(fd_.get(), scratch.data(), size, 0);
  if (count > 0) {
    const auto received = static_cast<size_t>(count);
    // A short read emptied the socket: asking again now would most likely cost a call for nothing,
    // and level-triggered epoll tells if it would not.
    budget_left_ = received < size ? 0 : budget_left_ - received;
    shown_ = ByteSpan(scratch.data(), received);
    return {ReadState::kData, shown_};
  }
  HandleNothingRead(count);
  return {read_ended_ ? ReadState::kEnd : ReadState::kWouldBlock, {}};
}

// `result` is 0, or -1 with errno.
void TcpStream::HandleNothingRead(ssize_t result) {
  if (result == 0 && state_ == State::kOpen) {
    read_ended_ = true;
    UpdateInterest();
    return;
  }
  // The end of a broken connection is not the peer's; errno does not matter then.
  if (result == 0) errno = ECONNRESET;
  if (IsWouldBlock(errno) || errno == EINTR) {
    WaitForData();
  } else {
    FailLater(Status::FromErrno("connection lost", errno));
  }
}

void TcpStream::WaitForData() {
  want_read_ = true;
  read_armed_ = true;
  UpdateInterest();
}

void TcpStream::Consume(size_t count) {
  if (!residue_.empty()) {
    residue_.RemovePrefix(count);
    if (residue_.empty()) residue_ = ByteBuffer();  // an idle stream holds no memory
    return;
  }
  DCHECK_LE(count, shown_.size());
  const ByteSpan rest = std::exchange(shown_, ByteSpan()).Skip(count);
  if (rest.empty()) return;
  CHECK_EQ(reactor_.read_scratch_user(), this) << "Consume after a Peek on another stream";
  residue_ = ByteBuffer::CopyOf(rest);
}

size_t TcpStream::WritableBytes() {
  return state_ != State::kOpen || write_closed_ || want_write_ ? 0 : kWriteHint;
}

size_t TcpStream::Write(ByteSpan bytes) {
  if (WritableBytes() == 0 || bytes.empty()) return 0;
  return HandleSent(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), bytes.size());
}

// `result` as of send(2), with errno; returns what the kernel took.
size_t TcpStream::HandleSent(ssize_t result, size_t offered) {
  if (result < 0 && !IsWouldBlock(errno) && errno != EINTR) {
    BreakWrites(Status::FromErrno("connection lost", errno));
    return 0;
  }
  const size_t taken = result < 0 ? 0 : static_cast<size_t>(result);
  if (taken < offered) {
    want_write_ = true;
    UpdateInterest();
  }
  return taken;
}

link::SpliceEnd::Moved TcpStream::SpliceTo(link::SplicePipe& pipe, size_t max) {
  using SpliceState = link::SpliceEnd::State;
  DCHECK(shown_.empty());
  if (!residue_.empty()) return {SpliceState::kHeld, 0};
  if (read_ended_) return {SpliceState::kEnd, 0};
  if (!fd_.valid()) return {SpliceState::kWouldBlock, 0};
  const ssize_t count = ::splice(fd_.get(), nullptr, pipe.write_end(), nullptr, max,
                                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (count > 0) return {SpliceState::kMoved, static_cast<size_t>(count)};
  // EPERM: the filters of some containers forbid what they do not know.
  if (count < 0 && (errno == EINVAL || errno == ENOSYS || errno == EPERM)) {
    return {SpliceState::kRefused, 0};
  }
  HandleNothingRead(count);
  return {read_ended_ ? SpliceState::kEnd : SpliceState::kWouldBlock, 0};
}

size_t TcpStream::SpliceFrom(link::SplicePipe& pipe, size_t count) {
  if (WritableBytes() == 0 || count == 0) return 0;
  return HandleSent(::splice(pipe.read_end(), nullptr, fd_.get(), nullptr, count,
                             SPLICE_F_MOVE | SPLICE_F_NONBLOCK),
                    count);
}

void TcpStream::CloseWrite() {
  if (state_ != State::kOpen || write_closed_) return;
  write_closed_ = true;
  want_write_ = false;
  SetOnClose(fd_.get(), OnClose::kEndInOrder);
  // Fails only where the connection is lost already, which epoll reports.
  static_cast<void>(::shutdown(fd_.get(), SHUT_WR));
  UpdateInterest();
}

void TcpStream::Reset(const Status& why) {
  if (state_ == State::kReset) return;
  VLOG(1) << "reset of fd=" << fd_.get() << ": " << why.ToString();
  state_ = State::kReset;
  failure_.reset();
  failure_alarm_.reset();
  residue_ = ByteBuffer();
  shown_ = ByteSpan();
  CloseWithReset();
}

void TcpStream::LimitUnacknowledged(Duration limit) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  if (fd_.valid()) {
    SetOption(fd_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(milliseconds));
  }
}

UniqueFd TcpStream::ReleaseSocket() {
  DCHECK(state_ == State::kOpen && residue_.empty() && shown_.empty());
  state_ = State::kReset;
  want_read_ = false;
  want_write_ = false;
  watch_.reset();
  SetOnClose(fd_.get(), OnClose::kEndInOrder);
  return std::move(fd_);
}

void TcpStream::OnEvents(uint32_t events) {
  const bool readable = (events & EPOLLIN) != 0 && want_read_;
  if (((events & EPOLLERR) != 0 || state_ == State::kBroken) && !readable) {
    // Nobody waits for the bytes that may have come before, so the news cannot wait for them.
    Fail(TakeSocketError(fd_.get()));
    ReportFailure();
    return;
  }
  if (readable) {
    want_read_ = false;
    if (observer_ != nullptr) observer_->OnReadable();
  } else if ((events & EPOLLIN) != 0) {
    read_armed_ = false;  // the reader pauses; Peek arms again
  }
  if ((events & (EPOLLOUT | EPOLLHUP)) != 0 && want_write_) {
    want_write_ = false;
    if (observer_ != nullptr) observer_->OnWritable();
  }
  UpdateInterest();
}

void TcpStream::UpdateInterest() {
  if (!watch_) return;
  if (read_ended_ && write_closed_) {
    watch_.reset();  // both directions ended in order: nothing more to hear
    return;
  }
  uint32_t events = 0;
  if (read_armed_ && !read_ended_) events |= EPOLLIN;
  if (want_write_) events |= EPOLLOUT;
  // With nothing to wait for, only an error matters, and a level EPOLLHUP must not spin.
  watch_->SetEvents(events == 0 ? uint32_t{EPOLLET} : events);
}

void TcpStream::CloseWithReset() {
  want_read_ = false;
  want_write_ = false;
  watch_.reset();
  if (!fd_.valid()) return;
  SetOnClose(fd_.get(), OnClose::kReset);
  fd_.Close();
}

// A peer that answered and then refused our further bytes: a reader that waits may have the answer.
void TcpStream::BreakWrites(const Status& why) {
  if (!want_read_) {
    FailLater(why);
    return;
  }
  state_ = State::kBroken;
  failure_ = why;
}

void TcpStream::Fail(const Status& why) {
  if (state_ == State::kFailed || state_ == State::kReset) return;
  if (state_ == State::kOpen) failure_ = why;
  state_ = State::kFailed;
  residue_ = ByteBuffer();
  shown_ = ByteSpan();
  CloseWithReset();
}

void TcpStream::FailLater(const Status& why) {
  Fail(why);
  if (observer_ != nullptr) ReportFailureLater();
}

void TcpStream::ReportFailureLater() {
  if (!failure_alarm_) failure_alarm_ = reactor_.CreateAlarm([this] { ReportFailure(); });
  failure_alarm_->ArmAt(reactor_.Now());
}

void TcpStream::ReportFailure() {
  if (state_ != State::kFailed || !failure_ || observer_ == nullptr) return;
  const Status why = *std::exchange(failure_, std::nullopt);
  observer_->OnStreamError(why);
}

}  // namespace ming::net
