// RawSocket: a TCP client or accepted peer that speaks bytes, to say what no WebSocket library
// would.
#ifndef MING_TESTS_WS_RAW_SOCKET_H_
#define MING_TESTS_WS_RAW_SOCKET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/net/unique_fd.h"

namespace ming::ws {

// The request of RFC 6455, section 1.2; `extra` are whole header lines with CRLF.
std::string UpgradeRequest(const std::string& extra = "");

enum class Mask { kYes, kNo };

// One frame: `first` is the byte with FIN, RSV and opcode.
std::string Frame(uint8_t first, std::string_view payload, Mask mask = Mask::kYes);
// The head alone of a masked frame that announces `size` bytes, in its 8-byte form.
std::string FrameHead(uint8_t first, uint64_t size);

struct RawFrame {
  uint8_t first = 0;
  std::string payload;
};

class RawSocket {
 public:
  // Connects to 127.0.0.1, waiting; from `source` where one is given ("127.0.0.2").
  explicit RawSocket(Port port, int receive_buffer = 0, const char* source = nullptr);
  // An accepted peer.
  explicit RawSocket(net::UniqueFd fd);

  void Send(std::string_view bytes);
  // Takes in what has arrived, without waiting. True at the end of the stream, or after a reset.
  bool ReadAll();
  void Close() { fd_.Close(); }

  // Everything received, in order.
  const std::string& received() const { return received_; }
  // Unmasked frames behind the header of the response; an incomplete one is left out.
  std::vector<RawFrame> Frames() const;
  // "HTTP/1.1 101 ..." -> 101; nothing before the header is complete.
  std::optional<int> HttpStatus() const;
  // The code of a close frame among Frames().
  std::optional<int> CloseCode() const;

 private:
  net::UniqueFd fd_;
  std::string received_;
};

// Accepts on 127.0.0.1 and stays silent.
class RawListener {
 public:
  RawListener();
  Port port() const { return port_; }
  // Nothing waits: nullopt.
  std::optional<RawSocket> Accept();

 private:
  net::UniqueFd fd_;
  Port port_;
};

}  // namespace ming::ws

#endif  // MING_TESTS_WS_RAW_SOCKET_H_
