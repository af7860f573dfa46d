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

// A budget with less than this left is used up: the rest would only make a small message.
constexpr size_t kLeastRead = size_t{4} * 1024;
// What WritableBytes says while nothing shows that the kernel's buffer is full.
constexpr size_t kWriteHint = size_t{64} * 1024;
// How much unread data a closing stream discards, so that the kernel ends it with FIN. A peer that
// goes on sending gets a reset, which is right.
constexpr size_t kMaxDiscardOnClose = size_t{16} << 20;
// A connection of this age has its keep-alive options. Their first probe is due later.
constexpr Duration kKeepaliveAge = std::chrono::seconds(1);

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
  Prepare(fd.get(), options);
  return AdoptAccepted(reactor, std::move(fd));
}

void TcpStream::Prepare(int fd, const TcpOptions& options) {
  PrepareConnecting(fd, options);
  if (options.keepalive) SetKeepalive(fd, *options.keepalive);
}

void TcpStream::PrepareConnecting(int fd, const TcpOptions& options) {
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  // Until CloseWrite has said otherwise: a killed process must not look like one that had finished.
  SetOnClose(fd, OnClose::kReset);
  if (options.lazy_acks) SetOption(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
}

std::unique_ptr<TcpStream> TcpStream::AdoptAccepted(Reactor& reactor, UniqueFd fd) {
  auto watch = std::make_unique<FdWatch>(reactor, fd.get(), nullptr);
  std::unique_ptr<TcpStream> stream(new TcpStream(reactor, {std::move(fd), std::move(watch), 0}));
  stream->news_came_ = true;  // before it was watched, maybe
  return stream;
}

std::unique_ptr<TcpStream> TcpStream::AdoptConnected(Reactor& reactor, Connected connected,
                                                     const TcpOptions& options) {
  std::unique_ptr<TcpStream> stream(new TcpStream(reactor, std::move(connected)));
  if (options.keepalive) stream->KeepAliveLater(*options.keepalive);
  return stream;
}

void TcpStream::KeepAliveLater(Duration idle) {
  age_alarm_ = reactor_.CreateAlarm([this, idle] {
    if (fd_.valid()) SetKeepalive(fd_.get(), idle);
    age_alarm_.reset();
  });
  age_alarm_->ArmAt(reactor_.Now() + kKeepaliveAge);
}

TcpStream::TcpStream(Reactor& reactor, Connected connected)
    : reactor_(reactor), fd_(std::move(connected.fd)), watch_(std::move(connected.watch)) {
  NoteEvents(connected.events);
  watch_->SetCallback([this](uint32_t events) { OnEvents(events); });
  if (watch_->events() == 0) watch_->SetEvents(kEvents);
}

TcpStream::~TcpStream() {
  if (!fd_.valid()) return;
  if (!write_closed_) {
    CloseWithReset();
    return;
  }
  if (!read_ended_) DiscardInput(fd_.get());
  watch_->Abandon();
}

void TcpStream::SetObserver(Observer* observer) {
  observer_ = observer;
  if (observer_ != nullptr && state_ == State::kFailed && failure_) ArmAlarm();
}

ReadChunk TcpStream::Peek(size_t max) {
  DCHECK_GT(max, 0u);
  if (!residue_.empty()) return Shown(residue_.span(), max);
  if (!shown_.empty()) {
    CHECK_EQ(reactor_.read_scratch_user(), this) << "Peek without Consume";
    return Shown(shown_, max);
  }
  if (read_ended_) return {ReadState::kEnd, {}};
  if (!fd_.valid()) return {ReadState::kWouldBlock, {}};
  return ReadFromSocket(max);
}

ReadChunk TcpStream::Shown(ByteSpan bytes, size_t max) const {
  return {ReadState::kData, bytes.First(max), read_ended_ && bytes.size() <= max};
}

ReadChunk TcpStream::ReadFromSocket(size_t max) {
  if (budget_turn_ != reactor_.turn()) {
    budget_turn_ = reactor_.turn();
    budget_left_ = kStreamBytesPerTurn;
  }
  if (!HasNews() || budget_left_ == 0) {
    want_read_ = true;
    if (HasNews()) ArmAlarm();
    return {ReadState::kWouldBlock, {}};
  }
  const MutableByteSpan scratch = reactor_.BorrowReadScratch(this);
  const size_t size = std::min({max, budget_left_, scratch.size()});
  const ssize_t count = ::recv(fd_.get(), scratch.data(), size, 0);
  if (count <= 0) {
    HandleNothingRead(count);
    return {read_ended_ ? ReadState::kEnd : ReadState::kWouldBlock, {}};
  }
  const auto received = static_cast<size_t>(count);
  // A short read emptied the socket, and what comes after it makes an event of its own: asking
  // again before that would cost a call for nothing.
  const bool emptied = received < size && !urgent_came_ && !error_came_ && state_ == State::kOpen;
  if (emptied) news_came_ = false;
  budget_left_ -= received;
  if (budget_left_ < kLeastRead) budget_left_ = 0;
  shown_ = ByteSpan(scratch.data(), received);
  if (emptied && end_came_) read_ended_ = true;
  return Shown(shown_, max);
}

// `result` is 0, or -1 with errno.
void TcpStream::HandleNothingRead(ssize_t result) {
  if (result == 0 && state_ == State::kOpen) {
    read_ended_ = true;
    CloseIfEnded();
    return;
  }
  // The end of a broken connection is not the peer's; errno does not matter then.
  if (result == 0) errno = ECONNRESET;
  if (IsWouldBlock(errno)) {
    want_read_ = true;
    news_came_ = false;
  } else if (errno == EINTR) {
    want_read_ = true;
    ArmAlarm();
  } else {
    FailLater(Status::FromErrno("connection lost", errno));
  }
}

void TcpStream::Consume(size_t count) {
  if (!residue_.empty()) {
    residue_.RemovePrefix(count);
    if (!residue_.empty()) return;
    residue_ = ByteBuffer();  // an idle stream holds no memory
    return CloseIfEnded();
  }
  DCHECK_LE(count, shown_.size());
  const ByteSpan rest = std::exchange(shown_, ByteSpan()).Skip(count);
  if (rest.empty()) return CloseIfEnded();
  CHECK_EQ(reactor_.read_scratch_user(), this) << "Consume after a Peek on another stream";
  residue_ = ByteBuffer::CopyOf(rest);
}

size_t TcpStream::WritableBytes() {
  return state_ != State::kOpen || write_closed_ || want_write_ ? 0 : kWriteHint;
}

size_t TcpStream::Write(ByteSpan bytes) { return Send(bytes, MSG_NOSIGNAL); }

// Bytes that are announced to have more behind them wait for the FIN, which takes them along.
size_t TcpStream::WriteLast(ByteSpan bytes) {
  const size_t taken = Send(bytes, MSG_NOSIGNAL | MSG_MORE);
  if (taken == bytes.size()) CloseWrite();
  return taken;
}

size_t TcpStream::Send(ByteSpan bytes, int flags) {
  if (WritableBytes() == 0 || bytes.empty()) return 0;
  return HandleSent(::send(fd_.get(), bytes.data(), bytes.size(), flags), bytes.size());
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
    watch_->SetEvents(kConnectingEvents);
  }
  return taken;
}

