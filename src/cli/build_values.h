// Constants of the generated build_values.cc.
#ifndef MING_CLI_BUILD_VALUES_H_
#define MING_CLI_BUILD_VALUES_H_

namespace ming::cli {

extern const char kProjectVersion[];
extern const char kBuildCommit[];
extern const char kGlogVersion[];
extern const char kGflagsVersion[];
extern const char kYamlVersion[];

}  // namespace ming::cli

#endif  // MING_CLI_BUILD_VALUES_H_
