// A fresh folder as the working directory of one test.
#ifndef MING_TESTS_CLI_TEST_FOLDER_H_
#define MING_TESTS_CLI_TEST_FOLDER_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace ming::cli {

class TestFolder : public testing::Test {
 public:
  ~TestFolder() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }

 protected:
  TestFolder() : before_(std::filesystem::current_path()) {
    std::string name = testing::TempDir() + "ming-cli-XXXXXX";
    folder_ = mkdtemp(name.data());
    std::filesystem::current_path(folder_);
  }

  // Readable by the owner only.
  static void Write(const std::string& name, const std::string& text) {
    std::ofstream(name) << text;
    std::filesystem::permissions(
        name, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path before_;
  std::filesystem::path folder_;
};

}  // namespace ming::cli

#endif  // MING_TESTS_CLI_TEST_FOLDER_H_
