#include "ming/cli/announcement.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace ming::cli {
namespace {

// `word` as a shell takes it.
std::string ShellWord(const std::string& word) {
  constexpr std::string_view kSafe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,[]";
  const bool safe = !word.empty() && word.find_first_not_of(kSafe) == std::string::npos &&
                    word.find_first_of("[]") == std::string::npos;
  if (safe) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

// The command for the other side of a tunnel.
std::string OtherSide(const std::string& mode, const TunnelAnnouncement& tunnel) {
  std::string line =
      "ming " + mode + " --id " + ShellWord(tunnel.id) + " --signal " + ShellWord(tunnel.signal);
  if (tunnel.protocol != "tcp") line += " --protocol " + tunnel.protocol;
  if (tunnel.token) line += " --token-file FILE";
  return line;
}

// Where others reach a listener on `listen`.
HostPort Reachable(const HostPort& listen, const std::string& machine) {
  const std::optional<IpAddress> address = IpAddress::Parse(listen.host);
  const bool every_address = listen.host.empty() || (address && address->IsUnspecified());
  return {every_address ? machine : listen.host, listen.port};
}

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " and ") + word;
  return text;
}

}  // namespace

std::string AnnounceServer(const ServerAnnouncement& server) {
  const std::string scheme = server.tls ? "wss" : "ws";
  TunnelAnnouncement tunnel;
  tunnel.id = "myhost";
  tunnel.protocol = "tcp";
  tunnel.signal = scheme + "://" + Reachable(server.listen, server.machine).ToString();
  tunnel.token = server.tokens;
  return "ming server: listening on " + server.listen.ToString() + " (" + scheme + "://, " +
         (server.tokens ? "with tokens" : "without tokens") + ")\n" +
         "  beside the service:  " + OtherSide("host", tunnel) + " --remote localhost:22\n" +
         "  where you are:       " + OtherSide("client", tunnel) + " --local localhost:2222\n";
}

std::string AnnounceHost(const TunnelAnnouncement& tunnel, const HostPort& remote) {
  return "ming host: forwarding " + tunnel.protocol + " of clients of \"" + tunnel.id + "\" to " +
         remote.ToString() + ", by way of " + tunnel.signal + "\n" +
         "  where you are:       " + OtherSide("client", tunnel) + " --local localhost:25565\n";
}

std::string AnnounceClient(const TunnelAnnouncement& tunnel,
                           const std::vector<std::string>& local) {
  return "ming client: listening on " + Join(local) + " (" + tunnel.protocol +
         "), forwarding to host \"" + tunnel.id + "\", by way of " + tunnel.signal + "\n" +
         "  beside the service:  " + OtherSide("host", tunnel) + " --remote localhost:25565\n" +
         "  here:                connect your application to " +
         (local.empty() ? "" : local.front()) + "\n";
}

}  // namespace ming::cli
