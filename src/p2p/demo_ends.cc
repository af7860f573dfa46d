#include "ming/p2p/demo_ends.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "ming/base/random.h"

namespace ming::p2p {
namespace {

constexpr size_t kBlockBytes = size_t{64} << 10;
constexpr size_t kReadBytes = size_t{256} << 10;
// In both directions at a time: well below the socket buffers of a stock kernel.
constexpr size_t kDatagramBytesUnderWay = size_t{64} << 10;
constexpr uint64_t kMostDatagramsUnderWay = 64;
constexpr Duration kDatagramPatience = std::chrono::seconds(2);
}  // namespace

TransferEnd::TransferEnd(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream,
                         uint64_t bytes_to_send, std::function<void()> on_change)
    : bytes_to_send_(bytes_to_send),
      stream_(std::move(stream)),
      on_change_(std::move(on_change)),
      start_(timers.CreateAlarm([this] {
        Write();
        Read();
      })),
      block_(kBlockBytes) {
  SeededRandom random(1);
  random.Fill({block_.data(), block_.size()});
  stream_->SetObserver(this);
  start_->ArmAt(timers.Now());
}

TransferEnd::~TransferEnd() { stream_->SetObserver(nullptr); }

ByteSpan TransferEnd::NextPiece() {
  const size_t offset = sent_ % kBlockBytes;
  if (offset == 0) {
    // The number of the block makes it different from all others.
    const uint64_t number = sent_ / kBlockBytes;
    std::memcpy(block_.data(), &number, sizeof(number));
  }
  return ByteSpan(block_).Skip(offset).First(bytes_to_send_ - sent_);
}

void TransferEnd::Write() {
  while (sent_ < bytes_to_send_) {
    const ByteSpan piece = NextPiece();
    const size_t taken = stream_->Write(piece);
    sent_hash_.Update(piece.First(taken));
    sent_ += taken;
    if (taken < piece.size()) return;  // OnWritable follows
  }
  if (bytes_to_send_ > 0) EndWriting();
}

void TransferEnd::Read() {
  while (!read_end_) {
    const link::ReadChunk chunk = stream_->Peek(kReadBytes);
    if (chunk.state == link::ReadState::kWouldBlock) return;
    if (chunk.state == link::ReadState::kEnd) {
      read_end_ = true;
      if (bytes_to_send_ == 0) EndWriting();  // the silent side follows
      ReportIfDone();
      return;
    }
    received_hash_.Update(chunk.bytes);
    received_ += chunk.bytes.size();
    stream_->Consume(chunk.bytes.size());
  }
}

void TransferEnd::EndWriting() {
  if (std::exchange(write_closed_, true)) return;
  stream_->CloseWrite();
  ReportIfDone();
}

void TransferEnd::ReportIfDone() {
  if (!done() || !sent_digest_.empty()) return;
  sent_digest_ = tls::ToHex(sent_hash_.Finish());
  received_digest_ = tls::ToHex(received_hash_.Finish());
  on_change_();
}

void TransferEnd::OnStreamError(const Status& why) {
  error_ = why;
  on_change_();
}

EchoEnd::EchoEnd(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream)
    : stream_(std::move(stream)), start_(timers.CreateAlarm([this] { Turn(); })) {
  stream_->SetObserver(this);
  start_->ArmAt(timers.Now());
}

void EchoEnd::Turn() {
  for (size_t room = stream_->WritableBytes(); room > 0; room = stream_->WritableBytes()) {
    const link::ReadChunk chunk = stream_->Peek(room);
    if (chunk.state == link::ReadState::kWouldBlock) return;
    if (chunk.state == link::ReadState::kEnd) return stream_->CloseWrite();
    stream_->Consume(stream_->Write(chunk.bytes));
  }
}

RoundTripper::RoundTripper(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream,
                           size_t rounds, std::function<void()> on_change)
    : timers_(timers),
      rounds_(rounds),
      stream_(std::move(stream)),
      on_change_(std::move(on_change)),
      start_(timers.CreateAlarm([this] {
        Send();
        Read();
      })) {
  times_.reserve(rounds);
  stream_->SetObserver(this);
  start_->ArmAt(timers.Now());
}

Duration RoundTripper::Median() const {
  std::vector<Duration> sorted = times_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

void RoundTripper::Send() {
  const uint8_t byte = static_cast<uint8_t>(times_.size());
  sent_at_ = timers_.Now();
  stream_->Write(ByteSpan(&byte, 1));
}

void RoundTripper::Read() {
  while (!done()) {
    const link::ReadChunk chunk = stream_->Peek(1);
    if (chunk.state == link::ReadState::kWouldBlock) return;
    if (chunk.state == link::ReadState::kEnd ||
        chunk.bytes[0] != static_cast<uint8_t>(times_.size())) {
      return OnStreamError(Status(StatusCode::kInternal, "the echo sent something else"));
    }
    stream_->Consume(1);
    times_.push_back(timers_.Now() - sent_at_);
    if (!done()) Send();
  }
  on_change_();
}

void RoundTripper::OnStreamError(const Status& why) {
  error_ = why;
  on_change_();
}

Result<std::unique_ptr<DatagramEcho>> DatagramEcho::Create(net::Reactor& reactor) {
  auto socket = net::UdpSocket::Bind(reactor, net::SocketAddress(*IpAddress::Parse("127.0.0.1")),
                                     net::UdpOptions());
  if (!socket.ok()) return socket.status();
  return std::unique_ptr<DatagramEcho>(new DatagramEcho(std::move(*socket)));
}

DatagramEcho::DatagramEcho(std::unique_ptr<net::UdpSocket> socket) : socket_(std::move(socket)) {
  socket_->SetObserver(this);
}

void DatagramEcho::OnDatagram(const net::SocketAddress& from, ByteSpan datagram) {
  // What the kernel does not take is lost, and counted by whom it misses.
  static_cast<void>(socket_->SendTo(from, datagram));
}

Result<std::unique_ptr<DatagramCounter>> DatagramCounter::Create(net::Reactor& reactor,
                                                                 const net::SocketAddress& where,
                                                                 const Plan& plan,
                                                                 std::function<void()> on_change) {
  auto socket = net::UdpSocket::Connect(reactor, where, net::UdpOptions());
  if (!socket.ok()) return socket.status();
  return std::unique_ptr<DatagramCounter>(
      new DatagramCounter(reactor, std::move(*socket), plan, std::move(on_change)));
}

DatagramCounter::DatagramCounter(net::Reactor& reactor, std::unique_ptr<net::UdpSocket> socket,
                                 const Plan& plan, std::function<void()> on_change)
    : reactor_(reactor),
      plan_(plan),
      socket_(std::move(socket)),
      on_change_(std::move(on_change)),
      quiet_(reactor.CreateAlarm([this] { Finish(); })),
      seen_(plan.datagrams) {
  socket_->SetObserver(this);
  SendMore();
}

ByteBuffer DatagramCounter::Make(uint64_t number) const {
  ByteBuffer datagram;
  datagram.AppendUninitialized(plan_.datagram_bytes);
  SeededRandom random(number);
  random.Fill(datagram.mutable_span());
  std::memcpy(datagram.data(), &number, sizeof(number));
  return datagram;
}

void DatagramCounter::SendMore() {
  const uint64_t most = std::clamp<uint64_t>(kDatagramBytesUnderWay / plan_.datagram_bytes, 1,
                                             kMostDatagramsUnderWay);
  // A flow begins with one: until its channel is open only a few are kept for it.
  const uint64_t window = std::min(most, returned_ + 1);
  while (sent_ < plan_.datagrams && sent_ - returned_ < window) {
    if (socket_->Send(Make(sent_)) == net::UdpSendResult::kWouldBlock) break;
    ++sent_;
  }
  quiet_->ArmAt(reactor_.Now() + kDatagramPatience);
}

void DatagramCounter::OnDatagram(const net::SocketAddress& /*from*/, ByteSpan datagram) {
  Check(datagram);
  if (returned_ == plan_.datagrams) {
    Finish();
  } else if (!done_) {
    SendMore();
  }
}

void DatagramCounter::Check(ByteSpan datagram) {
  uint64_t number = plan_.datagrams;
  if (datagram.size() == plan_.datagram_bytes) {
    std::memcpy(&number, datagram.data(), sizeof(number));
  }
  if (number >= sent_ || seen_[number] || Make(number).span() != datagram) {
    ++damaged_;
    return;
  }
  seen_[number] = true;
  ++returned_;
}

void DatagramCounter::Finish() {
  if (std::exchange(done_, true)) return;
  quiet_->Cancel();
  on_change_();
}

}  // namespace ming::p2p
