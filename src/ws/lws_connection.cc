#include "ming/ws/lws_connection.h"

#include <glog/logging.h>
#include <libwebsockets.h>

#include <algorithm>
#include <utility>

#include "ming/base/utf8.h"

namespace ming::ws {
namespace {

// What may wait for the observer before the socket is left alone: messages, and bytes as a multiple
// of the largest message.
constexpr size_t kInboxMessages = 64;
constexpr size_t kInboxLargest = 2;
// What one turn delivers, or one writeable socket takes, before the others get theirs.
constexpr int kMessagesPerTurn = 64;
constexpr int kWritesPerEvent = 16;
// A control frame holds 125 bytes (RFC 6455, section 5.5), two of them for the code.
constexpr size_t kMaxReasonBytes = 123;

// At most 123 bytes that end between two characters.
std::string CutReason(std::string_view reason) {
  if (reason.size() > kMaxReasonBytes) {
    size_t end = kMaxReasonBytes;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0u) == 0x80u) --end;
    reason = reason.substr(0, end);
  }
  return std::string(reason);
}

HeartbeatRule RuleOf(const WsLimits& limits) { return {limits.ping_interval, limits.peer_timeout}; }

}  // namespace

const link::ChannelTraits LwsConnection::kTraits = {};

LwsConnection::LwsConnection(LwsEngine& engine, lws* wsi, std::shared_ptr<const WsLimits> limits,
                             const net::SocketAddress& peer, Keeper* keeper)
    : engine_(engine),
      wsi_(wsi),
      limits_(std::move(limits)),
      peer_(peer),
      local_address_(net::LocalAddressOf(lws_get_socket_fd(wsi)).ip().Canonical()),
      keeper_(keeper),
      heartbeat_(engine.reactor().Now()),
      heartbeat_at_(heartbeat_.NextTimeout(RuleOf(*limits_))),
      deliver_(engine.reactor(), [this] { Deliver(); }) {
  lws_set_opaque_user_data(wsi_, static_cast<LwsHandler*>(this));
  engine_.AddConnection(*this);
  engine_.ScheduleHeartbeat(*this, heartbeat_at_);
}

LwsConnection::~LwsConnection() { DropSocket(); }

void LwsConnection::Abort(const Status& why) {
  if (why_.ok()) why_ = why;
  DropSocket();
}

// Closes the socket without a close frame. OnGone runs inside.
void LwsConnection::DropSocket() {
  if (wsi_ == nullptr) return;
  lws* wsi = wsi_;
  OnGone();
  engine_.DropSocket(wsi);
}

int LwsConnection::OnLwsEvent(lws* /*wsi*/, int reason, void* in, size_t size) {
  if (wsi_ == nullptr) return 0;
  switch (reason) {
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
      heartbeat_.NoteHeard(engine_.reactor().Now());
      OnReceive({static_cast<const uint8_t*>(in), size});
      return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      return OnWriteable();
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
      heartbeat_.NoteHeard(engine_.reactor().Now());
      ponged_ = true;
      deliver_.Request();
      return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
      return OnPeerClose({static_cast<const uint8_t*>(in), size});
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
      OnGone();
      return 0;
    default:
      return 0;
  }
}

void LwsConnection::OnReceive(ByteSpan slice) {
  if (state_ != State::kOpen) return;  // the peer has not seen our close frame yet
  if (lws_is_first_fragment(wsi_) != 0) {
    partial_.kind =
        lws_frame_is_binary(wsi_) != 0 ? link::MessageKind::kBinary : link::MessageKind::kText;
    partial_.bytes.Clear();
  }
  // The rest of the frame is known before it comes.
  const size_t rest = lws_remaining_packet_payload(wsi_);
  const size_t limit = limits_->max_message_size;
  const size_t room = limit - std::min(limit, partial_.bytes.size());
  if (slice.size() > room || rest > room - slice.size()) {
    return FailInside(
        Status(StatusCode::kResourceExhausted,
               "the peer sent a message of more than " + std::to_string(limit) + " bytes"),
        WsCloseCode::kMessageTooBig);
  }
  partial_.bytes.Append(slice);
  if (rest > 0 || lws_is_final_fragment(wsi_) == 0) return;

  Message message = std::exchange(partial_, {link::MessageKind::kBinary, {}});
  if (message.kind == link::MessageKind::kText && !IsValidUtf8(message.bytes.AsText())) {
    return FailInside(
        Status(StatusCode::kMalformed, "the peer sent a text message that is no UTF-8"),
        WsCloseCode::kInvalidPayload);
  }
  inbox_bytes_ += message.bytes.size();
  inbox_.push_back(std::move(message));
  UpdateFlow();
  deliver_.Request();
}

