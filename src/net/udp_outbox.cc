#include "ming/net/udp_outbox.h"

#include <algorithm>
#include <utility>

namespace ming::net {

UdpOutbox::UdpOutbox(Reactor& reactor, OnUnsent on_unsent)
    : on_unsent_(std::move(on_unsent)), hook_(reactor, [this] { Flush(); }) {}

void UdpOutbox::Send(UdpSocket& socket, const std::optional<SocketAddress>& to, ByteSpan datagram) {
  const bool full = batch_.count() >= DatagramBatch::kMaxRunDatagrams ||
                    batch_.bytes() + datagram.size() > DatagramBatch::kMaxRunBytes;
  if (full || datagram.empty() || !IsFor(socket, to)) Flush();
  socket_ = &socket;
  to_ = to;
  if (datagram.empty()) return SendAlone(datagram);  // no batch can hold it
  batch_.Append(datagram);
  hook_.Request();
}

bool UdpOutbox::IsFor(const UdpSocket& socket, const std::optional<SocketAddress>& to) const {
  return socket_ == &socket && to_ == to;
}

void UdpOutbox::Flush() {
  while (!batch_.empty()) SendFront();
  socket_ = nullptr;
}

void UdpOutbox::SendFront() {
  const DatagramBatch::Run run = batch_.Front();
  const std::optional<UdpSendResult> result =
      run.count > 1 ? socket_->SendRun(to_, run.bytes, run.segment) : std::nullopt;
  if (!result) {
    for (ByteSpan rest = run.bytes; !rest.empty();) {
      const ByteSpan datagram = rest.First(std::min(run.segment, rest.size()));
      SendAlone(datagram);
      rest = rest.Skip(datagram.size());
    }
  } else if (*result != UdpSendResult::kSent) {
    on_unsent_(*result, run.count);
  }
  batch_.Pop(run);
}

void UdpOutbox::SendAlone(ByteSpan datagram) {
  const UdpSendResult result = to_ ? socket_->SendTo(*to_, datagram) : socket_->Send(datagram);
  if (result != UdpSendResult::kSent) on_unsent_(result, 1);
}

}  // namespace ming::net
