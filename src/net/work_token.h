// WorkToken: keeps Reactor::Run going while work for the loop is under way elsewhere, as in a
// resolver thread that will Post.
#ifndef MING_NET_WORK_TOKEN_H_
#define MING_NET_WORK_TOKEN_H_

#include "ming/net/reactor.h"

namespace ming::net {

class WorkToken {
 public:
  explicit WorkToken(Reactor& reactor) : reactor_(reactor) { ++reactor_.work_tokens_; }
  ~WorkToken() { --reactor_.work_tokens_; }
  WorkToken(const WorkToken&) = delete;
  WorkToken& operator=(const WorkToken&) = delete;

 private:
  Reactor& reactor_;
};

}  // namespace ming::net

#endif  // MING_NET_WORK_TOKEN_H_
