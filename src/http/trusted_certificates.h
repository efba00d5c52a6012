// The certificates that TLS trusts: the system's bundle, and a file beside it. Reading them takes tens of
// milliseconds, so it is done once for all threads, and beside the start, which does not wait for it.
#pragma once

#include <future>
#include <memory>
#include <string>

// OpenSSL's type; its headers stay in the .cpp.
struct x509_store_st;

namespace ai_proxy::http {

class TrustedCertificates {
 public:
  // The same object for the same file, as long as someone holds it. `ca_file` may be empty. Throws
  // std::runtime_error when the file cannot be read, or nothing is there to be trusted. Any thread.
  static std::shared_ptr<TrustedCertificates> with(const std::string& ca_file);

  ~TrustedCertificates();
  TrustedCertificates(const TrustedCertificates&) = delete;
  TrustedCertificates& operator=(const TrustedCertificates&) = delete;

  // Waits until they are read. Any thread.
  x509_store_st* store();

 private:
  explicit TrustedCertificates(const std::string& ca_file);

  x509_store_st* store_;
  std::shared_future<void> read_;
};

}  // namespace ai_proxy::http