link::SpliceEnd::Moved TcpStream::SpliceTo(link::SplicePipe& pipe, size_t max) {
  using SpliceState = link::SpliceEnd::State;
  DCHECK(shown_.empty());
  if (!residue_.empty()) return {SpliceState::kHeld, 0};
  if (read_ended_) return {SpliceState::kEnd, 0};
  if (!fd_.valid()) return {SpliceState::kWouldBlock, 0};
  if (urgent_came_) return {SpliceState::kRefused, 0};
  if (!HasNews()) {
    want_read_ = true;
    return {SpliceState::kWouldBlock, 0};
  }
  const ssize_t count = ::splice(fd_.get(), nullptr, pipe.write_end(), nullptr, max,
                                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (count > 0) return {SpliceState::kMoved, static_cast<size_t>(count)};
  // EPERM: the filters of some containers forbid what they do not know.
  if (count < 0 && (errno == EINVAL || errno == ENOSYS || errno == EPERM)) {
    return {SpliceState::kRefused, 0};
  }
  // splice(2) never comes past an urgent byte, and with the end behind it that looks like the end:
  // recv(2) knows.
  if (count == 0) return {SpliceState::kRefused, 0};
  HandleNothingRead(count);
  return {SpliceState::kWouldBlock, 0};
}

size_t TcpStream::SpliceFrom(link::SplicePipe& pipe, size_t count) {
  if (WritableBytes() == 0) return 0;
  // Only a call that found no room makes an event later. A signal, or a process that was stopped
  // and goes on, also ends one early.
  size_t taken = 0;
  while (taken < count) {
    const ssize_t result = ::splice(pipe.read_end(), nullptr, fd_.get(), nullptr, count - taken,
                                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (result < 0 && errno == EINTR) continue;
    if (result <= 0) return taken + HandleSent(result, count - taken);
    taken += static_cast<size_t>(result);
  }
  return taken;
}

void TcpStream::CloseWrite() {
  if (state_ != State::kOpen || write_closed_) return;
  write_closed_ = true;
  want_write_ = false;
  SetOnClose(fd_.get(), OnClose::kEndInOrder);
  if (Ended()) return CloseIfEnded();
  // Fails only where the connection is lost already, which epoll reports.
  static_cast<void>(::shutdown(fd_.get(), SHUT_WR));
}

void TcpStream::Reset(const Status& why) {
  if (state_ == State::kReset) return;
  VLOG(1) << "reset of fd=" << fd_.get() << ": " << why.ToString();
  state_ = State::kReset;
  failure_.reset();
  alarm_.reset();
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
  NoteEvents(events);
  if (want_read_ && (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) Readable();
  if (want_write_ && (events & (EPOLLOUT | EPOLLHUP)) != 0) {
    want_write_ = false;
    if (observer_ != nullptr) observer_->OnWritable();
  }
  if (want_read_ || (!error_came_ && state_ != State::kBroken) || !fd_.valid()) return;
  // Nobody waits for the bytes that may have come before, so the news cannot wait for them.
  Fail(TakeSocketError(fd_.get()));
  ReportFailure();
}

void TcpStream::NoteEvents(uint32_t events) {
  if ((events & ~uint32_t{EPOLLOUT}) != 0) news_came_ = true;
  if ((events & EPOLLRDHUP) != 0) end_came_ = true;
  if ((events & EPOLLERR) != 0) error_came_ = true;
  if ((events & EPOLLPRI) != 0) urgent_came_ = true;
}

void TcpStream::Readable() {
  want_read_ = false;
  if (observer_ != nullptr) observer_->OnReadable();
}

void TcpStream::OnAlarm() {
  if (state_ == State::kFailed) return ReportFailure();
  if (want_read_) Readable();
}

// Both directions ended in order: nothing more to hear. What was written is still delivered.
void TcpStream::CloseIfEnded() {
  if (!Ended() || !fd_.valid()) return;
  want_read_ = false;
  watch_->Abandon();
  watch_.reset();
  fd_.Close();
}

void TcpStream::CloseWithReset() {
  want_read_ = false;
  want_write_ = false;
  if (!fd_.valid()) return;
  if (write_closed_) SetOnClose(fd_.get(), OnClose::kReset);
  watch_->Abandon();
  watch_.reset();
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
  if (observer_ != nullptr) ArmAlarm();
}

void TcpStream::ArmAlarm() {
  if (!alarm_) alarm_ = reactor_.CreateAlarm([this] { OnAlarm(); });
  alarm_->ArmAt(reactor_.Now());
}

void TcpStream::ReportFailure() {
  if (state_ != State::kFailed || !failure_ || observer_ == nullptr) return;
  const Status why = *std::exchange(failure_, std::nullopt);
  observer_->OnStreamError(why);
}

}  // namespace ming::net
