#include "http/client_fixture.test.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <boost/asio/write.hpp>

namespace ai_proxy::http {

template <class Stream>
Task<void> Provider::read_to_the_end(Provider& self, Stream& stream) {
  std::vector<char> block(4096);
  error_code fault;
  while (!fault) co_await stream.async_read_some(asio::buffer(block), asio::redirect_error(kAwait, fault));
  ++self.ended_by_client;
}

template <class Stream>
Task<bool> Provider::read_request(Provider& self, Stream& stream, std::size_t bytes_max) {
  std::string text;
  std::size_t wanted = SIZE_MAX;
  std::vector<char> block(64 * 1024);
  while (text.size() < std::min(wanted, bytes_max)) {
    error_code fault;
    const std::size_t bytes = co_await stream.async_read_some(
        asio::buffer(block.data(), std::min({block.size(), bytes_max - text.size(), wanted - text.size()})),
        asio::redirect_error(kAwait, fault));
    if (fault) {
      ++self.ended_by_client;
      co_return false;
    }
    self.bytes_received += bytes;
    text.append(block.data(), bytes);
    const std::size_t head = text.find("\r\n\r\n");
    if (wanted != SIZE_MAX || head == std::string::npos) continue;
    const std::size_t length = text.find("Content-Length: ");
    wanted = head + 4 + (length < head ? std::stoul(text.substr(length + 16)) : 0);
  }
  self.requests.push_back(std::move(text));
  co_return true;
}

template <class Stream>
Task<void> Provider::play(Provider& self, Stream& stream, Socket& socket, const std::vector<Turn>& script) {
  std::string left;
  for (std::size_t turn_number = 0;; ++turn_number) {
    const Turn& turn = script[std::min(turn_number, script.size() - 1)];
    if (!co_await read_request(self, stream, turn.read_bytes_max)) co_return;
    for (std::size_t i = 0; i < turn.pieces.size(); ++i) {
      if (i > 0) co_await pause(milliseconds(20));
      error_code fault;
      co_await asio::async_write(stream, asio::buffer(turn.pieces[i]), asio::redirect_error(kAwait, fault));
      if (fault) {
        ++self.ended_by_client;
        co_return;
      }
    }
    if (turn.then == Turn::Then::reset) socket.set_option(asio::socket_base::linger(true, 0));
    if (turn.then == Turn::Then::close || turn.then == Turn::Then::reset) {
      error_code ignored;
      socket.close(ignored);
      co_return;
    }
    if (turn.then == Turn::Then::hang) co_await read_to_the_end(self, stream);
  }
}

Task<void> Provider::start(Provider& self, Socket socket, const std::vector<Turn>& script) {
  if (self.tls_ == nullptr) co_return co_await play(self, socket, socket, script);
  asio::ssl::stream<Socket&> stream(socket, *self.tls_);
  error_code fault;
  co_await stream.async_handshake(asio::ssl::stream_base::server, asio::redirect_error(kAwait, fault));
  if (fault) co_return;
  self.handshakes_resumed += SSL_session_reused(stream.native_handle()) == 1;
  co_await play(self, stream, socket, script);
}

Task<void> Provider::accept(Provider& self) {
  for (;;) {
    error_code fault;
    Socket socket = co_await self.acceptor_.async_accept(asio::redirect_error(kAwait, fault));
    if (fault) co_return;
    const std::size_t number = self.accepted++;
    const auto& script = self.scripts_[std::min(number, self.scripts_.size() - 1)];
    asio::co_spawn(Executor(self.io_.get_executor()), start(self, std::move(socket), script), asio::detached);
  }
}

Provider::Provider(asio::io_context& io, std::vector<std::vector<Turn>> scripts, asio::ssl::context* tls,
                   int backlog)
    : io_(io), scripts_(std::move(scripts)), tls_(tls), acceptor_(io.get_executor()) {
  const tcp::endpoint any(asio::ip::address_v4::loopback(), 0);
  acceptor_.open(any.protocol());
  acceptor_.bind(any);
  acceptor_.listen(backlog);
  if (!scripts_.empty()) asio::co_spawn(Executor(io.get_executor()), accept(*this), asio::detached);
}

Certificate::Certificate(const std::string& names, long days) : key_(EVP_EC_gen("P-256")), x509_(X509_new()) {
  X509_set_version(x509_, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509_), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509_), -2 * 86'400);
  X509_gmtime_adj(X509_getm_notAfter(x509_), days * 86'400);
  X509_set_pubkey(x509_, key_);
  X509_NAME* name = X509_get_subject_name(x509_);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("a test"), -1,
                             -1, 0);
  X509_set_issuer_name(x509_, name);
  for (const auto& [kind, value] : {std::pair(NID_basic_constraints, std::string("critical,CA:TRUE")),
                                    std::pair(NID_subject_alt_name, names)}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    X509_add_ext(x509_, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(x509_, key_, EVP_sha256());
  path_ = std::filesystem::temp_directory_path() /
          ("client_test_" + std::to_string(getpid()) + "_" +
           std::to_string(reinterpret_cast<std::uintptr_t>(x509_)) + ".pem");
  std::FILE* file = std::fopen(path_.c_str(), "w");
  PEM_write_X509(file, x509_);
  std::fclose(file);
}

Certificate::~Certificate() {
  std::filesystem::remove(path_);
  X509_free(x509_);
  EVP_PKEY_free(key_);
}

void Certificate::serve_from(asio::ssl::context& context) const {
  SSL_CTX_use_certificate(context.native_handle(), x509_);
  SSL_CTX_use_PrivateKey(context.native_handle(), key_);
}

Result<ClientReply> ClientTest::send(const Origin& origin, std::string_view body, bool replayable) {
  OutgoingRequest request;
  request.path = "/v1/chat/completions";
  request.fields = "Content-Type: application/json\r\n";
  request.body = body;
  request.replayable = replayable;
  return run(pool().send(origin, request, cancellation_));
}

Result<std::string> ClientTest::read_all(ClientReply& reply, std::size_t bytes_max) {
  return run(reply.read_all(bytes_max));
}

std::string ClientTest::exchange(const Origin& origin, std::string_view body, bool replayable) {
  Result<ClientReply> reply = send(origin, body, replayable);
  if (!reply) return std::string(word(reply.error().code)) + ": " + reply.error().message;
  Result<std::string> text = read_all(*reply);
  if (!text) return std::string(word(text.error().code)) + ": " + text.error().message;
  EXPECT_GE(text->capacity(), text->size() + json::kPadding);
  return std::to_string(reply->status()) + " " + *text;
}

}  // namespace ai_proxy::http
