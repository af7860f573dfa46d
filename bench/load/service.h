// Service: what stands behind a tunnel. The first byte of a connection says what it is for.
#ifndef MING_LOAD_SERVICE_H_
#define MING_LOAD_SERVICE_H_

#include <string>

#include "ming/load/endpoint.h"
#include "ming/load/mover.h"

namespace ming::load {

// First bytes, from the application's point of view.
constexpr char kUp = 'u';    // the application sends
constexpr char kDown = 'd';  // the service sends
constexpr char kBoth = 'b';
constexpr char kEcho = 'e';  // whatever comes goes back, by a thread of its own

class Service {
 public:
  // Serves until the process ends.
  Service(const Endpoint& at, const std::string& congestion);
  const Mover& mover() const { return mover_; }
  Mover& mover() { return mover_; }

 private:
  [[noreturn]] void Serve();
  void Take(UniqueFd connection);

  UniqueFd listener_;
  Mover mover_;
};

}  // namespace ming::load

#endif  // MING_LOAD_SERVICE_H_
