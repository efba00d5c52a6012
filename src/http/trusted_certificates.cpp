// OpenSSL 3.
#include "http/trusted_certificates.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <stdexcept>

namespace ai_proxy::http {
namespace {

const char* variable_or(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : otherwise;
}

bool holds_files(const std::filesystem::path& folder) {
  std::error_code fault;
  std::filesystem::directory_iterator files(folder, fault);
  return !fault && files != std::filesystem::directory_iterator();
}

bool holds_a_certificate(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return text.find("-----BEGIN ") != std::string::npos;
}

// OpenSSL says yes to its default places even when nothing is there; then every handshake would fail.
bool system_trusts_someone() {
  return holds_a_certificate(variable_or(X509_get_default_cert_file_env(), X509_get_default_cert_file())) ||
         holds_files(variable_or(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
}

std::string last_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? "unknown reason" : reason;
}

}  // namespace

std::shared_ptr<TrustedCertificates> TrustedCertificates::with(const std::string& ca_file) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<TrustedCertificates>> made;
  const std::lock_guard lock(mutex);
  std::weak_ptr<TrustedCertificates>& place = made[ca_file];
  std::shared_ptr<TrustedCertificates> certificates = place.lock();
  if (!certificates) {
    certificates.reset(new TrustedCertificates(ca_file));
    place = certificates;
  }
  return certificates;
}

// What a person has named is read here and now, so that the start can say what is wrong with it.
TrustedCertificates::TrustedCertificates(const std::string& ca_file) : store_(X509_STORE_new()) {
  std::string fault;
  if (store_ == nullptr) {
    fault = "OpenSSL cannot make a store of certificates: " + last_reason();
  } else if (!ca_file.empty() && X509_STORE_load_file(store_, ca_file.c_str()) != 1) {
    fault = "The file of trusted certificates cannot be read (" + last_reason() + "): " + ca_file;
  } else if (ca_file.empty() && !system_trusts_someone()) {
    fault = "There is no bundle of trusted certificates. Install ca-certificates, or name a file.";
  }
  ERR_clear_error();
  if (!fault.empty()) {
    X509_STORE_free(store_);
    throw std::runtime_error(fault);
  }
  read_ = std::async(std::launch::async, [store = store_] {
            X509_STORE_set_default_paths(store);
            ERR_clear_error();
          }).share();
}

TrustedCertificates::~TrustedCertificates() {
  read_.wait();
  X509_STORE_free(store_);
}

x509_store_st* TrustedCertificates::store() {
  read_.wait();
  return store_;
}

}  // namespace ai_proxy::http