// The close frame leaves at the next writeable event. Not by the result of the callback that
// receives: libwebsockets goes on reading until the peer's close frame comes, and as a client it
// has then lost count of its buffer and writes behind its end.
void LwsConnection::FailInside(const Status& why, WsCloseCode code) {
  why_ = why;
  state_ = State::kClosing;
  partial_.bytes = {};
  outbox_.clear();
  queued_bytes_ = 0;
  own_close_ = std::make_unique<OwnClose>(OwnClose{code, CutReason(why.message())});
  ArmCloseAlarm();
  lws_callback_on_writable(wsi_);
}

// Comes also when libwebsockets got rid of what it held back itself, so what to do is read from our
// own queue.
int LwsConnection::OnWriteable() {
  for (int i = 0; i < kWritesPerEvent; ++i) {
    const bool idle = !ping_wanted_ && outbox_.empty();
    if (idle || lws_send_pipe_choked(wsi_) != 0) break;
    if (!WriteNext()) return -1;
  }
  if (ping_wanted_ || !outbox_.empty()) {
    lws_callback_on_writable(wsi_);
  } else if (own_close_ != nullptr) {
    lws_close_reason(wsi_, static_cast<lws_close_status>(own_close_->code),
                     reinterpret_cast<unsigned char*>(own_close_->reason.data()),
                     own_close_->reason.size());
    return -1;
  }
  if (HasWantedRoom()) deliver_.Request();
  return 0;
}

bool LwsConnection::WriteNext() {
  if (std::exchange(ping_wanted_, false)) {
    unsigned char frame[LWS_PRE + 4] = {};
    return lws_write(wsi_, frame + LWS_PRE, 4, LWS_WRITE_PING) >= 0;
  }
  Message message = std::move(outbox_.front());
  outbox_.pop_front();
  const size_t size = message.bytes.size() - LWS_PRE;
  queued_bytes_ -= size;
  const bool binary = message.kind == link::MessageKind::kBinary;
  return lws_write(wsi_, message.bytes.data() + LWS_PRE, size,
                   binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) >= 0;
}

int LwsConnection::OnPeerClose(ByteSpan body) {
  if (body.size() == 1) {  // libwebsockets would send it back as it is
    if (state_ == State::kOpen) {
      why_ = Status(StatusCode::kMalformed, "the peer closed with half a code");
    }
    state_ = State::kClosing;
    ArmCloseAlarm();
    lws_close_reason(wsi_, LWS_CLOSE_STATUS_PROTOCOL_ERR, nullptr, 0);
    return -1;
  }
  WsPeerClose said;
  if (body.size() >= 2) {
    said.code = static_cast<uint16_t>((body[0] << 8) | body[1]);
    const std::string_view reason = body.Skip(2).AsText();
    if (IsValidUtf8(reason)) said.reason = reason;
  }
  peer_close_ = std::move(said);
  if (state_ != State::kOpen) return 0;
  state_ = State::kClosing;
  ArmCloseAlarm();
  return 0;
}

void LwsConnection::OnGone() {
  if (wsi_ == nullptr) return;
  const bool orderly = peer_close_.has_value() || own_close_ != nullptr;
  if (why_.ok() && !orderly) {
    why_ = Status(StatusCode::kUnavailable, "the connection to " + peer_.ToString() + " was lost");
  }
  wsi_ = nullptr;
  state_ = State::kGone;
  engine_.NoteSocketClosed();
  engine_.RemoveConnection(*this);
  engine_.CancelHeartbeat(*this, heartbeat_at_);
  close_alarm_.reset();
  outbox_.clear();
  queued_bytes_ = 0;
  deliver_.Request();
  if (keeper_ != nullptr) std::exchange(keeper_, nullptr)->OnSocketGone(*this);
}

Timestamp LwsConnection::OnHeartbeat(Timestamp now) {
  // While we do not read, a silent peer says nothing about the peer.
  if (flow_stopped_) heartbeat_.NoteHeard(now);
  switch (heartbeat_.HandleTimeout(RuleOf(*limits_), now)) {
    case HeartbeatAction::kNothing:
      break;
    case HeartbeatAction::kPing:
      ping_wanted_ = true;
      RequestWrite();
      break;
    case HeartbeatAction::kGiveUp:
      heartbeat_at_ = Timestamp::Max();
      Abort(Status(StatusCode::kTimeout, peer_.ToString() + " does not answer any more"));
      return Timestamp::Max();
  }
  heartbeat_at_ = heartbeat_.NextTimeout(RuleOf(*limits_));
  return heartbeat_at_;
}

