#include "ming/tunnel/datagram_flow.h"

#include <glog/logging.h>

#include <utility>
#include <variant>

#include "ming/codec/tunnel_control.h"

namespace ming::tunnel {

bool DatagramQueue::Push(ByteSpan datagram) {
  if (datagrams_.size() >= budget_.max_datagrams) return false;
  if (datagram.size() > budget_.max_bytes - budget_.used_bytes) return false;
  budget_.used_bytes += datagram.size();
  datagrams_.push_back(ByteBuffer::CopyOf(datagram));
  return true;
}

std::vector<ByteBuffer> DatagramQueue::TakeAll() {
  for (const ByteBuffer& datagram : datagrams_) budget_.used_bytes -= datagram.size();
  return std::exchange(datagrams_, {});
}

void DatagramFlow::Attach(std::unique_ptr<link::MessageChannel> channel,
                          const ChannelTerms& terms) {
  CHECK(channel_ == nullptr);
  speaks_control_ = terms.speaks_control();
  channel_ = std::move(channel);
  channel_->SetObserver(this);
}

void DatagramFlow::Detach() {
  if (channel_ == nullptr) return;
  channel_->SetObserver(nullptr);
  channel_->Close();
  timers_.DeferDelete(std::move(channel_));
}

void DatagramFlow::Send(ByteSpan datagram) {
  switch (channel_->Send(link::MessageKind::kBinary, datagram)) {
    case link::SendResult::kAccepted:
      ++counters_.datagrams_to_peer;
      counters_.bytes_to_peer += datagram.size();
      return;
    case link::SendResult::kTooLarge:
      ++counters_.dropped_oversize;
      return;
    case link::SendResult::kWouldBlock:
    case link::SendResult::kClosed:
      ++counters_.dropped_backpressure;
      return;
  }
}

void DatagramFlow::OnMessage(link::MessageKind kind, ByteBuffer message) {
  if (kind == link::MessageKind::kText && speaks_control_) {
    const Result<codec::TunnelControl> word = codec::ParseTunnelControl(message);
    const auto* refused = word.ok() ? std::get_if<codec::TunnelRefused>(&*word) : nullptr;
    if (refused != nullptr) {
      LOG_EVERY_N(WARNING, 100) << "[udp] the host refuses: " << refused->reason;
    }
    return;
  }
  observer_.OnFlowDatagram(id_, message);
}

void DatagramFlow::OnChannelClosed(const Status& why) {
  timers_.DeferDelete(std::move(channel_));
  observer_.OnFlowClosed(id_, why);
}

}  // namespace ming::tunnel
