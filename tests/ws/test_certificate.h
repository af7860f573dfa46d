// TestCertificate: a self-signed certificate and its key in files, made anew by each test.
#ifndef MING_TESTS_WS_TEST_CERTIFICATE_H_
#define MING_TESTS_WS_TEST_CERTIFICATE_H_

#include <string>

namespace ming::ws {

class TestCertificate {
 public:
  // For `names`, in OpenSSL's words: "DNS:localhost,IP:127.0.0.1".
  explicit TestCertificate(const std::string& names);
  ~TestCertificate();
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  std::string certificate_file() const { return directory_ + "/cert.pem"; }
  std::string key_file() const { return directory_ + "/key.pem"; }

 private:
  std::string directory_;
};

}  // namespace ming::ws

#endif  // MING_TESTS_WS_TEST_CERTIFICATE_H_