void LwsConnection::SetObserver(Observer* observer) {
  observer_ = observer;
  if (observer_ != nullptr) deliver_.Request();
}

size_t LwsConnection::QueueRoom() const {
  if (outbox_.empty()) return limits_->max_message_size;
  const size_t limit = limits_->send_queue_bytes;
  return limit - std::min(limit, queued_bytes_);
}

// Half of the queue at least is drained before the sender is woken, unless nothing is left in it.
bool LwsConnection::HasWantedRoom() const {
  if (!wanted_room_ || state_ != State::kOpen) return false;
  const bool drained = queued_bytes_ <= limits_->send_queue_bytes / 2;
  return outbox_.empty() || (drained && QueueRoom() >= *wanted_room_);
}

link::SendResult LwsConnection::Send(link::MessageKind kind, ByteSpan message) {
  if (state_ != State::kOpen) return link::SendResult::kClosed;
  if (message.size() > limits_->max_message_size) return link::SendResult::kTooLarge;
  if (message.size() > QueueRoom()) {
    wanted_room_ = message.size();
    return link::SendResult::kWouldBlock;
  }
  ByteBuffer frame = ByteBuffer::WithCapacity(LWS_PRE + message.size());
  frame.AppendUninitialized(LWS_PRE);
  frame.Append(message);
  outbox_.push_back({kind, std::move(frame)});
  queued_bytes_ += message.size();
  RequestWrite();
  return link::SendResult::kAccepted;
}

size_t LwsConnection::SendableBytes() const {
  if (state_ != State::kOpen) return 0;
  const size_t room = std::min(QueueRoom(), limits_->max_message_size);
  if (room == 0) wanted_room_ = 1;
  return room;
}

void LwsConnection::RequestWrite() {
  if (wsi_ == nullptr) return;
  lws_callback_on_writable(wsi_);
  engine_.Touch();
}

void LwsConnection::PauseReceiving() {
  paused_ = true;
  UpdateFlow();
}

void LwsConnection::ResumeReceiving() {
  paused_ = false;
  UpdateFlow();
  if (!inbox_.empty()) deliver_.Request();
}

void LwsConnection::UpdateFlow() {
  const bool stop = paused_ || inbox_.size() >= kInboxMessages ||
                    inbox_bytes_ >= kInboxLargest * limits_->max_message_size;
  if (wsi_ == nullptr || stop == flow_stopped_) return;
  flow_stopped_ = stop;
  lws_rx_flow_control(wsi_, stop ? 0 : 1);
  if (stop) return;
  heartbeat_.NoteHeard(engine_.reactor().Now());
  // What it had read before the stop comes without an event of the socket.
  engine_.Kick();
}

void LwsConnection::Close(WsCloseCode code, std::string_view reason) {
  if (state_ != State::kOpen) return;
  state_ = State::kClosing;
  own_close_ = std::make_unique<OwnClose>(OwnClose{code, CutReason(reason)});
  ArmCloseAlarm();
  RequestWrite();
}

void LwsConnection::ArmCloseAlarm() {
  close_alarm_ = engine_.reactor().CreateAlarm([this] { DropSocket(); });
  close_alarm_->ArmAt(engine_.reactor().Now() + limits_->close_timeout);
}

void LwsConnection::Ping(std::function<void()> on_pong) {
  if (state_ != State::kOpen) return;
  on_pong_ = std::move(on_pong);
  ponged_ = false;
  ping_wanted_ = true;
  RequestWrite();
}

// From the loop: everything the observer is told.
void LwsConnection::Deliver() {
  if (std::exchange(ponged_, false) && on_pong_) std::exchange(on_pong_, nullptr)();
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    if (!DeliverOne()) break;
  }
  UpdateFlow();
  if (observer_ == nullptr) return;
  if (!inbox_.empty()) {
    if (!paused_) deliver_.Request();
    return;
  }
  if (state_ == State::kGone) {
    if (std::exchange(close_reported_, true)) return;
    std::exchange(observer_, nullptr)->OnChannelClosed(why_);
    return;
  }
  if (HasWantedRoom()) {
    wanted_room_.reset();
    observer_->OnSendReady();
  }
}

bool LwsConnection::DeliverOne() {
  if (inbox_.empty() || paused_ || observer_ == nullptr) return false;
  Message message = std::move(inbox_.front());
  inbox_.pop_front();
  inbox_bytes_ -= message.bytes.size();
  observer_->OnMessage(message.kind, std::move(message.bytes));
  return true;
}

}  // namespace ming::ws
