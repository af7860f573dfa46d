#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "ming/cli/program.h"

int main(int argc, char** argv) {
  ming::cli::Environment environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  const std::string_view called = argc > 0 ? argv[0] : "";
  if (called.substr(called.rfind('/') + 1) == "reverse-tunnel")
    words.insert(words.begin(), "reverse");
  return static_cast<int>(ming::cli::RunProgram(words, environment));
}
