// TurnEndHook: work put off to the end of the turn, once: flushing a batch, re-arming an engine.
#ifndef MING_NET_TURN_END_HOOK_H_
#define MING_NET_TURN_END_HOOK_H_

#include <cstddef>
#include <functional>
#include <optional>

namespace ming::net {

class Reactor;

class TurnEndHook {
 public:
  // `callback` may request again, destroy the hook and use DeferDestroy. Capture `this` only where
  // the hook is a member of `this`.
  TurnEndHook(Reactor& reactor, std::function<void()> callback);
  // Takes a request back.
  ~TurnEndHook();
  TurnEndHook(const TurnEndHook&) = delete;
  TurnEndHook& operator=(const TurnEndHook&) = delete;

  // The callback runs once at the end of this turn, before deferred objects are freed, however
  // often it is asked. From inside a hook or a deferred destructor: at the end of the next turn,
  // which then comes at once.
  void Request();
  bool requested() const { return position_.has_value(); }

 private:
  friend class Reactor;

  Reactor& reactor_;
  std::function<void()> callback_;
  // Where the request waits in the Reactor's list.
  std::optional<size_t> position_;
};

}  // namespace ming::net

#endif  // MING_NET_TURN_END_HOOK_H_
