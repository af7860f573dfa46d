#include "ming/net/turn_end_hook.h"

#include <utility>

#include "ming/net/reactor.h"

namespace ming::net {

TurnEndHook::TurnEndHook(Reactor& reactor, std::function<void()> callback)
    : reactor_(reactor), callback_(std::move(callback)) {
  reactor_.CheckThread();
}

TurnEndHook::~TurnEndHook() { reactor_.RemoveHook(*this); }

void TurnEndHook::Request() { reactor_.RequestHook(*this); }

}  // namespace ming::net
