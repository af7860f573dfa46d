// One end of a TCP stream under test, and a fixture with two of them that are connected.
#ifndef MING_TESTS_NET_TCP_ENDS_H_
#define MING_TESTS_NET_TCP_ENDS_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ming/base/random.h"
#include "ming/net/tcp_stream.h"

#include "reactor_fixture.h"

namespace ming::net {

// One end of a stream: reads what comes unless it is paused, and writes what it is given.
class TcpEnd final : public link::ByteStream::Observer {
 public:
  TcpEnd(Reactor& reactor, UniqueFd fd)
      : reactor_(reactor), stream_(TcpStream::Adopt(reactor, std::move(fd))) {
    stream_->SetObserver(this);
  }

  void OnReadable() override {
    ++readable_calls;
    if (before_reading) before_reading();
    if (!paused) ReadAll();
  }
  void OnWritable() override {
    ++writable_calls;
    if (on_writable) return on_writable();
    Flush();
  }
  void OnStreamError(const Status& why) override {
    EXPECT_FALSE(error.has_value()) << "two errors";
    error = why;
  }

  void ReadAll() {
    for (;;) {
      const link::ReadChunk chunk = stream_->Peek(read_size);
      if (chunk.state == link::ReadState::kEnd) ended = true;
      if (chunk.state != link::ReadState::kData) return;
      if (keeps) received.append(chunk.bytes.AsText());
      received_in_turn[reactor_.turn()] += chunk.bytes.size();
      stream_->Consume(chunk.bytes.size());
    }
  }
  void Send(const std::string& text) {
    unsent_ += text;
    Flush();
  }
  void Flush() {
    const size_t taken = stream_->Write(ByteSpan(unsent_));
    unsent_.erase(0, taken);
    if (unsent_.empty() && close_when_sent) stream_->CloseWrite();
  }

  TcpStream& stream() { return *stream_; }
  std::unique_ptr<TcpStream> Release() { return std::move(stream_); }
  const std::string& unsent() const { return unsent_; }

  std::function<void()> before_reading;
  std::function<void()> on_writable;  // in place of Flush
  bool paused = false;
  bool keeps = true;  // what it reads
  bool close_when_sent = false;
  size_t read_size = size_t{1} << 20;
  std::string received;
  std::map<uint64_t, size_t> received_in_turn;
  bool ended = false;
  std::optional<Status> error;
  int readable_calls = 0;
  int writable_calls = 0;

 private:
  Reactor& reactor_;
  std::unique_ptr<TcpStream> stream_;
  std::string unsent_;
};

inline std::string RandomText(size_t size) {
  SeededRandom random(7);
  std::string text(size, '\0');
  random.Fill({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  return text;
}

class TcpPairFixture : public ReactorFixture {
 protected:
  TcpPairFixture() : TcpPairFixture(ConnectedTcpPair()) {}
  explicit TcpPairFixture(FdPair pair)
      : near_(std::make_unique<TcpEnd>(reactor_, std::move(pair.first))),
        far_(std::make_unique<TcpEnd>(reactor_, std::move(pair.second))) {}

  void SetUp() override {
    near_->ReadAll();
    far_->ReadAll();
  }

  // Loopback delivers at once: after this everything sent so far has arrived.
  void Settle() { TurnsWithin(std::chrono::milliseconds(10)); }

  std::unique_ptr<TcpEnd> near_;
  std::unique_ptr<TcpEnd> far_;
};

}  // namespace ming::net

#endif  // MING_TESTS_NET_TCP_ENDS_H_
