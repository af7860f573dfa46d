#include "ming/cli/tunnel_role.h"

#include <glog/logging.h>
#include <net/if.h>

#include <cstdio>

#include "ming/base/utf8.h"
#include "ming/cli/command.h"
#include "ming/cli/common_flags.h"

namespace ming::cli {
namespace {

constexpr int kHttpUnauthorized = 401;

// What a user can do about it.
std::string NextStep(p2p::TunnelEnd end, const Status& why, const std::string& id) {
  switch (end) {
    case p2p::TunnelEnd::kStopped:
    case p2p::TunnelEnd::kFailed:
      return "";
    case p2p::TunnelEnd::kServerLost:
      return "is `ming server` running there? --signal names another, --wait waits longer";
    case p2p::TunnelEnd::kHostNotFound:
      return "is `ming host --id " + id + "` running, with the same --signal?";
    case p2p::TunnelEnd::kRefused:
      if (why.detail() != kHttpUnauthorized) return "";  // the host's refusal says it all
      return "check --token-file and the server's --valid-tokens-file";
    case p2p::TunnelEnd::kNoPath:
      return "a relay helps: see --turn-server";
    case p2p::TunnelEnd::kIdTaken:
      return "choose another --id, or stop the host that has it";
  }
  return "";
}

}  // namespace

TunnelAnnouncement AnnouncementOf(const Settings& settings) {
  TunnelAnnouncement announcement;
  announcement.id = settings.Value("id");
  announcement.protocol = settings.Value("protocol");
  announcement.signal = settings.Value("signal");
  announcement.token = !settings.Value("token").empty();
  return announcement;
}

void PrintAnnouncement(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void WarnOfSignaling(const p2p::SignalingAccess& signaling) {
  const bool local = IsLoopbackOnly(signaling.url.endpoint);
  if (signaling.url.secure() && signaling.trust.mode == ws::WsTrust::Mode::kInsecure) {
    LOG(WARNING) << "--insecure: whoever is between here and " << signaling.url.endpoint.ToString()
                 << " can pose as the server (give its certificate to --ca-file instead)";
  }
  if (!signaling.url.secure() && !signaling.token.empty() && !local) {
    LOG(WARNING) << "the token goes to " << signaling.url.endpoint.ToString()
                 << " unencrypted (use wss://)";
  }
}

Status CheckInterfaces(const std::vector<std::string>& interfaces) {
  for (const std::string& name : interfaces) {
    if (::if_nametoindex(name.c_str()) != 0) continue;
    return {StatusCode::kInvalidArgument,
            "--interfaces: this machine has no interface '" + PrintableText(name, 40) + "'"};
  }
  return Status::Ok();
}

ExitCode ReportEnd(p2p::TunnelEnd end, const Status& why, const std::string& id) {
  if (end == p2p::TunnelEnd::kStopped) return ExitCode::kOk;
  const std::string next_step = NextStep(end, why, id);
  PrintError(next_step.empty() ? why : WithHint(why, next_step));
  return ExitCodeFor(end, why);
}

}  // namespace ming::cli
