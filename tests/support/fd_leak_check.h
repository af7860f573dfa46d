// FdLeakCheck: fails the test that ends with other descriptors than it began with. Make it the
// first member of a fixture, so that it goes last.
#ifndef MING_SUPPORT_FD_LEAK_CHECK_H_
#define MING_SUPPORT_FD_LEAK_CHECK_H_

#include <map>
#include <string>

namespace ming::support {

class FdLeakCheck {
 public:
  FdLeakCheck();
  // Names each descriptor that was left open.
  ~FdLeakCheck();
  FdLeakCheck(const FdLeakCheck&) = delete;
  FdLeakCheck& operator=(const FdLeakCheck&) = delete;

  // Descriptors of this process now, and what each refers to ("socket:[123]").
  static std::map<int, std::string> OpenDescriptors();

 private:
  const std::map<int, std::string> before_;
};

}  // namespace ming::support

#endif  // MING_SUPPORT_FD_LEAK_CHECK_H_
