// Options: the "--name value" words behind a command of ming_load.
#ifndef MING_LOAD_OPTIONS_H_
#define MING_LOAD_OPTIONS_H_

#include <map>
#include <string>
#include <vector>

#include "ming/load/endpoint.h"

namespace ming::load {

class Options {
 public:
  // Ends the process where a word is no "--name" or its value is missing.
  explicit Options(const std::vector<std::string>& words);

  std::string Text(const std::string& name, const std::string& fallback);
  double Number(const std::string& name, double fallback);
  size_t Count(const std::string& name, size_t fallback);
  Endpoint Place(const std::string& name);
  // Ends the process where a word was given that nobody asked for.
  void CheckAllUsed() const;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace ming::load

#endif  // MING_LOAD_OPTIONS_H_
