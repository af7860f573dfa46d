#include "ming/cli/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "ming/cli/flag_value.h"
#include "ming/net/unique_fd.h"

namespace ming::cli {
namespace {

constexpr size_t kMaxSecretBytes = size_t{64} * 1024;

Status Invalid(const Setting& setting, const std::string& problem) {
  return Status(StatusCode::kInvalidArgument,
                setting.where + ": \"" + setting.value + "\" " + problem);
}

// The lines of `text` that are not empty, without "\r".
std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

Result<std::string> SecretOf(const FlagSpec& secret, const Setting& file) {
  const Result<std::string> text = ReadSmallFile(file.value, kMaxSecretBytes);
  if (!text.ok()) return text.status().WithContext(file.where);
  const std::vector<std::string> lines = Lines(*text);
  if (lines.empty()) return Invalid(file, "is empty: it must hold --" + secret.name);
  if (secret.type != ValueType::kTextList) {
    if (lines.size() > 1) return Invalid(file, "holds more than one line");
    return lines[0];
  }
  std::string list;
  for (const std::string& line : lines) {
    if (line.find(',') != std::string::npos) return Invalid(file, "holds a line with a comma");
    list += (list.empty() ? "" : ",") + line;
  }
  return list;
}

bool EverybodyMayRead(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IROTH) != 0;
}

}  // namespace

Result<std::string> ReadSmallFile(const std::string& path, size_t limit) {
  const net::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Status::FromErrno("cannot read " + path, errno);
  std::string text;
  char block[4096];
  while (true) {
    const ssize_t count = ::read(fd.get(), block, sizeof(block));
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Status::FromErrno("cannot read " + path, errno);
    text.append(block, static_cast<size_t>(count));
    if (text.size() > limit) {
      return Status(StatusCode::kResourceExhausted,
                    path + " is larger than " + std::to_string(limit) + " bytes");
    }
  }
}

bool FileExists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Status ReadSecretFiles(Settings& settings, std::vector<std::string>& warnings) {
  for (const FlagSpec& flag : settings.flags().flags()) {
    if (flag.secret_of.empty() || settings.Value(flag.name).empty()) continue;
    const Setting file = settings.Get(flag.name);
    const Setting& direct = settings.Get(flag.secret_of);
    if (direct.origin > file.origin) continue;
    if (direct.origin == file.origin) {
      return Status(StatusCode::kInvalidArgument,
                    "both " + direct.where + " and " + file.where + " are set: give one of them");
    }
    const FlagSpec& secret = *settings.flags().Find(flag.secret_of);
    Result<std::string> value = SecretOf(secret, file);
    if (!value.ok()) return value.status();
    if (Status valid = CheckValue(secret, *value); !valid.ok()) {
      return valid.WithContext(file.where + ": " + file.value);
    }
    if (EverybodyMayRead(file.value)) {
      warnings.push_back(file.value + " can be read by everybody on this machine (chmod 600 " +
                         file.value + ")");
    }
    settings.Override(Setting{secret.name, *std::move(value), file.origin, file.where});
  }
  return Status::Ok();
}

std::vector<std::string> FindVisibleSecrets(const Settings& settings) {
  std::vector<std::string> sentences;
  for (const FlagSpec& flag : settings.flags().flags()) {
    if (flag.sensitivity != Sensitivity::kSecret) continue;
    const Setting& setting = settings.Get(flag.name);
    if (setting.origin != Origin::kCommandLine || setting.where != "--" + flag.name) continue;
    sentences.push_back("--" + flag.name +
                        " on the command line is visible to everybody on this "
                        "machine who runs ps (use --" +
                        flag.name + "-file)");
  }
  return sentences;
}

}  // namespace ming::cli
