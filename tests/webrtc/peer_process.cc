// The other end of a connection as a process of its own, so that it can be stopped and killed.
// Reads offers on stdin, writes their answers on stdout, one line each ("|" stands for a line end);
// every channel echoes, except "sink", which counts, and "source", which sends for ever. Its
// argument names the interface to use, or "all".
#include <glog/logging.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ming/net/fd_watch.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/system_random.h"
#include "ming/sctp/sctp_stack.h"
#include "ming/tls/certificate.h"
#include "ming/webrtc/peer_connection.h"

namespace ming::webrtc {
namespace {

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

class Channel final : public link::MessageChannel::Observer {
 public:
  Channel(std::unique_ptr<link::MessageChannel> channel, std::string label)
      : channel_(std::move(channel)), label_(std::move(label)) {
    channel_->SetObserver(this);
    if (label_ == "source") OnSendReady();
  }

 private:
  void OnMessage(link::MessageKind kind, ByteBuffer message) override {
    // A full queue loses the echo.
    if (label_ == "echo") static_cast<void>(channel_->Send(kind, message));
  }
  void OnSendReady() override {
    if (label_ != "source") return;
    static const std::vector<uint8_t> kMessage(16384, 1);
    while (channel_->Send(link::MessageKind::kBinary, kMessage) == link::SendResult::kAccepted) {
    }
  }
  void OnChannelClosed(const Status& /*why*/) override {}

  std::unique_ptr<link::MessageChannel> channel_;
  std::string label_;
};

class Peer final : public PeerConnection::Observer {
 public:
  Peer(const PeerServices& services, net::Reactor& reactor, const std::string& interface)
      : reactor_(reactor),
        connection_(services, Options(interface), *this),
        input_(reactor, STDIN_FILENO, [this](uint32_t /*events*/) { Read(); }) {
    input_.SetEvents(EPOLLIN);
  }

 private:
  void Read() {
    std::array<char, 4096> bytes{};
    const ssize_t size = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (size <= 0) return reactor_.Stop();
    line_.append(bytes.data(), static_cast<size_t>(size));
    if (line_.back() != '\n') return;
    line_.pop_back();
    Answer(Replaced(std::exchange(line_, std::string()), "|", "\r\n"));
  }

  void Answer(const std::string& offer) {
    const Result<std::string> answer = connection_.AcceptOffer(offer);
    CHECK(answer.ok()) << answer.status().ToString();
    std::cout << Replaced(*answer, "\r\n", "|") << std::endl;
  }

  static PeerConnectionOptions Options(const std::string& interface) {
    PeerConnectionOptions options;
    if (interface != "all") options.ice.interfaces = {interface};
    options.liveness.failed_after = std::chrono::minutes(5);
    options.features = codec::MingFeatures();
    options.features->path_mtu_bytes = 16000;
    options.features->path_probes = true;
    return options;
  }

  void OnConnectionState(ConnectionState /*state*/) override {}
  void OnLocalCandidate(const std::string& /*candidate*/) override {}
  void OnRemoteChannel(std::unique_ptr<link::MessageChannel> channel,
                       const std::string& label) override {
    channels_.push_back(std::make_unique<Channel>(std::move(channel), label));
  }
  void OnConnectionClosed(const Status& /*why*/) override { reactor_.Stop(); }

  net::Reactor& reactor_;
  PeerConnection connection_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::string line_;
  net::FdWatch input_;
};

int Main(const std::string& interface) {
  net::Reactor reactor;
  net::GlibBridge glib(reactor);
  net::Resolver resolver(reactor);
  sctp::SctpStack sctp(reactor);
  net::SystemRandom random;
  const auto certificate = tls::Certificate::SelfSigned("peer").value();
  Peer peer({reactor, glib, resolver, sctp, *certificate, random}, reactor, interface);
  reactor.Run();
  return 0;
}

}  // namespace
}  // namespace ming::webrtc

int main(int argc, char** argv) { return ming::webrtc::Main(argc > 1 ? argv[1] : "lo"); }
