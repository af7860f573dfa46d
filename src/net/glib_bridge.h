// GlibBridge: runs a private GMainContext inside the Reactor, for the engines that want GLib
// (libnice, libwebsockets' GLib plugin). It owns the context and knows neither engine.
#ifndef MING_NET_GLIB_BRIDGE_H_
#define MING_NET_GLIB_BRIDGE_H_

#include <memory>

#include "ming/net/reactor.h"

extern "C" {
struct _GMainContext;  // NOLINT(clang-diagnostic-reserved-identifier): GLib's own name
}
using GMainContext = _GMainContext;

namespace ming::net {

class GlibBridge {
 public:
  // The context belongs to the calling thread and is its thread-default until the bridge dies. A
  // bridge keeps Reactor::Run going.
  explicit GlibBridge(Reactor& reactor);
  // Every source of an engine is gone by now.
  ~GlibBridge();
  GlibBridge(const GlibBridge&) = delete;
  GlibBridge& operator=(const GlibBridge&) = delete;

  GMainContext* context() const;

  // Call after every engine call made outside a GLib callback: it may have added sources, which
  // GLib does not tell its own thread. Cheap: the sources are looked at once, at the end of the
  // turn.
  void Arm();

  // Somebody else waits for `fd`, one of an engine's, and calls RunFor when the engine should read
  // it: between Exclude and Include it causes no turn by itself. Include comes before the engine
  // closes it.
  void Exclude(int fd);
  void Include(int fd);
  // Dispatches the sources that wait for `fd` in the next turn. False: there is none.
  bool RunFor(int fd);

 private:
  class Pump;
  std::unique_ptr<Pump> pump_;
};

}  // namespace ming::net

#endif  // MING_NET_GLIB_BRIDGE_H_
