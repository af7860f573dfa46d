#include "network_space.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace ming::webrtc {
namespace {

constexpr char kIp[] = "/usr/sbin/ip";
constexpr char kOwn[] = "/proc/thread-self/ns/net";

net::UniqueFd OpenOwn() {
  net::UniqueFd fd(open(kOwn, O_RDONLY | O_CLOEXEC));
  PCHECK(fd.valid());
  return fd;
}

int Run(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  if (posix_spawn(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) return -1;
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

bool NetworkSpace::Available() {
  if (access(kIp, X_OK) != 0) return false;
  const net::UniqueFd home = OpenOwn();
  if (unshare(CLONE_NEWNET) != 0) return false;
  PCHECK(setns(home.get(), CLONE_NEWNET) == 0);
  return true;
}

NetworkSpace::NetworkSpace() {
  const net::UniqueFd home = OpenOwn();
  PCHECK(unshare(CLONE_NEWNET) == 0);
  fd_ = OpenOwn();
  PCHECK(setns(home.get(), CLONE_NEWNET) == 0);
  Ip({"link", "set", "lo", "up"});
}

NetworkSpace::Visit::Visit(const NetworkSpace& space) : home_(OpenOwn()) {
  PCHECK(setns(space.fd_.get(), CLONE_NEWNET) == 0);
}

NetworkSpace::Visit::~Visit() { PCHECK(setns(home_.get(), CLONE_NEWNET) == 0); }

void NetworkSpace::Connect(const End& a, const End& b, int mtu) {
  const std::string other =
      "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(b.space.fd_.get());
  a.space.Ip(
      {"link", "add", "name", a.name, "type", "veth", "peer", "name", b.name, "netns", other});
  for (const End& end : {a, b}) {
    end.space.Ip({"addr", "add", end.address, "dev", end.name});
    end.space.Ip({"link", "set", end.name, "mtu", std::to_string(mtu), "up"});
  }
}

void NetworkSpace::Ip(const std::vector<std::string>& words) const {
  const Visit visit(*this);
  std::vector<std::string> command = {kIp};
  command.insert(command.end(), words.begin(), words.end());
  CHECK_EQ(Run(command), 0) << words[0] << " " << words[1];
}

size_t NetworkSpace::FragmentedDatagrams() const {
  const Visit visit(*this);
  std::ifstream table("/proc/thread-self/net/snmp");
  std::string names;
  std::string values;
  std::getline(table, names);
  std::getline(table, values);
  std::istringstream name(names);
  std::istringstream value(values);
  std::string word;
  std::string number;
  while (name >> word && value >> number) {
    if (word == "FragOKs") return std::stoul(number);
  }
  LOG(FATAL) << "no FragOKs in " << names;
  return 0;
}

}  // namespace ming::webrtc
